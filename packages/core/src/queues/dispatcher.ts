import type { CancelTimer } from "../log/clock.ts";
import type { Attempt } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";
import { isOver } from "./failure.ts";
import { RateGate } from "./rate-gate.ts";
import type { ReadyJob } from "./ready-jobs.ts";
import type { Takers } from "./takers.ts";
import type { WaitingJobs } from "./waiting-jobs.ts";

/** After a write that failed no job is started for so long. */
const STALL_MS = 1000;

/** Gives jobs that wait to those who are free. */
export class Dispatcher {
  /** No job starts. */
  isPaused = false;
  readonly #context: QueueContext;
  readonly #attempts: Attempts;
  readonly #waiting: WaitingJobs;
  readonly #takers: Takers;
  readonly #gate: RateGate | undefined;
  #isOpen = false;
  #cancel: CancelTimer | undefined;

  constructor(context: QueueContext, attempts: Attempts, waiting: WaitingJobs, takers: Takers) {
    this.#context = context;
    this.#attempts = attempts;
    this.#waiting = waiting;
    this.#takers = takers;
    this.#gate = context.options.rate && new RateGate(context.options.rate);
  }

  open(): void {
    this.#isOpen = true;
    this.run();
  }

  close(): void {
    this.#isOpen = false;
    this.#cancel?.();
  }

  run(): void {
    const { clock, ready } = this.#context;
    while (this.#isOpen && !this.isPaused && !this.#cancel) {
      const taker = this.#takers.next();
      if (!taker) return;
      const waitMs = this.#gate?.waitMs(clock.monotonicMs()) ?? 0;
      if (waitMs > 0) {
        this.#wait(waitMs);
        return;
      }
      const next = ready.take();
      if (!next) return;
      const { job } = next;
      if (job.expiresAtMs > 0 && job.expiresAtMs <= clock.now()) {
        this.#waiting.expireTaken(job).catch((error) => this.#context.onError(error));
        continue;
      }
      this.#gate?.started(clock.monotonicMs());
      this.#attempts.begin(next, taker, (error) => {
        this.#context.onError(error);
        if (isOver(error)) this.#isOpen = false;
        else this.#wait(STALL_MS);
      });
      this.#takers.served();
    }
  }

  /**
   * Gives a job that is being added in this turn's commit to somebody who is free, so that adding it and its first
   * attempt are one flush. Undefined if it has to wait for its turn.
   */
  beginEarly(ready: ReadyJob): Attempt | undefined {
    const { clock, ready: readyJobs, journal } = this.#context;
    if (!this.#isOpen || this.isPaused || this.#cancel) return undefined;
    if (!readyJobs.isDrained || !journal.isOneCommit) return undefined;
    const taker = this.#takers.next();
    if (!taker || (this.#gate && this.#gate.waitMs(clock.monotonicMs()) > 0)) return undefined;
    this.#gate?.started(clock.monotonicMs());
    const attempt = this.#attempts.beginEarly(ready, taker);
    this.#takers.served();
    return attempt;
  }

  /** The first attempt of those that were started and not flushed is flushed now, or never will be. */
  onBegun(): void {
    this.#gate?.began(this.#context.clock.monotonicMs());
  }

  #wait(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#context.clock.after(ms, () => {
      this.#cancel = undefined;
      this.run();
    });
  }
}
