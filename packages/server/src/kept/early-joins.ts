import type { Room } from "../adapter/index.ts";
import type { Joiner } from "./joiner.ts";

/** Where a socket stands that joined a room before it was let in. */
export interface Early {
  /** It has had, or was not meant to have, everything up to here. */
  readonly offset: number;
  /** Its client may know better. */
  readonly isLast: boolean;
}

/**
 * Joins with a past that middleware asks for: no socket gets live events before it is connected, so what is issued
 * until then is replayed when it is.
 */
export class EarlyJoins {
  readonly #rooms = new WeakMap<object, Map<Room, Early>>();

  note(socket: Joiner, room: Room, early: Early): void {
    const rooms = this.#rooms.get(socket);
    if (rooms) rooms.set(room, early);
    else this.#rooms.set(socket, new Map([[room, early]]));
  }

  /** By room, those that it is still in. */
  of(socket: Joiner): ReadonlyMap<Room, Early> | undefined {
    const rooms = this.#rooms.get(socket);
    if (!rooms) return undefined;
    return new Map([...rooms].filter(([room]) => socket.rooms.has(room)));
  }

  forget(socket: Joiner): void {
    this.#rooms.delete(socket);
  }
}
