import { type Gap, mayReceive, type StoredEvent, StoreError } from "@holdfast/core";
import type { Lost, OutgoingPacket, Shed, ShedPort, StoredAs, StoredRun } from "../../outbox/index.ts";
import type { Joiner } from "../joiner.ts";
import type { Dialect, LogWindow, Stretch } from "./log-window.ts";
import { Membership } from "./membership.ts";

/** How many events are remembered one by one, because they reached the socket otherwise than as a member of their rooms. */
const STRAYS_MAX = 10_000;
/** What is written at a time when all connections together hold too much. */
const CROWDED_BYTES = 16 * 1024;

/** What a reader needs of its adapter. */
export interface SlowReaderHost {
  readonly namespace: string;
  readonly window: LogWindow;
  dialectOf(socket: Joiner): Dialect;
  /** Whether the socket is in the room of a log, now. */
  isMember(socket: Joiner, log: string): boolean;
  /** Resolves when everything issued so far is on disk, or never will be. */
  settled(): Promise<unknown>;
  onReplayed(events: number): void;
  /** Retention has passed it by: what tells its client; undefined if nothing can, and its connection is closed. */
  onGap(socket: Joiner, gaps: readonly Gap[]): readonly OutgoingPacket[] | undefined;
  /** What must not go to the socket without what came before; `end` when nothing more is meant. */
  cutOff(socket: Joiner): Lost & { end(socket: Joiner): void };
  onEnd(reader: SlowReader): void;
}

/** A socket that does not take its stored events as fast as they are issued: from some event on, they come from the log. */
export class SlowReader implements Shed {
  readonly socket: Joiner;
  readonly port: ShedPort;
  readonly membership: Membership;
  readonly #host: SlowReaderHost;
  /** For each log that has something for it, the offset behind which that begins. */
  readonly #logs = new Map<string, number>();
  readonly #strays = new Set<number>();
  /** What follows stored packets without being one, and behind which of them; the first comes first. */
  #asides: { readonly behind: number; readonly packet: OutgoingPacket }[] = [];
  /** It has everything up to here. */
  #after = 0;
  /** The newest that it took. */
  #last = 0;
  /** A flush that something waits for which others have seen already. */
  #early: StoredAs["receipt"]["flush"] | undefined;
  #isNear = false;
  #isSealed = false;
  #hasBegun = false;
  #state: "behind" | "left" | "gone" = "behind";

  constructor(socket: Joiner, port: ShedPort, host: SlowReaderHost) {
    this.socket = socket;
    this.port = port;
    this.#host = host;
    this.membership = new Membership((log) => host.isMember(socket, log));
  }

  get isSealed(): boolean {
    return this.#isSealed;
  }

  /** Its socket is no more, and what was issued before it left is swallowed. */
  get hasLeft(): boolean {
    return this.#state === "left";
  }

  get isNear(): boolean {
    return this.#isNear;
  }

