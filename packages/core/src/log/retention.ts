import type { Store, StoreError } from "../store/index.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import type { KeepPolicy, Policies } from "./policy.ts";

export interface RetentionOptions {
  /** Milliseconds between two walks over all logs. Default one minute. */
  readonly sweepMs?: number | undefined;
  /** Milliseconds from when a log passes a limit until it is trimmed. Default 100. */
  readonly trimDelayMs?: number | undefined;
  /** Trims that fail are tried again with the next sweep. */
  readonly onError?: ((error: StoreError, context: { stage: "retention" }) => void) | undefined;
}

/** Logs looked at per step of a sweep. */
const LOGS_PER_STEP = 100;
/** Rooms whose appends are counted; past it, sweeps alone find what is over its limits. */
const COUNTED_MAX = 10_000;

interface Counted {
  readonly namespace: string;
  readonly room: string;
  readonly policy: KeepPolicy;
  /** What may still be appended before a trim is worth while. */
  events: number;
  bytes: number;
}

/**
 * Keeps logs within their policies: by a walk over all of them now and then, for age, and soon after a log was
 * appended to so often that it may be past a limit. Each step is one small commit; nothing is held up by it.
 */
export class Retention {
  readonly #store: Store;
  readonly #policies: Policies;
  readonly #clock: Clock;
  readonly #options: RetentionOptions;
  readonly #counted = new Map<string, Map<string, Counted>>();
  #countedSize = 0;
  #due = new Set<Counted>();
  #work: Promise<void> = Promise.resolve();
  #timers = new Set<CancelTimer>();
  #isClosed = false;

  constructor(store: Store, policies: Policies, clock: Clock, options: RetentionOptions = {}) {
    this.#store = store;
    this.#policies = policies;
    this.#clock = clock;
    this.#options = options;
  }

  /** Starts sweeping: at once, since the past may hold what has expired meanwhile. */
  start(): void {
    const again = () => {
      this.#enqueue(() => this.sweep());
      this.#after(this.#options.sweepMs ?? 60_000, again);
    };
    again();
  }

  /** Resolves when a step under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    await this.#work;
  }

  /** Resolves when all work that was due at this call is done. */
  idle(): Promise<void> {
    return this.#work;
  }

  /** An event was appended to a log. */
  count(namespace: string, room: string, policy: KeepPolicy, bytes: number): void {
    if (policy.eventsMax === Infinity && policy.bytesMax === Infinity) return;
    const counted = this.#countedOf(namespace, room, policy);
    if (!counted) return;
    counted.events--;
    counted.bytes -= bytes;
    if (counted.events >= 0 && counted.bytes >= 0) return;
    refill(counted);
    if (this.#due.size === 0)
      this.#after(this.#options.trimDelayMs ?? 100, () => this.#enqueue(() => this.#trimDue()));
    this.#due.add(counted);
  }

  /** Walks over all logs and trims those that are past their limits. */
  async sweep(): Promise<void> {
    this.#counted.clear();
    this.#countedSize = 0;
    let cursor: string | undefined;
    do {
      if (this.#isClosed) return;
      const { logs, next } = await this.#store.logs(cursor, LOGS_PER_STEP);
      const now = this.#clock.now();
      await each(logs, async (log) => {
        const policy = this.#policies.ofLog(log.room);
        if (!policy) return;
        const isOver =
          log.events > policy.eventsMax || log.bytes > policy.bytesMax || log.oldestMs < now - policy.ageMs;
        if (isOver) await this.#trim(log.namespace, log.room, policy);
      });
      cursor = next;
      // Others first: a sweep is never in a hurry.
      await new Promise<void>((resolve) => setImmediate(resolve));
    } while (cursor !== undefined);
  }

  async #trimDue(): Promise<void> {
    const due = this.#due;
    this.#due = new Set();
    await each(due, ({ namespace, room, policy }) => this.#trim(namespace, room, policy));
  }

  async #trim(namespace: string, room: string, policy: KeepPolicy): Promise<void> {
    for (let more = true; more && !this.#isClosed; ) {
      const receipt = this.#store.commit({
        type: "trim",
        namespace,
        room,
        eventsMax: policy.eventsMax,
        bytesMax: policy.bytesMax,
        sinceMs: this.#clock.now() - policy.ageMs,
        trace: policy.trace,
      });
      const { trims } = await receipt.durable();
      more = trims[0]!.more;
    }
  }

  /** One task after another; a failure ends its own task only. */
  #enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return;
      try {
        await task();
      } catch (error) {
        if (!this.#isClosed) this.#options.onError?.(error as StoreError, { stage: "retention" });
      }
    });
  }

  #after(ms: number, callback: () => void): void {
    if (this.#isClosed) return;
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  #countedOf(namespace: string, room: string, policy: KeepPolicy): Counted | undefined {
    let rooms = this.#counted.get(namespace);
    if (!rooms) {
      rooms = new Map();
      this.#counted.set(namespace, rooms);
    }
    let counted = rooms.get(room);
    if (!counted) {
      if (this.#countedSize >= COUNTED_MAX) return undefined;
      this.#countedSize++;
      // Not known how full it is: look at it after its first event.
      counted = { namespace, room, policy, events: 0, bytes: 0 };
      rooms.set(room, counted);
    }
    return counted;
  }
}

/** A trim is worth while once a log can be a twentieth over its limit. */
function refill(counted: Counted): void {
  counted.events = Math.min(1000, counted.policy.eventsMax / 20);
  counted.bytes = Math.min(8 * 1024 * 1024, counted.policy.bytesMax / 20);
}

/** One after the other; a failure is thrown when all have had their turn, so that one log does not keep the others. */
async function each<T>(items: Iterable<T>, task: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const item of items) await task(item).catch((error) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}
