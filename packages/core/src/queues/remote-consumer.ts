import type { Attempt, Taker } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { type Body, decodeBody, encodeBody } from "./body.ts";
import type { QueueContext } from "./context.ts";
import { checkFailure } from "./failure.ts";
import { decodeFinished } from "./job-record.ts";
import { formatToken, KIND, parseToken } from "./keys.ts";
import { checkName, QUEUE_LIMITS, TIME_MAX_MS, whole } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import { leaseLost, type Saying, type Settlements } from "./settlements.ts";
import type { Takers } from "./takers.ts";
import type { Consumer, ConsumerOptions, Lease, LeaseEnd, Outcome } from "./types.ts";

/** A remote worker's side of a queue. */
export class RemoteConsumer implements Taker, Consumer {
  readonly owner: string;
  readonly attempts = new Set<Attempt>();
  capacity: number;
  readonly #context: QueueContext;
  readonly #all: Attempts;
  readonly #takers: Takers;
  readonly #settlements: Settlements;
  readonly #options: ConsumerOptions;
  #isStopped: boolean;
  #isAway = false;
  #isReleased = false;

  constructor(
    context: QueueContext,
    all: Attempts,
    takers: Takers,
    settlements: Settlements,
    options: ConsumerOptions,
  ) {
    this.owner = checkName("A consumer's owner", options.owner, QUEUE_LIMITS.idBytesMax);
    this.capacity = whole("prefetch", options.prefetch ?? 1, 1, QUEUE_LIMITS.prefetchMax);
    this.#context = context;
    this.#all = all;
    this.#takers = takers;
    this.#settlements = settlements;
    this.#options = options;
    this.#isStopped = options.isStopped ?? false;
  }

  get isTaking(): boolean {
    return !this.#isStopped && !this.#isAway && !this.#isReleased && !this.#context.isClosing;
  }

  get leaseMs(): number {
    return this.#context.options.leaseMs;
  }

