import type { Since } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";

/** Where a client that comes back stood. */
export class Continuation {
  /** Where each room's replay begins. */
  readonly starts: ReadonlyMap<Room, Since>;
  /** Whether the client has had an event as one of this room, whichever room is replayed now. */
  readonly hadBefore: (room: Room, offset: number) => boolean;

  constructor(starts: Continuation["starts"], hadBefore: Continuation["hadBefore"]) {
    this.starts = starts;
    this.hadBefore = hadBefore;
  }
}

/** Where a replay begins: the same for all rooms, or for each its own. */
export type Start = Since | Continuation;
