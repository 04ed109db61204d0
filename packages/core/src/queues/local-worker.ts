import type { Attempt, Taker } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { decodeBody } from "./body.ts";
import type { QueueContext } from "./context.ts";
import { outcomeOf } from "./failure.ts";
import { QueueError } from "./queue-error.ts";
import type { Takers } from "./takers.ts";
import type { Handler, Job, LeaseEnd, Worker } from "./types.ts";

/** Runs a handler in this process. */
export class LocalWorker implements Taker, Worker {
  readonly owner = "";
  readonly capacity: number;
  readonly attempts = new Set<Attempt>();
  isTaking = true;
  readonly #context: QueueContext;
  readonly #all: Attempts;
  readonly #takers: Takers;
  readonly #handler: Handler;
  readonly #jobs = new Map<Attempt, RunningJob>();
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(context: QueueContext, all: Attempts, takers: Takers, concurrency: number, handler: Handler) {
    this.#context = context;
    this.#all = all;
    this.#takers = takers;
    this.capacity = concurrency;
    this.#handler = handler;
  }

  get running(): number {
    return this.#jobs.size;
  }

  deliver(attempt: Attempt): void {
    const job = new RunningJob(this.#context.name, this.#all, attempt);
    this.#jobs.set(attempt, job);
    this.#run(attempt, job);
  }

  lost(attempt: Attempt, reason: LeaseEnd): void {
    const job = this.#jobs.get(attempt);
    this.#forget(attempt);
    job?.abort(reason);
  }

  close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.isTaking = false;
    this.#takers.remove(this);
    // Those that have not begun go back as if nothing had been.
    for (const attempt of this.attempts) if (attempt.state === "beginning") attempt.isUnwanted = true;
    await this.#idle(timeoutMs);
    for (const attempt of [...this.#jobs.keys()]) this.#all.lose(attempt, "closed");
    const own = [...this.#all.bySeq.values()].filter(({ taker }) => taker === this);
    await Promise.all(own.map((attempt) => this.#all.ended(attempt)));
  }

  #idle(timeoutMs: number): Promise<void> {
    if (this.#jobs.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#context.clock.after(timeoutMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
  }

  async #run(attempt: Attempt, job: RunningJob): Promise<void> {
    try {
      const result = await this.#handler(job);
      this.#settle(attempt, () => this.#all.settle(attempt, { result }));
    } catch (error) {
      this.#settle(attempt, () => this.#all.settle(attempt, outcomeOf(error)));
    }
  }

  #settle(attempt: Attempt, settle: () => void): void {
    if (this.#jobs.has(attempt) && attempt.state === "running") settle();
    this.#forget(attempt);
  }

  #forget(attempt: Attempt): void {
    if (this.#jobs.delete(attempt) && this.#jobs.size === 0) this.#onIdle?.();
  }
}

/** What the handler is given. Most handlers use little of it: what costs is made when it is asked for. */
class RunningJob implements Job {
  readonly queue: string;
  readonly #attempts: Attempts;
  readonly #attempt: Attempt;
  #data: unknown;
  #isDecoded = false;
  #controller: AbortController | undefined;
  #lost: QueueError | undefined;

  constructor(queue: string, attempts: Attempts, attempt: Attempt) {
    this.queue = queue;
    this.#attempts = attempts;
    this.#attempt = attempt;
  }

  get id(): string {
    return this.#attempt.id;
  }

  get data(): unknown {
    if (!this.#isDecoded) {
      this.#data = decodeBody(this.#attempt.job.body);
      this.#isDecoded = true;
    }
    return this.#data;
  }

  get attempt(): number {
    return this.#attempt.job.attempt;
  }

  get attempts(): number {
    return this.#attempt.job.attempts;
  }

  get priority(): number {
    return this.#attempt.job.priority;
  }

  get addedMs(): number {
    return this.#attempt.job.addedMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#lost && !this.#controller.signal.aborted) this.#controller.abort(this.#lost);
    return this.#controller.signal;
  }

  progress(value: unknown): void {
    if (this.#attempt.state === "running" && !this.#lost) this.#attempts.progress(this.#attempt, value);
  }

  extend(): void {
    if (this.#attempt.state !== "running" || this.#lost) {
      throw this.#lost ?? new QueueError("LEASE_LOST", "The job is over");
    }
    this.#attempts.extendTimeout(this.#attempt);
  }

  abort(reason: LeaseEnd): void {
    this.#lost = new QueueError("LEASE_LOST", `Job ${this.id} is not this worker's any more: ${reason}`);
    this.#controller?.abort(this.#lost);
  }
}
