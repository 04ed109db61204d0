import type { Gap, Position } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { OutgoingPacket } from "../outbox/index.ts";
import type { Dialect } from "./shedding/index.ts";

/** A room, and the offset behind which its replay begins, or with which it has ended. */
export type RoomOffset = readonly [room: Room, offset: number];

/** What a client that speaks resume is told around a replay, and how fast it takes it. */
export interface Framing {
  /** What events that were not for this client are marked with, whatever its socket was called then. */
  readonly alias: string;
  /**
   * Where the client said that it stands in a room, and the offset behind which it has had everything; as long as it
   * has not been told anything newer.
   */
  lastOf(room: Room): (Position & { readonly floor: number }) | undefined;
  /** Whether the client had this event, of that room, before it came. */
  hadBefore(room: Room, offset: number): boolean;
  /** The member has joined a kept room, or left it. */
  onJoin(room: Room): void;
  onLeave(room: Room): void;
  /** What tells the client that it had left a room at this offset. */
  left(room: Room, offset: number): OutgoingPacket;
  /** What is joined or left during this call is not told: the replay does, or nothing has happened. */
  quietly(change: () => void): void;
  /** How stored events go to the client. */
  readonly dialect: Dialect;
  /**
   * What comes before the events.
   *
   * @param floorOf the offset behind which the client has had everything, where that is known
   */
  begin(starts: readonly RoomOffset[], floorOf?: (room: Room) => number | undefined): OutgoingPacket[];
  /** What comes behind the events. */
  end(events: number, ends: readonly RoomOffset[], gaps: readonly Gap[]): OutgoingPacket;
  /** What tells the client that events which it was to get, with no replay under way, are gone. */
  gap(gaps: readonly Gap[]): OutgoingPacket[];
  /** Resolves when the client takes more events, with how many; with 0 if it is gone. */
  credit(): Promise<number>;
  /**
   * Whether a packet of this client says where it stands: without what comes before, it would take that for events
   * that it has had.
   */
  isPosition(packet: OutgoingPacket): boolean;
  /** So many have been sent. */
  spend(events: number): void;
}
