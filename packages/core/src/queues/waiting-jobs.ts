import type { StoredRecord } from "../store/index.ts";
import type { Attempts } from "./attempts.ts";
import { type QueueContext, tell } from "./context.ts";
import type { JobLookup } from "./job-lookup.ts";
import { decodeJob, type StoredJob } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QueueError } from "./queue-error.ts";
import {
  drop,
  dropDead,
  dropFinished,
  finishedOf,
  type Shelf,
  type Transition,
  toFinished,
  toPromoted,
  toRemoved,
} from "./transitions.ts";

/** Moves jobs that nobody works on: when a delay ends, when they expire, when they are removed. */
export class WaitingJobs {
  readonly #context: QueueContext;
  readonly #attempts: Attempts;
  readonly #lookup: JobLookup;

  constructor(context: QueueContext, attempts: Attempts, lookup: JobLookup) {
    this.#context = context;
    this.#attempts = attempts;
    this.#lookup = lookup;
  }

  /** Records of the index of delays whose time has come. */
  async promote(records: readonly StoredRecord[]): Promise<void> {
    await Promise.all(records.map(({ key }) => this.#promote(key)));
  }

  /** Records of the index of expiries whose time has come. */
  async expire(records: readonly StoredRecord[]): Promise<void> {
    await Promise.all(records.map((record) => this.#expireIndexed(record)));
  }

  /** A job that was taken to be started, and is too old for that. */
  async expireTaken(job: StoredJob): Promise<void> {
    await this.#context.moves.enter(job.seq);
    try {
      // The index may have been faster.
      if (await this.#context.store.get(KIND.ready, this.#context.keys.ready(job))) {
        await this.#expire(job, "ready");
      }
    } finally {
      this.#context.moves.leave(job.seq);
    }
  }

  async remove(id: string, isForced: boolean): Promise<boolean> {
    const place = await this.#lookup.place(id);
    if (!place) return false;
    const { keys, journal, moves, ready } = this.#context;
    await moves.enter(place.seq);
    const key = keys.ready(place);
    try {
      if (this.#attempts.bySeq.has(place.seq)) return await this.#removeRunning(place.seq, isForced);
      // From here on it is not started.
      ready.withhold(key);
      const found = await this.#lookup.find(id);
      if (!found) {
        // It may be the place of another id.
        const other = await this.#lookup.at(place);
        if (other?.state === "waiting") ready.add({ key, job: other.job });
        else ready.gone(key);
        return false;
      }
      const write = async ({ operations, change }: Transition) => {
        try {
          await journal.put(operations, change);
        } catch (error) {
          if (found.state === "waiting") ready.add({ key, job: found.job });
          throw error;
        }
        ready.gone(key);
      };
      if (found.state === "dead") {
        const operations = dropDead(keys, found.finished.deadKey!, found.job, false);
        await write({ operations, change: { dead: -1 } });
      } else if ("finished" in found) {
        await write({ operations: dropFinished(keys, found.finished), change: { finished: -1 } });
      } else await write(toRemoved(keys, found.job, found.state === "delayed" ? "parked" : "ready"));
      if ("job" in found) tell(this.#context, found.job, "removed");
      return true;
    } finally {
      moves.leave(place.seq);
      this.#context.changed();
      this.#context.dispatch();
    }
  }

  async #removeRunning(seq: number, isForced: boolean): Promise<boolean> {
    const attempt = this.#attempts.bySeq.get(seq)!;
    if (!isForced || attempt.state !== "running") {
      throw new QueueError("JOB_RUNNING", `Job ${attempt.id} is running`);
    }
    await new Promise<void>((resolve, reject) =>
      this.#attempts.remove(attempt, (error) => (error ? reject(error) : resolve())),
    );
    return true;
  }

  async #promote(dueKey: string): Promise<void> {
    const { store, keys, moves, journal, ready, clock } = this.#context;
    const seq = keys.seqOf(dueKey);
    await moves.enter(seq);
    try {
      const record = await store.get(KIND.parked, keys.seq(seq));
      if (!record) {
        await journal.put([drop(KIND.due, dueKey)]);
        return;
      }
      const parked = decodeJob(seq, record.value);
      if (parked.expiresAtMs > 0 && parked.expiresAtMs <= clock.now()) {
        await this.#expire(parked, "parked");
        return;
      }
      const job = { ...parked, dueMs: 0 };
      const key = keys.ready(job);
      ready.expect(key);
      const { operations, change } = toPromoted(keys, parked);
      await this.#context.journal.put(operations, change, (error) => {
        if (error) ready.gone(key);
        else ready.add({ key, job });
      });
      tell(this.#context, job, "waiting", job.error && { error: job.error });
      this.#context.dispatch();
    } finally {
      moves.leave(seq);
    }
  }

  async #expireIndexed({ key: indexKey, value }: StoredRecord): Promise<void> {
    const { store, keys, moves, journal, ready } = this.#context;
    const place = { seq: keys.seqOf(indexKey), priority: Number(Buffer.from(value).toString("latin1")) };
    await moves.enter(place.seq);
    try {
      // One that runs may end well; if it does not, it will not be tried again.
      if (!this.#attempts.bySeq.has(place.seq)) {
        const key = keys.ready(place);
        ready.withhold(key);
        const waiting = await store.get(KIND.ready, key);
        if (waiting) return await this.#expire(decodeJob(place.seq, waiting.value), "ready");
        ready.gone(key);
        const parked = await store.get(KIND.parked, keys.seq(place.seq));
        if (parked) return await this.#expire(decodeJob(place.seq, parked.value), "parked");
      }
      await journal.put([drop(KIND.expiry, indexKey)]);
    } finally {
      moves.leave(place.seq);
    }
  }

  async #expire(job: StoredJob, from: Shelf): Promise<void> {
    const { keys, clock, finished, ready } = this.#context;
    const record = finished.isKept ? finishedOf(job, "expired", clock.now()) : undefined;
    const { operations, change } = toFinished(keys, job, from, record);
    if (record) finished.note(job.seq);
    await this.#context.journal.put(operations, change, (error) => {
      if (error && from === "ready") ready.add({ key: keys.ready(job), job });
      else ready.gone(keys.ready(job));
    });
    finished.flushed();
    tell(this.#context, job, "expired");
    this.#context.changed();
  }
}
