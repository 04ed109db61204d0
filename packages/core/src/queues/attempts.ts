import { Attempt, newSecret, type Taker } from "./attempt.ts";
import { type QueueContext, tell } from "./context.ts";
import { Deadlines } from "./deadlines.ts";
import { doneEnding, type Ending, failedEnding } from "./endings.ts";
import { isOver } from "./failure.ts";
import { NO_CHANGE } from "./journal.ts";
import type { LeaseLog } from "./lease-log.ts";
import type { ReadyJob } from "./ready-jobs.ts";
import { toRemoved } from "./transitions.ts";
import type { JobFailure, LeaseEnd, Outcome } from "./types.ts";

/** Without it, a write that fails is tried again until it succeeds. */
type Settled = ((error?: Error) => void) | undefined;

const RETRY_MS = 1000;
const TIMED_OUT: JobFailure = { code: "JOB_TIMEOUT", message: "The attempt took too long" };
const WORKER_LOST: JobFailure = { code: "LEASE_LOST", message: "The worker was lost" };

/** All attempts under way in one queue, and what becomes of them. */
export class Attempts {
  readonly bySeq = new Map<number, Attempt>();
  readonly #context: QueueContext;
  readonly #freed: (taker: Taker) => void;
  readonly #begun: () => void;
  readonly #leases: LeaseLog;
  readonly #deadlines: Deadlines<Attempt>;
  #isClosed = false;
  #beginning = 0;

  /** `freed`: a taker has room for another attempt. `begun`: the next attempt, in order, begins or never will. */
  constructor(context: QueueContext, leases: LeaseLog, freed: (taker: Taker) => void, begun: () => void) {
    this.#context = context;
    this.#leases = leases;
    this.#freed = freed;
    this.#begun = begun;
    this.#deadlines = new Deadlines(context.clock, (attempt) => this.#passed(attempt));
  }

  /** Attempts that have begun and are not over. */
  get running(): number {
    return this.bySeq.size - this.#beginning;
  }

