import type { KeptRooms } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { Hold } from "../outbox/index.ts";
import { Continuation, type Start } from "./continuation.ts";
import { CutOff } from "./cut-off.ts";
import type { Framing } from "./framing.ts";
import type { Front } from "./front.ts";
import type { Joiner } from "./joiner.ts";
import type { Known } from "./left-rooms.ts";
import { type OwnKnown, type ReplayResult, SeamReplay, type ToParts } from "./seam-replay.ts";

/** What a join that continues brought. */
export interface LastResult extends ReplayResult {
  /** Whether it was known, for each of the rooms, where the client stood. Those for which it was not are joined as new. */
  resumed: boolean;
}

/**
 * Joins rooms with their past: replay, then live, with no hole and no repeat at the seam. The socket is a member from
 * the moment of the call, and everything issued from then on waits behind a hold at that point of its connection.
 *
 * A replay goes on when its socket leaves the room or the namespace, since events issued before that wait behind it:
 * what a client got is never without what was before. It ends with the connection; one that waits for its client ends
 * when that can say no more, and what waits behind it goes with it.
 */
export class Catchup {
  readonly #rooms: KeptRooms;
  readonly #namespace: string;
  readonly #front: Front;
  /** For each socket, the kept rooms that it is in. */
  readonly #known = new WeakMap<object, Map<Room, OwnKnown>>();
  /** Of each socket, the replays under way that wait for their client. */
  readonly #cutOffs = new WeakMap<object, Set<CutOff>>();

  constructor(rooms: KeptRooms, namespace: string, front: Front) {
    this.#rooms = rooms;
    this.#front = front;
    this.#namespace = namespace;
  }

  /**
   * @param toParts a stored event as it goes to the client
   * @param framing of one that is told where it stands
   * @param seams takes for each room the offset behind which everything is live
   */
  async join(
    socket: Joiner,
    asked: readonly Room[],
    start: Start,
    toParts: ToParts,
    framing?: Framing,
    seams?: Map<Room, number>,
  ): Promise<ReplayResult> {
    // nobody is left to write to: a "disconnecting" listener asked
    if (socket.conn.readyState === "closed") return { events: 0, gaps: [] };
    const rooms = [...new Set(asked)];
    // all of this in one turn: here is the seam
    const { reached } = holdBack(socket);
    const continuation = start instanceof Continuation ? start : undefined;
    const startOf = (room: Room) => (start instanceof Continuation ? start.starts.get(room)!.start : start);
    const opening = Promise.allSettled(
      rooms.map((room) => this.#rooms.replay(this.#namespace, room, startOf(room))),
    );
    const fresh = rooms.filter((room) => !socket.rooms.has(room));
    const enter = () => {
      for (const room of rooms) void socket.join(room);
    };
    if (framing) framing.quietly(enter);
    else enter();
    // as it is now: whatever it leaves meanwhile, what it was sent it has seen
    const names = new Set([socket.id, ...socket.rooms]);
    if (framing) names.add(framing.alias);
    const known = new Map(this.#knownTo(socket));
    const cutOff = framing && this.#cutOffOf(socket, framing);
    const settled = await opening;
    const hold = await reached;
    const result: ReplayResult = { events: 0, gaps: [] };
    let hasBegun = false;
    let isWhole = true;
    try {
      const replays = settled.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
      hasBegun = true;
      const seam = { replays, names, known, toParts, framing, continuation, seams };
      isWhole = await new SeamReplay(seam, hold, result).run();
      return result;
    } catch (error) {
      // the connection is closed, and perhaps the store with it: nobody is there to be told
      if (hold.isDiscarded) return result;
      if (framing && hasBegun) {
        // it is told of no end, and gets nothing behind the hole: it comes back to where it stands
        socket.conn.onClose("transport error", error);
        throw error;
      }
      // who asked for a past that can't be had is not let in halfway
      const leave = () => {
        for (const room of fresh) void socket.leave(room);
      };
      if (framing) framing.quietly(leave);
      else leave();
      throw error;
    } finally {
      if (cutOff) this.#cutOffs.get(socket)?.delete(cutOff);
      hold.release(isWhole ? undefined : cutOff);
    }
  }

  /** Whether a replay is under way that waits for its client. */
  waitsFor(socket: object): boolean {
    return (this.#cutOffs.get(socket)?.size ?? 0) > 0;
  }

  /** The socket is no more. What is issued for its client from now on belongs to another session. */
  onGone(socket: Joiner): void {
    for (const cutOff of this.#cutOffs.get(socket) ?? []) cutOff.end(socket);
  }

  #cutOffOf(socket: Joiner, framing: Framing): CutOff {
    const cutOff = new CutOff(this.#namespace, framing);
    const cutOffs = this.#cutOffs.get(socket);
    if (cutOffs) cutOffs.add(cutOff);
    else this.#cutOffs.set(socket, new Set([cutOff]));
    return cutOff;
  }

  /** The member has joined a kept room: from here on it gets the room's events live. */
  onJoin(member: object, room: Room): void {
    const known: OwnKnown = { offset: this.#front.isReady ? this.#front.last : Number.POSITIVE_INFINITY };
    this.#knownTo(member).set(room, known);
    if (this.#front.isReady) return;
    this.#rooms.store.head(this.#namespace).then(
      (offset) => {
        known.offset = Math.min(known.offset, offset);
      },
      // without an offset nothing counts as seen: a repeat is better than a hole
      () => {},
    );
  }

  /** The member of a kept room has, or will get, all its events behind `after`. */
  onRecovered(member: object, room: Room, after: number): void {
    const known = this.#knownTo(member).get(room);
    if (known) known.offset = Math.min(known.offset, after);
  }

  /** @returns behind where it has all of the room's events up to now; a replay may still be under way */
  onLeave(member: object, room: Room): Known {
    const known = this.#known.get(member);
    const after = known?.get(room) ?? { offset: Number.POSITIVE_INFINITY };
    known?.delete(room);
    return after;
  }

  #knownTo(socket: object): Map<Room, OwnKnown> {
    let known = this.#known.get(socket);
    if (!known) {
      known = new Map();
      this.#known.set(socket, known);
    }
    return known;
  }
}

/** Throws if the connection can't be held; the promise waits until what was issued before has left. */
function holdBack(socket: Joiner): { reached: Promise<Hold> } {
  let onReached!: (hold: Hold) => void;
  const reached = new Promise<Hold>((resolve) => {
    onReached = resolve;
  });
  socket.outbox.hold(onReached);
  return { reached };
}
