import type { Operation } from "../store/index.ts";
import type { Attempt, LeaseBatch } from "./attempt.ts";
import type { QueueContext } from "./context.ts";
import { encodeLeases } from "./job-record.ts";
import { NO_CHANGE } from "./journal.ts";
import { KIND } from "./keys.ts";
import { drop } from "./transitions.ts";

/** Leases of one record. */
const CHUNK = 256;

/**
 * Writes attempts before they begin: one record for all of a turn, which goes when the last of them is over.
 *
 * So a lease that is over may still be stored. It says nothing: its job is gone from those that are ready, or has
 * counted the attempt. Where neither holds, the lease is taken out of its record (`without`).
 */
export class LeaseLog {
  readonly #context: QueueContext;
  #serial = 0;
  #opening: Attempt[] = [];

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** Later records have larger serials than this. */
  open(serial: number): void {
    this.#serial = serial;
  }

  /** The attempt is to be part of this turn's record: it begins, or is renewed. */
  note(attempt: Attempt): void {
    this.#opening.push(attempt);
  }

  /** For the journal: the records of this turn. */
  seal(): Operation[] {
    if (this.#opening.length === 0) return [];
    const opening = this.#opening;
    this.#opening = [];
    const { keys, clock, options } = this.#context;
    // While nobody is here to renew it, it lasts as long as it would after its transport is lost.
    const untilMs = clock.now() + Math.max(options.leaseMs, options.graceMs);
    const operations: Operation[] = [];
    for (let i = 0; i < opening.length; i += CHUNK) {
      const batch: LeaseBatch = { key: keys.seq(++this.#serial), leases: new Map() };
      for (const attempt of opening.slice(i, i + CHUNK)) {
        const { job, owner, secret } = attempt;
        const { seq, priority } = job;
        batch.leases.set(seq, { seq, priority, attempt: job.attempt, owner, secret, untilMs });
        attempt.batches.push(batch);
      }
      operations.push(put(batch));
    }
    return operations;
  }

  /** An attempt's last record is flushed: the ones before it say nothing any more. */
  renewed(attempt: Attempt): void {
    while (attempt.batches.length > 1) this.#release(attempt.batches.shift()!, attempt.job.seq);
  }

  /** An attempt is over, durably, or never began. */
  over(attempt: Attempt): void {
    for (const batch of attempt.batches.splice(0)) this.#release(batch, attempt.job.seq);
  }

  /** Takes an attempt out of its records: part of the commit after which its job could be mistaken for running. */
  without(attempt: Attempt): Operation[] {
    return attempt.batches.splice(0).map((batch) => {
      batch.leases.delete(attempt.job.seq);
      return batch.leases.size === 0 ? drop(KIND.lease, batch.key) : put(batch);
    });
  }

  #release(batch: LeaseBatch, seq: number): void {
    batch.leases.delete(seq);
    if (batch.leases.size > 0) return;
    this.#context.journal.write([drop(KIND.lease, batch.key)], NO_CHANGE, () => {});
  }
}

function put({ key, leases }: LeaseBatch): Operation {
  return { type: "put", kind: KIND.lease, key, value: encodeLeases([...leases.values()]) };
}