  /** Leaves a packet to the log. False if it is not there. */
  take(packet: OutgoingPacket): boolean {
    if (!packet.stored) {
      this.#asides.push({ behind: this.#last, packet });
      this.#checkBounds();
      return true;
    }
    const { receipt, rooms, except } = packet.stored;
    const { offset } = receipt;
    if (receipt.state === "failed" || offset === 0) return false;
    if (receipt.isEarly && receipt.state === "pending") this.#waitFor(receipt.flush);
    if (this.#last === 0) this.#after = offset - 1;
    this.#last = offset;
    const own = rooms.filter((room) => this.membership.wasIn(room, offset));
    if (own.length === 0 || this.#isExcluded(except, offset)) this.#strays.add(offset);
    for (const room of own.length > 0 ? own : rooms) {
      if (!this.#logs.has(room)) this.#logs.set(room, offset - 1);
    }
    this.#checkBounds();
    return true;
  }

  takeRun({ namespace, rooms, last }: StoredRun): boolean {
    if (this.#isSealed || namespace !== this.#host.namespace || this.#state !== "behind") return false;
    // whatever comes in these rooms is for it
    if (
      !this.membership.isUnchanged ||
      !rooms.every((room) => this.#logs.has(room) && this.membership.wasIn(room, last))
    )
      return false;
    this.#last = last;
    return true;
  }

  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#run().catch((error: Error) => {
      const code = error instanceof StoreError ? error.code : "STORE_IO";
      this.#fail(code, `what a slow reader has yet to get can't be read: ${error.message}`, error);
    });
  }

  seal(): void {
    this.#isSealed = true;
  }

  cancel(): void {
    this.#state = "gone";
    this.#host.onEnd(this);
  }

  /** The socket is no more. What was issued for it and is still under way must not go out without what was shed. */
  leave(): void {
    if (this.#state !== "behind") return;
    this.#state = this.#isSealed ? "gone" : "left";
    if (this.#isSealed) this.end();
  }

  end(): void {
    this.#state = "gone";
    this.port.onShedEnd(this);
    this.#host.onEnd(this);
  }

  async #run(): Promise<void> {
    for (let isHasty = false; ; isHasty = this.#isNear && this.#isSealed) {
      // at the end the rest is small, and everything else waits for it
      if (!isHasty) await this.port.ready();
      if (this.#early) await this.#host.settled();
      if (this.#state !== "behind") return;
      const through = this.#last;
      const { stretch, isFresh } = await this.#host.window.read([...this.#logs.keys()], this.#after);
      if (this.#state !== "behind") return;
      if (stretch.floors && !this.#mayGoOn(stretch.floors)) return;
      let events = stretch.events.filter((event) => this.#isFor(event, through));
      let reached = stretch.through;
      if (this.port.isCrowded) {
        const some = firstOf(events, CROWDED_BYTES);
        if (some.length < events.length) reached = some.at(-1)!.offset;
        events = some;
      }
      const isAll = isFresh && stretch.isLast && reached === stretch.through;
      const after = isAll ? through : Math.min(through, reached);
      this.#write(stretch, events, after);
      this.#advance(after);
      this.#isNear = isAll;
      if (this.#after >= this.#last) {
        this.end();
        return;
      }
      if (isAll && !this.#isSealed) this.port.onNear();
    }
  }

  #write(stretch: Stretch, events: readonly StoredEvent[], through: number): void {
    const dialect = this.#host.dialectOf(this.socket);
    let rest = events;
    const packets: OutgoingPacket[] = [];
    for (let aside = this.#asides[0]; aside && aside.behind <= through; aside = this.#asides[0]) {
      const { behind, packet } = aside;
      const before = rest.filter(({ offset }) => offset <= behind);
      if (before.length > 0) packets.push(stretch.batch(before, dialect));
      packets.push(packet);
      rest = rest.slice(before.length);
      this.#asides.shift();
    }
    if (rest.length > 0) packets.push(stretch.batch(rest, dialect));
    if (packets.length > 0) this.port.write(packets);
    this.#host.onReplayed(events.length);
  }

  #checkBounds(): void {
    if (this.#strays.size + this.#asides.length <= STRAYS_MAX && !this.membership.isFull) return;
    this.#fail("OUTBOX_FULL", "a slow reader's rooms have changed too often to go on");
  }

  #advance(after: number): void {
    if (after > this.#after) this.#after = after;
    for (const offset of this.#strays) if (offset <= this.#after) this.#strays.delete(offset);
  }

  #isFor(event: StoredEvent, through: number): boolean {
    const { offset, rooms } = event;
    if (offset <= this.#after || offset > through) return false;
    if (this.#strays.has(offset)) return true;
    const isOwn = rooms.some((room) => {
      const start = this.#logs.get(room);
      return start !== undefined && offset > start && this.membership.wasIn(room, offset);
    });
    return isOwn && mayReceive(event, { has: (name) => this.#isNamed(name, offset) });
  }

  #isExcluded(except: readonly string[], offset: number): boolean {
    return except.some((name) => this.#isNamed(name, offset));
  }

  #isNamed(name: string, offset: number): boolean {
    return name === this.socket.id || this.membership.wasIn(name, offset);
  }

  #mayGoOn(floors: ReadonlyMap<string, number>): boolean {
    const gaps: Gap[] = [];
    for (const [room, floor] of floors) {
      const from = Math.max(this.#after, this.#logs.get(room) ?? Number.POSITIVE_INFINITY);
      const to = Math.min(floor, this.#last);
      if (from < to) gaps.push({ room, from, to, reason: "trimmed" });
    }
    if (gaps.length === 0) return true;
    const told = this.#host.onGap(this.socket, gaps);
    if (told) {
      this.port.write(told);
      // once
      for (const { room, to } of gaps) this.#logs.set(room, to);
      return true;
    }
    const rooms = gaps.map(({ room }) => JSON.stringify(room)).join(", ");
    this.#fail("OUTBOX_GAP", `events of ${rooms} were dropped by retention before a slow reader took them`);
    return false;
  }

  #waitFor(flush: StoredAs["receipt"]["flush"]): void {
    if (this.#early === flush) return;
    this.#early = flush;
    flush.onSettled(() => {
      if (this.#early === flush) this.#early = undefined;
      if (flush.error && this.#state === "behind") {
        this.#fail("STORE_IO", "what a slow reader has yet to get could not be stored", flush.error);
      }
    });
  }

  #fail(code: string, message: string, cause?: unknown): void {
    if (this.#state !== "behind") return;
    this.#state = "gone";
    const error = Object.assign(new Error(`${code}: ${message}`, { cause }), { code });
    // perhaps in the middle of a flush
    process.nextTick(() => this.socket.conn.onClose("transport error", error));
  }
}

/** The first events, of about so many bytes; at least one, if there are any. */
function firstOf(events: readonly StoredEvent[], bytes: number): StoredEvent[] {
  const first: StoredEvent[] = [];
  let size = 0;
  for (const event of events) {
    if (first.length > 0 && size + event.payload.length > bytes) break;
    size += event.payload.length;
    first.push(event);
  }
  return first;
}
