import type { Since } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { Known } from "./left-rooms.ts";

/** Where a room's replay begins, and the offset behind which the client has had everything up to there. */
export interface Continued {
  readonly start: Since;
  readonly after: Known;
}

/** Where a client that comes back stood. */
export class Continuation {
  readonly starts: ReadonlyMap<Room, Continued>;
  /** Whether the client has had an event as one of this room, whichever room is replayed now. */
  readonly hadBefore: (room: Room, offset: number) => boolean;

  constructor(starts: Continuation["starts"], hadBefore: Continuation["hadBefore"]) {
    this.starts = starts;
    this.hadBefore = hadBefore;
  }
}

/** Where a replay begins: the same for all rooms, or for each its own. */
export type Start = Since | Continuation;
