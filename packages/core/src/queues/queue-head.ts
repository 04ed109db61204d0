import type { Operation, Store } from "../store/index.ts";
import { type Journal, NO_CHANGE, type Tally } from "./journal.ts";
import { KIND } from "./keys.ts";

/** What is stored of a queue itself. */
export interface QueueRecord {
  readonly number: number;
  /** Sequences below this may have been given out. */
  readonly seqLimit: number;
  readonly isPaused: boolean;
  readonly tally: Tally;
}

/** Sequences taken at a time; some are left over at each restart. */
const SEQ_BLOCK = 20_000;
const SEQ_LOW = 10_000;

/** A queue's own record: its number, its counts, whether it is paused, and the sequences it has given out. */
export class QueueHead {
  isPaused = false;
  readonly #name: string;
  #number = 0;
  #next = 1;
  #limit = 1;
  /** A restart begins here or later. */
  #flushedLimit = 1;
  readonly #journal: Journal;

  constructor(name: string, journal: Journal) {
    this.#name = name;
    this.#journal = journal;
  }

  open({ number, seqLimit, isPaused, tally }: QueueRecord): void {
    this.#number = number;
    this.#next = seqLimit;
    this.#limit = seqLimit;
    this.#flushedLimit = seqLimit;
    this.isPaused = isPaused;
    this.#journal.open(tally);
  }

  /** The next sequence. Whatever uses it is written by the journal, or after `reserved`. */
  next(): number {
    if (this.#next + SEQ_LOW > this.#limit) {
      const limit = this.#next + SEQ_BLOCK;
      this.#limit = limit;
      this.#journal.write([], NO_CHANGE, (error) => {
        if (!error) this.#flushedLimit = Math.max(this.#flushedLimit, limit);
      });
    }
    return this.#next++;
  }

  /** Resolves when all sequences given out so far are safe from being given out again after a crash. */
  async reserved(): Promise<void> {
    const last = this.#next;
    if (last <= this.#flushedLimit) return;
    const limit = this.#limit;
    await this.#journal.put([]);
    this.#flushedLimit = Math.max(this.#flushedLimit, limit);
  }

  /** For the journal: part of each commit. */
  seal(): Operation {
    const { ready, parked, finished, dead } = this.#journal.written;
    const value = [this.#number, this.#limit, this.isPaused ? 1 : 0, ready, parked, finished, dead];
    return { type: "put", kind: KIND.queue, key: this.#name, value: JSON.stringify(value) };
  }
}

/** All queues of a store. */
export async function readHeads(store: Store): Promise<Map<string, QueueRecord>> {
  const heads = new Map<string, QueueRecord>();
  let from: string | undefined;
  for (;;) {
    const { records, done } = await store.records({ kind: KIND.queue, from });
    for (const { key, value } of records) {
      const [number, seqLimit, isPaused, ready, parked, finished, dead] = JSON.parse(
        Buffer.from(value).toString("utf8"),
      ) as [number, number, number, number, number, number, number];
      heads.set(key, {
        number,
        seqLimit,
        isPaused: isPaused === 1,
        tally: { ready, parked, finished, dead },
      });
    }
    const last = records[records.length - 1];
    if (done || !last) return heads;
    from = `${last.key}\0`;
  }
}
