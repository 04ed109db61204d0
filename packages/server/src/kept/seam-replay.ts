import { type Gap, mayReceive, type Replay, type StoredEvent } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import { type Hold, OutgoingPacket, type Part } from "../outbox/index.ts";
import type { Continuation } from "./continuation.ts";
import type { Framing } from "./framing.ts";
import { MergedReplay } from "./merged-replay.ts";

/** What a join with `since` brought. */
export interface ReplayResult {
  /** How many stored events were sent. */
  events: number;
  /** What was asked for and is no longer there; retention or an unclean stop has taken it. */
  gaps: Gap[];
}

/** As {@link Known}, of a member. */
export interface OwnKnown {
  offset: number;
}

/** How a stored event goes to the client. */
export type ToParts = (event: StoredEvent) => readonly Part[];

/** A join as it stood at its call. */
export interface Seam {
  readonly replays: readonly Replay[];
  /** Of the socket and its rooms. */
  readonly names: ReadonlySet<string>;
  readonly known: Map<Room, OwnKnown>;
  readonly toParts: ToParts;
  readonly framing: Framing | undefined;
  readonly continuation: Continuation | undefined;
  /** Takes for each room the offset behind which everything is live. */
  readonly seams: Map<Room, number> | undefined;
}

/** What one client is sent of the rooms that it joins with their past. */
export class SeamReplay {
  readonly #seam: Seam;
  readonly #hold: Hold;
  readonly #result: ReplayResult;
  readonly #merged: MergedReplay;
  readonly #replayed: ReadonlySet<Room>;
  /** Behind where each of them begins: a replay moves on as it is read. */
  readonly #starts: ReadonlyMap<Room, number>;
  /** Where the client stands in each room once it has handled what was written. */
  readonly #stands: Map<Room, number>;
  /** Of the gaps found. */
  #gapsTold = 0;
  /** Events of the replays that ended in a gap. */
  #eventsTold = 0;

  /** @param result is kept up to date */
  constructor(seam: Seam, hold: Hold, result: ReplayResult) {
    this.#seam = seam;
    this.#hold = hold;
    this.#result = result;
    this.#merged = new MergedReplay(seam.replays);
    this.#replayed = new Set(seam.replays.map(({ room }) => room));
    this.#starts = new Map(seam.replays.map(({ room, after }) => [room, after]));
    this.#stands = new Map(this.#starts);
  }

  /** Resolves with false if the client could not be given all of it. Rejects with the store's code. */
  async run(): Promise<boolean> {
    const { framing } = this.#seam;
    const hold = this.#hold;
    const merged = this.#merged;
    if (framing && !hold.isDiscarded)
      hold.write(framing.begin([...this.#stands], (room) => this.#floorOf(room)));
    while (!merged.isDone && !hold.isDiscarded && !hold.isFull) {
      // read as much as the client takes now, and no more: what was read waits in memory
      const credit = await framing?.credit();
      // the socket is gone, while its connection goes on: the client knows where it stands
      if (credit === 0) return false;
      const events = await merged.next(credit);
      const isEnd = events.length === 0 && merged.isDone;
      if (framing && !isEnd && !hold.isDiscarded) this.#tellGaps(framing);
      this.#write(events);
      await hold.ready();
    }
    this.#end();
    return true;
  }

  /** Before what is behind them: who is cut off on the way does not come back to a gap that it has passed. */
  #tellGaps(framing: Framing): void {
    const gaps = this.#merged.gaps.slice(this.#gapsTold);
    if (gaps.length === 0) return;
    this.#gapsTold += gaps.length;
    for (const { room, to, reason } of gaps) if (reason === "trimmed") this.#advance(room, to);
    this.#hold.write([
      framing.end(this.#result.events - this.#eventsTold, [...this.#stands], gaps),
      ...framing.begin([...this.#stands], (room) => this.#floorOf(room) ?? this.#starts.get(room)),
    ]);
    this.#eventsTold = this.#result.events;
  }

  /** Those of them that the client has not had, and may have. */
  #write(events: readonly StoredEvent[]): void {
    const { names, known, toParts, framing, continuation } = this.#seam;
    const last = events.at(-1)?.offset ?? 0;
    for (const room of this.#stands.keys()) this.#advance(room, last);
    const packets: OutgoingPacket[] = [];
    for (const event of events) {
      if (!mayReceive(event, names) || hasSeen(event, this.#replayed, known)) continue;
      if (continuation && hadBefore(event, continuation)) continue;
      packets.push(new OutgoingPacket(toParts(event)));
    }
    if (packets.length > 0) this.#hold.write(packets);
    framing?.spend(packets.length);
    this.#result.events += packets.length;
  }

  #end(): void {
    const { replays, known, framing, seams } = this.#seam;
    const { gaps, isDone } = this.#merged;
    this.#result.gaps = gaps;
    for (const { room, through } of replays) seams?.set(room, isDone ? through : this.#stands.get(room)!);
    if (framing && !this.#hold.isDiscarded) {
      const ends = replays.map(({ room, through }) => [room, through] as const);
      const events = this.#result.events - this.#eventsTold;
      this.#hold.write([framing.end(events, ends, gaps.slice(this.#gapsTold))]);
    }
    for (const [room, after] of this.#starts) {
      const own = known.get(room);
      if (own) own.offset = Math.min(own.offset, this.#floorOf(room) ?? after, after);
    }
  }

  #advance(room: Room, offset: number): void {
    this.#stands.set(room, Math.max(this.#stands.get(room)!, offset));
  }

  /** The offset behind which the client has had everything, where it says that. */
  #floorOf(room: Room): number | undefined {
    return this.#seam.continuation?.starts.get(room)?.after.offset;
  }
}

function hadBefore({ rooms, offset }: StoredEvent, continuation: Continuation): boolean {
  return rooms.length > 1 && rooms.some((room) => continuation.hadBefore(room, offset));
}

/** Whether an event of several rooms has reached the socket through one that is not being replayed. */
function hasSeen(
  { rooms, offset }: StoredEvent,
  replayed: ReadonlySet<Room>,
  known: ReadonlyMap<Room, OwnKnown>,
): boolean {
  if (rooms.length === 1) return false;
  return rooms.some((room) => !replayed.has(room) && offset > (known.get(room)?.offset ?? Infinity));
}
