import type { Room } from "../adapter/index.ts";

/** Where sockets stood in the kept rooms that they have left. */
export class LeftRooms {
  readonly #max: number;
  /** For each socket, rooms to offsets, the oldest first. */
  readonly #left = new WeakMap<object, Map<Room, number>>();

  /** @param max rooms of one socket; the oldest are forgotten */
  constructor(max: number) {
    this.#max = max;
  }

  /** @param offset of the newest event that it has, or will get */
  note(socket: object, room: Room, offset: number): void {
    let left = this.#left.get(socket);
    if (!left) {
      left = new Map();
      this.#left.set(socket, left);
    }
    left.delete(room);
    left.set(room, offset);
    if (left.size <= this.#max) return;
    for (const oldest of left.keys()) {
      left.delete(oldest);
      return;
    }
  }

  forget(socket: object, room: Room): void {
    this.#left.get(socket)?.delete(room);
  }

  offsetOf(socket: object, room: Room): number | undefined {
    return this.#left.get(socket)?.get(room);
  }
}
