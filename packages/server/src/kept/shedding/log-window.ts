import type { Store, StoredEvent } from "@holdfast/core";
import { PacketBatch, type Part } from "../../outbox/index.ts";

/** What is read at a time: so much a reader that stops again holds in memory. */
const STRETCH_EVENTS = 1_000;
const STRETCH_BYTES = 128 * 1024;
/** What is kept for others that come the same way, in payload bytes; in memory it takes about three times as much. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** How stored events go to a client. One object for all that get the same. */
export interface Dialect {
  parts(event: StoredEvent): readonly Part[];
}

/** Consecutive events of some logs: all behind `after`, up to `through`. */
export class Stretch {
  readonly after: number;
  readonly through: number;
  readonly events: readonly StoredEvent[];
  /** Nothing was behind them when they were read. */
  readonly isLast: boolean;
  /** By log: events up to there may have been gone when these were read. Only of logs of which some may be missing. */
  readonly floors: ReadonlyMap<string, number> | undefined;
  readonly bytes: number;
  readonly #batches = new Map<Dialect, PacketBatch>();

  constructor(
    after: number,
    events: readonly StoredEvent[],
    isLast: boolean,
    floors: ReadonlyMap<string, number> | undefined,
  ) {
    this.after = after;
    this.through = events.at(-1)?.offset ?? after;
    this.events = events;
    this.isLast = isLast;
    this.floors = floors;
    this.bytes = events.reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** Some of the events as one packet; if they are all, the one that others are sent too. */
  batch(events: readonly StoredEvent[], dialect: Dialect): PacketBatch {
    if (events.length < this.events.length) return toBatch(events, dialect);
    let batch = this.#batches.get(dialect);
    if (!batch) {
      batch = toBatch(events, dialect);
      this.#batches.set(dialect, batch);
    }
    return batch;
  }
}

interface Entry {
  readonly key: string;
  readonly stretch: Stretch;
}

/** Reads the logs of a namespace for many readers that are behind, most of which want the same. */
export class LogWindow {
  readonly #store: Store;
  readonly #namespace: string;
  /** The least recently used first. */
  #entries: Entry[] = [];
  #bytes = 0;
  readonly #reads = new Map<string, Promise<Stretch>>();

  constructor(store: Store, namespace: string) {
    this.#store = store;
    this.#namespace = namespace;
  }

  /**
   * A stretch in which the events of these logs right behind `after` lie, unless there are none. Rejects with the
   * store's code.
   *
   * @returns `isFresh`: it was read for this call, so that it holds, or `isLast` denies, whatever was durable by then
   */
  async read(rooms: readonly string[], after: number): Promise<{ stretch: Stretch; isFresh: boolean }> {
    const key = JSON.stringify([...rooms].sort());
    const known = this.#entries.findIndex(
      ({ key: other, stretch }) => after >= stretch.after && after < stretch.through && key === other,
    );
    if (known >= 0) {
      const [entry] = this.#entries.splice(known, 1);
      this.#entries.push(entry!);
      return { stretch: entry!.stretch, isFresh: false };
    }
    const name = `${after} ${key}`;
    const running = this.#reads.get(name);
    if (running) return { stretch: await running, isFresh: false };
    const read = this.#fetch(rooms, after);
    this.#reads.set(name, read);
    try {
      const stretch = await read;
      if (stretch.events.length > 0) this.#keep({ key, stretch });
      return { stretch, isFresh: true };
    } finally {
      this.#reads.delete(name);
    }
  }

  /** Nobody is behind any more. */
  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  #keep(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.stretch.bytes;
    while (this.#bytes > WINDOW_BYTES && this.#entries.length > 1) {
      this.#bytes -= this.#entries.shift()!.stretch.bytes;
    }
  }

  async #fetch(rooms: readonly string[], after: number): Promise<Stretch> {
    const namespace = this.#namespace;
    const query = { namespace, rooms, after, limit: STRETCH_EVENTS, bytes: STRETCH_BYTES };
    const { events, done } = await this.#store.events(query);
    // asked afterwards: retention may have been at work while we read
    const logs = await Promise.all(rooms.map((room) => this.#store.log(namespace, room)));
    const trimmed = logs.filter(({ floor }) => floor > after);
    const floors = trimmed.length > 0 ? new Map(trimmed.map(({ room, floor }) => [room, floor])) : undefined;
    return new Stretch(after, events, done, floors);
  }
}

function toBatch(events: readonly StoredEvent[], dialect: Dialect): PacketBatch {
  return new PacketBatch(events.map((event) => dialect.parts(event)));
}