  /** Writes an attempt, and delivers it once that is flushed. `failed` is called if it could not be written. */
  begin(ready: ReadyJob, taker: Taker, failed: (error: Error) => void): void {
    const attempt = this.beginEarly(ready, taker);
    this.#context.journal.write([], NO_CHANGE, (error) => {
      if (!error) {
        this.begun(attempt);
        return;
      }
      this.neverBegan(attempt);
      this.#context.ready.add(ready);
      failed(error);
    });
  }

  /**
   * The same of a job that is being added in this turn's commit: the attempt is part of it. Who adds it MUST call
   * `begun` or `neverBegan` once that has settled.
   */
  beginEarly(ready: ReadyJob, taker: Taker): Attempt {
    const secret = taker.owner === "" ? "" : newSecret();
    const attempt = new Attempt(ready, taker, taker.owner, secret);
    this.bySeq.set(ready.job.seq, attempt);
    taker.attempts.add(attempt);
    this.#beginning++;
    this.#leases.note(attempt);
    return attempt;
  }

  /** It is flushed. */
  begun(attempt: Attempt): void {
    this.#beginning--;
    this.#begun();
    if (attempt.isUnwanted) this.#handBack(attempt);
    else this.#start(attempt, attempt.taker!);
  }

  /** It could not be written. */
  neverBegan(attempt: Attempt): void {
    this.#beginning--;
    this.#begun();
    this.#over(attempt);
    const { taker } = attempt;
    if (taker?.attempts.delete(attempt)) this.#freed(taker);
  }

  /** One that was under way when the process before this one ended. Its owner may come back within the grace. */
  restore(ready: ReadyJob, owner: string, secret: string): Attempt {
    const { clock, options } = this.#context;
    const attempt = new Attempt(ready, undefined, owner, secret);
    attempt.state = "running";
    attempt.timeoutAt = clock.monotonicMs() + (attempt.job.timeoutMs ?? options.timeoutMs);
    this.bySeq.set(ready.job.seq, attempt);
    return attempt;
  }

  /** Its taker is away: the lease lasts so long. */
  grace(attempt: Attempt, graceMs: number): void {
    if (attempt.state !== "running") return;
    attempt.leaseEndsAt = this.#context.clock.monotonicMs() + graceMs;
    this.#deadlines.watch(attempt);
  }

  /** Renews a lease. */
  extend(attempt: Attempt): void {
    attempt.leaseEndsAt = this.#context.clock.monotonicMs() + this.#context.options.leaseMs;
    this.#deadlines.watch(attempt);
    this.store(attempt);
  }

  /** Writes it again, so that it may be taken up after a restart. A failure costs no more than that. */
  store(attempt: Attempt): void {
    this.#leases.note(attempt);
    this.#context.journal.write([], NO_CHANGE, (error) => {
      if (this.bySeq.get(attempt.job.seq) !== attempt) this.#leases.over(attempt);
      else if (!error) this.#leases.renewed(attempt);
    });
  }

  /** Starts the attempt's time anew. */
  extendTimeout(attempt: Attempt): void {
    const { clock, options } = this.#context;
    attempt.timeoutAt = clock.monotonicMs() + (attempt.job.timeoutMs ?? options.timeoutMs);
    this.#deadlines.watch(attempt);
  }

  progress(attempt: Attempt, value: unknown): void {
    attempt.progress = value;
    tell(this.#context, attempt.job, "running", { progress: value });
  }

  /**
   * Writes how an attempt ended. If the store refuses, the attempt is running again, as if nothing had been said; its
   * slot was free in between.
   */
  settle(attempt: Attempt, outcome: Outcome, settled?: Settled): void {
    if ("handBack" in outcome) this.#handBack(attempt, settled);
    else if ("error" in outcome)
      this.#end(attempt, failedEnding(this.#context, this.#leases, attempt, outcome), settled);
    else this.#end(attempt, doneEnding(this.#context, this.#leases, attempt, outcome.result), settled);
  }

  /** Takes it from whoever has it. The job waits again, with the attempt used; or that was the last one. */
  lose(attempt: Attempt, reason: LeaseEnd): void {
    if (attempt.state === "beginning") attempt.isUnwanted = true;
    if (attempt.state !== "running") return;
    const { taker } = attempt;
    const outcome = reason === "timeout" ? { error: TIMED_OUT } : { error: WORKER_LOST, retryMs: 0 };
    this.#end(attempt, failedEnding(this.#context, this.#leases, attempt, outcome));
    taker?.lost(attempt, reason);
  }

  /** Removes a running job. */
  remove(attempt: Attempt, settled: (error?: Error) => void): void {
    const { keys, ready } = this.#context;
    const { taker } = attempt;
    const flushed = () => {
      ready.gone(attempt.key);
      tell(this.#context, attempt.job, "removed");
      taker?.lost(attempt, "removed");
    };
    this.#end(attempt, { ...toRemoved(keys, attempt.job, "ready"), flushed }, settled);
  }

  /** Resolves when it is over, durably, or the queue was closed. */
  ended(attempt: Attempt): Promise<void> {
    if (this.bySeq.get(attempt.job.seq) !== attempt || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => attempt.endListeners.push(resolve));
  }

  close(): void {
    this.#isClosed = true;
    this.#deadlines.close();
    for (const attempt of this.bySeq.values())
      for (const resolve of attempt.endListeners.splice(0)) resolve();
  }

  #start(attempt: Attempt, taker: Taker): void {
    const { clock, options } = this.#context;
    attempt.state = "running";
    const now = clock.monotonicMs();
    attempt.timeoutAt = now + (attempt.job.timeoutMs ?? options.timeoutMs);
    // A worker of this process is there for as long as the process is.
    if (attempt.owner !== "") attempt.leaseEndsAt = now + options.leaseMs;
    this.#deadlines.watch(attempt);
    tell(this.#context, attempt.job, "running");
    taker.deliver(attempt);
  }

  /** Back to where it was, as if the attempt had not been. */
  #handBack(attempt: Attempt, settled?: Settled): void {
    const { key, before } = attempt;
    const flushed = () => {
      this.#context.ready.add({ key, job: before });
      tell(this.#context, before, "waiting");
    };
    const operations = this.#leases.without(attempt);
    this.#end(attempt, { operations, change: NO_CHANGE, flushed }, settled);
  }

  /** Writes the end of an attempt. Its slot is free at once, so that the next attempt shares the flush. */
  #end(attempt: Attempt, ending: Ending, settled?: Settled): void {
    const { taker } = attempt;
    attempt.state = "ending";
    this.#deadlines.drop(attempt);
    if (taker?.attempts.delete(attempt)) this.#freed(taker);
    this.#writeEnd(attempt, ending, settled);
    this.#context.dispatch();
  }

  #writeEnd(attempt: Attempt, ending: Ending, settled: Settled): void {
    const { journal, finished, clock } = this.#context;
    if (ending.isFinish && finished.isKept) finished.note(attempt.job.seq);
    journal.write(ending.operations, ending.change, (error) => {
      if (!error) {
        this.#over(attempt);
        ending.flushed();
        this.#context.changed();
        this.#context.dispatch();
      } else if (settled) this.#goOn(attempt);
      else if (!this.#isClosed) {
        this.#context.onError(error);
        if (!isOver(error)) clock.after(RETRY_MS, () => this.#writeEnd(attempt, ending, settled));
      }
      settled?.(error ?? ending.refusal);
    });
  }

  /** Its end could not be written, and who told it was told so. */
  #goOn(attempt: Attempt): void {
    attempt.state = "running";
    attempt.taker?.attempts.add(attempt);
    this.#deadlines.watch(attempt);
    if (attempt.batches.length === 0) this.store(attempt);
  }

  #over(attempt: Attempt): void {
    this.bySeq.delete(attempt.job.seq);
    this.#leases.over(attempt);
    for (const resolve of attempt.endListeners) resolve();
  }

  #passed(attempt: Attempt): void {
    this.lose(attempt, attempt.timeoutAt <= attempt.leaseEndsAt ? "timeout" : "expired");
  }
}
