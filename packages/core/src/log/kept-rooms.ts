import type { AppendOperation, Position, Receipt, StorageUsage, Store, StoredEvent } from "../store/index.ts";
import { StoreError } from "../store/index.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Policies, type RoomsOption } from "./policy.ts";
import { requirePosition } from "./position.ts";
import { Replay, type Since } from "./replay.ts";
import { Retention, type RetentionOptions } from "./retention.ts";

export interface KeptRoomsOptions extends RetentionOptions {
  /** Patterns of kept rooms, or what they were made into. Default: none. */
  readonly rooms?: RoomsOption | Policies | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** An event on its way into the log. */
export interface KeptEvent {
  readonly namespace: string;
  /** The kept rooms it goes to, as `keptOf` gave them. */
  readonly rooms: readonly string[];
  /** The encoded packet; the log does not look into it. */
  readonly payload: string | Uint8Array;
  /** Rooms and socket ids that do not get it. */
  readonly except?: readonly string[] | undefined;
  /** The socket that sent it and does not get it. */
  readonly sender?: string | undefined;
}

export interface HistoryQuery {
  /** Only events before this position (object or text). */
  readonly before?: Position | string | undefined;
  /** Only events behind this position, the oldest of them first. */
  readonly after?: Position | string | undefined;
  /** Default 50, at most 1,000. */
  readonly limit?: number | undefined;
}

const HISTORY_LIMIT = 50;
const HISTORY_LIMIT_MAX = 1000;
const HISTORY_BYTES_MAX = 16 * 1024 * 1024;

/** The kept rooms of a server: which they are, their events in and out, and how long these stay. */
export class KeptRooms {
  readonly store: Store;
  readonly policies: Policies;
  readonly #clock: Clock;
  readonly #retention: Retention;

  constructor(store: Store, options: KeptRoomsOptions = {}) {
    const { rooms, clock = systemClock } = options;
    this.store = store;
    this.policies = rooms instanceof Policies ? rooms : new Policies(rooms);
    this.#clock = clock;
    this.#retention = new Retention(store, this.policies, clock, options);
  }

  /** Starts retention in the background. */
  start(): void {
    this.#retention.start();
  }

  /** Stops retention; the store stays open. */
  close(): Promise<void> {
    return this.#retention.close();
  }

  /** Resolves when the retention work that is due is done. */
  idle(): Promise<void> {
    return this.#retention.idle();
  }

  isKept(room: string): boolean {
    return this.policies.of(room) !== undefined;
  }

  /** Those of some rooms that are kept, each once. */
  keptOf(rooms: Iterable<string>): string[] {
    const kept: string[] = [];
    for (const room of rooms) {
      if (this.policies.of(room) !== undefined && !kept.includes(room)) kept.push(room);
    }
    return kept;
  }

  /**
   * Stores an event. The receipt's flush is the gate of its delivery, unless the receipt `isEarly`; one that has
   * failed already was refused, and takes no place in any order.
   */
  append(event: KeptEvent): Receipt {
    const receipt = this.store.commit(this.operation(event));
    if (receipt.state !== "failed") this.onAppend(event);
    return receipt;
  }

  /** The append as an operation, for a commit that does more. Once that was taken, {@link onAppend} MUST be called. */
  operation({ namespace, rooms, payload, except, sender }: KeptEvent): AppendOperation {
    let flush = rooms.length === 0;
    for (const room of rooms) {
      const policy = this.policies.ofLog(room);
      if (!policy || policy.flush) flush = true;
    }
    return { type: "append", namespace, rooms, payload, timeMs: this.#clock.now(), except, sender, flush };
  }

  /** An event's append was taken: its rooms may have become too full. */
  onAppend({ namespace, rooms, payload }: KeptEvent): void {
    for (const room of rooms) {
      const policy = this.policies.ofLog(room);
      if (policy) this.#retention.count(namespace, room, policy, payload.length);
    }
  }

  /** The position of an event of a room, once its offset is known. */
  positionOf(room: string, offset: number): Position {
    const { flushed, unflushed } = this.store.epochs!;
    return { epoch: this.policies.ofLog(room)?.flush === false ? unflushed : flushed, offset };
  }

  /** Stored events of some rooms, oldest first: the newest ones, unless `after` is given. */
  async history(
    namespace: string,
    rooms: readonly string[],
    { before, after, limit = HISTORY_LIMIT }: HistoryQuery = {},
  ): Promise<readonly StoredEvent[]> {
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw new StoreError("QUERY_INVALID", `limit is ${limit}; it must be a whole number`);
    }
    const { events } = await this.store.events({
      namespace,
      rooms,
      before: before === undefined ? undefined : requirePosition(before, "before").offset,
      after: after === undefined ? undefined : requirePosition(after, "after").offset,
      limit: Math.min(limit, HISTORY_LIMIT_MAX),
      bytes: HISTORY_BYTES_MAX,
      reverse: after === undefined,
    });
    return after === undefined ? [...events].reverse() : events;
  }

  /** A room's past since then, up to what this process has issued before this call. */
  replay(namespace: string, room: string, since: Since): Promise<Replay> {
    return Replay.open(this.store, this.#clock, namespace, room, since);
  }

  /** Drops all events of a room that were issued before this call; resolves with how many. */
  async forget(namespace: string, room: string): Promise<number> {
    const through = await this.store.head(namespace);
    let events = 0;
    for (let more = true; more; ) {
      const result = await this.store.commit({ type: "trim", namespace, room, through }).durable();
      const trim = result.trims[0]!;
      events += trim.events;
      more = trim.more;
    }
    return events;
  }

  storage(): Promise<StorageUsage> {
    return this.store.storage();
  }
}

/**
 * False if an event must not reach a reader: it is the sender, or it or one of its rooms is excluded.
 * `names` answers for the reader's ids and rooms.
 */
export function mayReceive(
  { sender, except }: Pick<StoredEvent, "sender" | "except">,
  names: { has(name: string): boolean },
): boolean {
  if (sender !== undefined && names.has(sender)) return false;
  for (const name of except) if (names.has(name)) return false;
  return true;
}