  get leases(): readonly string[] {
    return [...this.attempts]
      .filter(({ state }) => state === "running")
      .map((attempt) => this.#tokenOf(attempt));
  }

  setPrefetch(prefetch: number): void {
    this.capacity = whole("prefetch", prefetch, 1, QUEUE_LIMITS.prefetchMax);
    this.#free();
  }

  deliver(attempt: Attempt): void {
    const { options, name } = this.#context;
    const lease = new GivenLease(this.#tokenOf(attempt), attempt, name, options.leaseMs);
    try {
      this.#options.deliver(lease);
    } catch (error) {
      this.#context.onError(error);
      if (attempt.state === "running") this.#all.lose(attempt, "closed");
    }
  }

  lost(attempt: Attempt, reason: LeaseEnd): void {
    try {
      this.#options.onLost?.(this.#tokenOf(attempt), reason);
    } catch (error) {
      this.#context.onError(error);
    }
  }

  settle(token: string, outcome: Outcome): Promise<void> {
    try {
      const saying = sayingOf(outcome);
      const attempt = this.#find(token);
      if (!attempt) return this.#settlements.find(token, saying) ?? this.#settleUnknown(token, saying);
      const checked = checkOutcome(outcome);
      return this.#settlements.add(token, saying, (settled) => this.#all.settle(attempt, checked, settled));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  holds(token: string): boolean {
    return !this.#isReleased && this.#find(token) !== undefined;
  }

  extend(token: string): number {
    const attempt = this.#find(token);
    if (!attempt || this.#isReleased) throw leaseLost();
    if (attempt.taker !== this) {
      // Left behind by the connection before this one, or by the process before this one.
      const { taker } = attempt;
      attempt.taker = this;
      this.attempts.add(attempt);
      if (taker?.attempts.delete(attempt)) this.#takers.freed(taker);
    }
    this.#all.extend(attempt);
    const leftMs = attempt.endsAt - this.#context.clock.monotonicMs();
    return Math.max(0, Math.min(this.leaseMs, Math.floor(leftMs)));
  }

  progress(token: string, value: unknown): void {
    const attempt = this.#find(token);
    if (!attempt) throw leaseLost();
    // It is held as long as the attempt lasts.
    if (typeof value !== "number") encodeBody(value, QUEUE_LIMITS.progressBytesMax, "QUEUE_INVALID");
    this.#all.progress(attempt, value);
  }

  stop(): void {
    this.#isStopped = true;
  }

  start(): void {
    this.#isStopped = false;
    this.#free();
  }

  grace(graceMs: number = this.#context.options.graceMs): void {
    whole("graceMs", graceMs, 0, TIME_MAX_MS);
    this.#isAway = true;
    for (const attempt of this.attempts) {
      // One that was not delivered goes back as if nothing had been.
      if (attempt.state === "beginning") attempt.isUnwanted = true;
      else this.#all.grace(attempt, graceMs);
    }
  }

  resume(): void {
    if (this.#isReleased) throw new QueueError("QUEUE_CLOSED", "The consumer was released");
    this.#isAway = false;
    for (const attempt of this.attempts) {
      if (attempt.state === "running") this.#all.extend(attempt);
      else attempt.isUnwanted = false;
    }
    this.#free();
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    this.#takers.remove(this);
    const own = [...this.#all.bySeq.values()].filter(({ taker }) => taker === this);
    for (const attempt of own) this.#all.lose(attempt, "closed");
    await Promise.all(own.map((attempt) => this.#all.ended(attempt)));
  }

  #free(): void {
    this.#takers.freed(this);
    this.#context.dispatch();
  }

  #find(token: string): Attempt | undefined {
    const parsed = parseToken(token);
    if (!parsed || parsed.prefix !== this.#context.keys.prefix) return undefined;
    const attempt = this.#all.bySeq.get(parsed.seq);
    const isOwn =
      attempt?.state === "running" && attempt.owner === this.owner && attempt.secret === parsed.secret;
    return isOwn ? attempt : undefined;
  }

  async #settleUnknown(token: string, saying: Saying): Promise<void> {
    if (saying !== "done" || !(await this.#wasDone(token))) throw leaseLost();
  }

  /** Whether a job was done under this token: its answer may have been lost, with the process that gave it. */
  async #wasDone(token: string): Promise<boolean> {
    const parsed = parseToken(token);
    const { keys, store } = this.#context;
    if (!parsed || parsed.prefix !== keys.prefix) return false;
    const record = await store.get(KIND.finished, keys.seq(parsed.seq));
    return record !== undefined && decodeFinished(parsed.seq, record.value).secret === parsed.secret;
  }

  #tokenOf({ job, secret }: Attempt): string {
    return formatToken({ prefix: this.#context.keys.prefix, seq: job.seq, secret });
  }
}

/** Its data is read when somebody asks, and then kept. */
class GivenLease implements Lease {
  readonly token: string;
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  readonly attempts: number;
  readonly priority: number;
  readonly addedMs: number;
  readonly leaseMs: number;
  #body: Body | undefined;
  #data: unknown;

  constructor(token: string, { id, job }: Attempt, queue: string, leaseMs: number) {
    this.token = token;
    this.id = id;
    this.queue = queue;
    this.attempt = job.attempt;
    this.attempts = job.attempts;
    this.priority = job.priority;
    this.addedMs = job.addedMs;
    this.leaseMs = leaseMs;
    this.#body = job.body;
  }

  get data(): unknown {
    if (this.#body) {
      this.#data = decodeBody(this.#body);
      this.#body = undefined;
    }
    return this.#data;
  }
}

function sayingOf(outcome: Outcome): Saying {
  if ("handBack" in outcome) return "handed back";
  return "error" in outcome ? "failed" : "done";
}

/** What a peer said of its attempt. Throws `QUEUE_INVALID`. */
function checkOutcome(outcome: Outcome): Outcome {
  if ("error" in outcome) {
    const { error, retryMs, isFinal } = outcome;
    if (retryMs !== undefined) whole("retryMs", Math.ceil(retryMs), 0, TIME_MAX_MS);
    return { error: checkFailure(error), retryMs, isFinal: isFinal === true };
  }
  return outcome;
}
