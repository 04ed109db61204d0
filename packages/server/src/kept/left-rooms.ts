import type { Room } from "../adapter/index.ts";

/** The offset behind which a socket has, or will have, all of a room's events. It falls when a replay has ended. */
export interface Known {
  readonly offset: number;
}

/** Of which of a room's events a socket has all: behind `after`, up to `through`. */
export interface Stay {
  readonly after: Known;
  readonly through: number;
}

export function isWithin({ after, through }: Stay, offset: number): boolean {
  return offset > after.offset && offset <= through;
}

/** Where sockets stood in the kept rooms that they have left. */
export class LeftRooms {
  readonly #max: number;
  /** For each socket, its rooms, the oldest first. */
  readonly #left = new WeakMap<object, Map<Room, Stay>>();

  /** @param max rooms of one socket; the oldest are forgotten */
  constructor(max: number) {
    this.#max = max;
  }

  note(socket: object, room: Room, stay: Stay): void {
    let left = this.#left.get(socket);
    if (!left) {
      left = new Map();
      this.#left.set(socket, left);
    }
    left.delete(room);
    left.set(room, stay);
    if (left.size <= this.#max) return;
    for (const oldest of left.keys()) {
      left.delete(oldest);
      return;
    }
  }

  forget(socket: object, room: Room): void {
    this.#left.get(socket)?.delete(room);
  }

  /** All of it, as it is now. */
  of(socket: object): ReadonlyMap<Room, Stay> {
    return new Map(this.#left.get(socket));
  }
}
