import type { Operation, StoredRecord } from "../store/index.ts";
import type { QueueContext, Remembered } from "./context.ts";
import { decodeFinished, decodeJob } from "./job-record.ts";
import type { Tally } from "./journal.ts";
import { KIND } from "./keys.ts";
import { TimeIndex } from "./time-index.ts";
import { drop, dropDead, dropFinished } from "./transitions.ts";

/** Jobs of one record of the log, and dead letters of one step. */
const CHUNK = 256;

/**
 * What is remembered of jobs that are done, expired or dead, within the limits of age and count. A log with one
 * record per commit says which jobs finished when, so that forgetting takes no search.
 */
export class FinishedJobs implements Remembered {
  readonly #context: QueueContext;
  readonly #log: TimeIndex;
  readonly #dead: TimeIndex;
  #justFinished: number[] = [];
  #loggedMs = 0;
  #trimming: Promise<void> | undefined;
  #isClosed = false;

  constructor(context: QueueContext) {
    this.#context = context;
    const { store, clock, keys, options, onError } = context;
    const common = { store, clock, keys, onError };
    this.#log = new TimeIndex({
      ...common,
      kind: KIND.finishedLog,
      ageMs: options.resultAgeMs,
      onDue: (records) => this.#forgetFinished(records, Infinity),
    });
    this.#dead = new TimeIndex({
      ...common,
      kind: KIND.dead,
      ageMs: options.deadAgeMs,
      onDue: (records) => this.#forgetDead(records),
    });
  }

  get isKept(): boolean {
    return this.#context.options.resultsMax > 0 && this.#context.options.resultAgeMs > 0;
  }

  async open(): Promise<void> {
    await this.#log.open();
    await this.#dead.open();
    this.trim();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#log.close(), this.#dead.close(), this.#trimming]);
  }

  note(seq: number): void {
    this.#justFinished.push(seq);
  }

  /** For the journal: the log of this turn. */
  seal(): Operation[] {
    if (this.#justFinished.length === 0) return [];
    const finished = this.#justFinished;
    this.#justFinished = [];
    const nowMs = this.#context.clock.now();
    this.#loggedMs = nowMs;
    const operations: Operation[] = [];
    for (let i = 0; i < finished.length; i += CHUNK) {
      const key = this.#context.keys.time(nowMs, finished[i]!);
      const value = JSON.stringify(finished.slice(i, i + CHUNK));
      operations.push({ type: "put", kind: KIND.finishedLog, key, value });
    }
    return operations;
  }

  flushed(): void {
    this.#log.note(this.#loggedMs);
    if (this.#isOver(0.05)) this.trim();
  }

  died(diedMs: number): void {
    this.#dead.note(diedMs);
    if (this.#isOver(0.05)) this.trim();
  }

  /** Forgets the oldest until the counts are within their limits. */
  trim(): void {
    if (this.#trimming || this.#isClosed || !this.#isOver(0)) return;
    this.#trimming = this.#trim()
      .catch((error) => this.#context.onError(error))
      .finally(() => {
        this.#trimming = undefined;
      });
  }

  /** Whether more are remembered than may be, by more than such a part. */
  #isOver(slack: number): boolean {
    const { options, journal } = this.#context;
    return (
      journal.flushed.finished > Math.floor(options.resultsMax * (1 + slack)) ||
      journal.flushed.dead > Math.floor(options.deadMax * (1 + slack))
    );
  }

  async #trim(): Promise<void> {
    const { store, keys, options, journal } = this.#context;
    const oldest = async (kind: string, limit: number) =>
      (await store.records({ kind, from: keys.prefix, to: keys.end, limit })).records;
    while (!this.#isClosed) {
      const excess = journal.flushed.finished - options.resultsMax;
      if (excess <= 0) break;
      const records = await oldest(KIND.finishedLog, 8);
      if (records.length === 0) break;
      await this.#forgetFinished(records, excess);
    }
    while (!this.#isClosed) {
      const excess = journal.flushed.dead - options.deadMax;
      if (excess <= 0) break;
      const records = await oldest(KIND.dead, Math.min(excess, CHUNK));
      if (records.length === 0) break;
      await this.#forgetDead(records);
    }
  }

  /** Forgets the first so many jobs of records of the log. */
  async #forgetFinished(records: readonly StoredRecord[], max: number): Promise<void> {
    const { store, keys } = this.#context;
    await this.#forget(async (enter, operations) => {
      let looked = 0;
      let dropped = 0;
      for (const { key, value } of records) {
        if (dropped >= max) break;
        const seqs = JSON.parse(Buffer.from(value).toString("utf8")) as number[];
        for (looked = 0; looked < seqs.length && dropped < max; looked++) {
          const seq = seqs[looked]!;
          await enter(seq);
          const record = await store.get(KIND.finished, keys.seq(seq));
          const job = record && decodeFinished(seq, record.value);
          // Somebody may have removed it.
          if (!job || job.state === "dead") continue;
          operations.push(...dropFinished(keys, job));
          dropped++;
        }
        const left = JSON.stringify(seqs.slice(looked));
        if (looked === seqs.length) operations.push(drop(KIND.finishedLog, key));
        else operations.push({ type: "put", kind: KIND.finishedLog, key, value: left });
      }
      return { finished: -dropped };
    });
  }

  async #forgetDead(records: readonly StoredRecord[]): Promise<void> {
    const { store, keys } = this.#context;
    await this.#forget(async (enter, operations) => {
      let dropped = 0;
      for (const { key } of records) {
        const seq = keys.seqOf(key);
        await enter(seq);
        const record = await store.get(KIND.dead, key);
        // Somebody may have purged or redriven it.
        if (!record) continue;
        operations.push(...dropDead(keys, key, decodeJob(seq, record.value), false));
        dropped++;
      }
      return { dead: -dropped };
    });
  }

  async #forget(
    gather: (enter: (seq: number) => Promise<void>, operations: Operation[]) => Promise<Partial<Tally>>,
  ): Promise<void> {
    const { journal, moves } = this.#context;
    const entered: number[] = [];
    const operations: Operation[] = [];
    const enter = async (seq: number) => {
      if (!moves.tryEnter(seq)) await moves.enter(seq);
      entered.push(seq);
    };
    try {
      const change = await gather(enter, operations);
      await journal.put(operations, change);
    } finally {
      for (const seq of entered) moves.leave(seq);
    }
  }
}
