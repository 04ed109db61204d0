// biome-ignore-all lint/suspicious/noExplicitAny: whatever the sockets' types
import {
  type Gap,
  type KeptRooms,
  mayReceive,
  type Replay,
  type Since,
  type StoredEvent,
} from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import { type Hold, OutgoingPacket } from "../outbox/index.ts";
import type { Socket } from "../socket.ts";
import { fromStored } from "./stored-packet.ts";

/** What a join with `since` brought. */
export interface ReplayResult {
  /** How many stored events were sent. */
  events: number;
  /** What was asked for and is no longer there; retention or an unclean stop has taken it. */
  gaps: Gap[];
}

const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 256 * 1024;

/**
 * Joins rooms with their past: replay, then live, with no hole and no repeat at the seam. The socket is a member from
 * the moment of the call, and everything issued from then on waits behind a hold at that point of its connection.
 */
export class Catchup {
  readonly #rooms: KeptRooms;
  readonly #namespace: string;
  /** For each socket and room, the offset behind which it has, or will have, all events: replayed, or live. */
  readonly #known = new WeakMap<object, Map<Room, number>>();

  constructor(rooms: KeptRooms, namespace: string) {
    this.#rooms = rooms;
    this.#namespace = namespace;
  }

  async join(
    socket: Socket<any, any, any, any>,
    rooms: readonly Room[],
    since: Since,
  ): Promise<ReplayResult> {
    // all of this in one turn: here is the seam
    const replays = rooms.map((room) => this.#rooms.replay(this.#namespace, room, since));
    const fresh = rooms.filter((room) => !socket.rooms.has(room));
    for (const room of rooms) void socket.join(room);
    const reached = new Promise<Hold>((resolve) => socket.outbox.hold(resolve));
    const settled = await Promise.allSettled(replays);
    const hold = await reached;
    try {
      const result: ReplayResult = { events: 0, gaps: [] };
      for (const outcome of settled) {
        if (outcome.status === "rejected") throw outcome.reason;
        await this.#replay(socket, outcome.value, hold, result);
      }
      return result;
    } catch (error) {
      // who asked for a past that can't be had is not let in halfway
      for (const room of fresh) void socket.leave(room);
      throw error;
    } finally {
      hold.release();
    }
  }

  async #replay(
    socket: Socket<any, any, any, any>,
    replay: Replay,
    hold: Hold,
    result: ReplayResult,
  ): Promise<void> {
    const names = new Set([socket.id, ...socket.rooms]);
    const known = this.#knownTo(socket);
    const start = replay.after;
    for (let done = false; !done && !hold.isDiscarded; ) {
      const chunk = await replay.next(CHUNK_EVENTS, CHUNK_BYTES);
      done = chunk.done;
      if (chunk.gap) result.gaps.push(chunk.gap);
      const events = chunk.events.filter(
        (event) => mayReceive(event, names) && !hasSeen(event, replay.room, known),
      );
      if (events.length === 0) continue;
      hold.write(events.map(({ payload }) => new OutgoingPacket(fromStored(payload))));
      result.events += events.length;
      await hold.ready();
    }
    if (known.has(replay.room)) known.set(replay.room, Math.min(start, known.get(replay.room)!));
  }

  /** The member has joined a kept room: from here on it gets the room's events live. */
  onJoin(member: object, room: Room): void {
    const known = this.#knownTo(member);
    known.set(room, Number.POSITIVE_INFINITY);
    this.#rooms.store.head(this.#namespace).then(
      (offset) => {
        if (known.get(room) === Number.POSITIVE_INFINITY) known.set(room, offset);
      },
      // without an offset nothing counts as seen: a repeat is better than a hole
      () => {},
    );
  }

  onLeave(member: object, room: Room): void {
    this.#known.get(member)?.delete(room);
  }

  #knownTo(socket: object): Map<Room, number> {
    let known = this.#known.get(socket);
    if (!known) {
      known = new Map();
      this.#known.set(socket, known);
    }
    return known;
  }
}

/** Whether an event of several rooms has reached the socket through another one. */
function hasSeen({ rooms, offset }: StoredEvent, room: Room, known: ReadonlyMap<Room, number>): boolean {
  return rooms.length > 1 && rooms.some((other) => other !== room && offset > (known.get(other) ?? Infinity));
}
