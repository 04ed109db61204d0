import { decodeBody } from "./body.ts";
import { type QueueContext, tell } from "./context.ts";
import type { JobLookup } from "./job-lookup.ts";
import { decodeJob, jobId, type StoredJob } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QUEUE_LIMITS, whole } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import { dropDead, toAdd } from "./transitions.ts";
import type { DeadLetter, DeadLetterQuery } from "./types.ts";

/** Dealt with in one commit. */
const CHUNK = 250;

/** Jobs that nobody could do. */
export class DeadLetters {
  readonly #context: QueueContext;
  readonly #lookup: JobLookup;

  constructor(context: QueueContext, lookup: JobLookup) {
    this.#context = context;
    this.#lookup = lookup;
  }

  async list({ limit = 100, after }: DeadLetterQuery = {}): Promise<DeadLetter[]> {
    whole("limit", limit, 1, QUEUE_LIMITS.pageMax);
    if (after !== undefined && !/^[0-9a-z]{22}$/.test(after)) {
      throw new QueueError("QUEUE_INVALID", "after is the cursor of a dead letter");
    }
    const { store, keys } = this.#context;
    const from = after === undefined ? keys.prefix : `${keys.prefix}${after}\0`;
    const { records } = await store.records({ kind: KIND.dead, from, to: keys.end, limit });
    return records.map(({ key, value }) => {
      const job = decodeJob(keys.seqOf(key), value);
      return {
        id: jobId(job),
        data: decodeBody(job.body),
        error: job.error ?? { message: "" },
        attempt: job.attempt,
        addedMs: job.addedMs,
        diedMs: keys.timeOf(key),
        cursor: key.slice(keys.prefix.length),
      };
    });
  }

  redrive(id?: string): Promise<number> {
    return id === undefined
      ? this.#each((key) => this.#redrive(key))
      : this.#one(id, (key) => this.#redrive(key));
  }

  purge(id?: string): Promise<number> {
    return id === undefined
      ? this.#each((key) => this.#purge(key))
      : this.#one(id, (key) => this.#purge(key));
  }

  async #one(id: string, act: (deadKey: string) => Promise<boolean>): Promise<number> {
    const found = await this.#lookup.find(id);
    return found?.state === "dead" && (await act(found.finished.deadKey!)) ? 1 : 0;
  }

  /** All that are dead at this moment. Those that die meanwhile, perhaps again, are left alone. */
  async #each(act: (deadKey: string) => Promise<boolean>): Promise<number> {
    const { store, keys } = this.#context;
    const query = { kind: KIND.dead, to: keys.end } as const;
    const newest = (await store.records({ ...query, from: keys.prefix, limit: 1, reverse: true })).records[0];
    let count = 0;
    let from = keys.prefix;
    while (newest) {
      const { records } = await store.records({ ...query, from, to: `${newest.key}\0`, limit: CHUNK });
      const last = records[records.length - 1];
      if (!last) break;
      const outcomes = await Promise.all(records.map(({ key }) => act(key)));
      count += outcomes.filter(Boolean).length;
      from = `${last.key}\0`;
    }
    return count;
  }

  #redrive(deadKey: string): Promise<boolean> {
    const { keys, journal, options, ready } = this.#context;
    return this.#move(deadKey, async (dead) => {
      const { written } = journal;
      if (written.ready + written.parked >= options.lengthMax) {
        throw new QueueError("QUEUE_FULL", `The queue holds ${options.lengthMax} jobs`);
      }
      const job: StoredJob = { ...dead, attempt: 0, error: undefined };
      const key = keys.ready(job);
      const { operations } = toAdd(keys, job);
      ready.expect(key);
      await journal.put(
        [...dropDead(keys, deadKey, dead, true), ...operations],
        { dead: -1, ready: 1 },
        (error) => {
          if (error) ready.gone(key);
          else ready.add({ key, job });
        },
      );
      tell(this.#context, job, "waiting");
      this.#context.dispatch();
    });
  }

  #purge(deadKey: string): Promise<boolean> {
    return this.#move(deadKey, async (dead) => {
      const { keys, journal } = this.#context;
      await journal.put(dropDead(keys, deadKey, dead, false), { dead: -1 });
      tell(this.#context, dead, "removed");
    });
  }

  /** False if it is not there any more. */
  async #move(deadKey: string, act: (dead: StoredJob) => Promise<void>): Promise<boolean> {
    const { store, keys, moves } = this.#context;
    const seq = keys.seqOf(deadKey);
    await moves.enter(seq);
    try {
      const record = await store.get(KIND.dead, deadKey);
      if (!record) return false;
      await act(decodeJob(seq, record.value));
      return true;
    } finally {
      moves.leave(seq);
    }
  }
}
