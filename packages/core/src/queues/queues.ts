import { systemClock } from "../log/clock.ts";
import { parseToken } from "./keys.ts";
import { checkName, QUEUE_LIMITS, resolveQueueOptions } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import { type QueueRecord, readHeads } from "./queue-head.ts";
import { StoredQueue } from "./stored-queue.ts";
import type { Queue, QueueOptions, QueueRegistry, QueuesOptions } from "./types.ts";

/** All queues of one store. */
export class Queues implements QueueRegistry {
  readonly #options: QueuesOptions;
  readonly #queuesMax: number;
  readonly #queues = new Map<string, StoredQueue>();
  /** Those that somebody asked for by a token. */
  readonly #byPrefix = new Map<string, StoredQueue>();
  readonly #heads: Promise<Map<string, QueueRecord>>;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** Throws `QUEUE_UNSUPPORTED`. */
  constructor(options: QueuesOptions) {
    const { transactional, shared } = options.store.capabilities;
    if (!transactional) throw unsupported("Queues need a store whose commits are transactions");
    if (shared) throw unsupported("Queues need a store that one process has to itself");
    this.#options = options;
    this.#queuesMax = options.queuesMax ?? 1000;
    this.#heads = options.store.opened.then(() => readHeads(options.store));
    this.#heads.catch(() => {});
  }

  queue<Data = unknown, Result = unknown>(name: string, options?: QueueOptions): Queue<Data, Result> {
    if (this.#isClosed) throw new QueueError("QUEUE_CLOSED", "The queues are closed");
    const queue = this.#queues.get(name) ?? this.#make(name, options);
    if (options && JSON.stringify(resolveQueueOptions(options)) !== JSON.stringify(queue.options)) {
      throw new QueueError("QUEUE_CONFLICT", `The queue ${name} has other options`);
    }
    // What data and results look like is the caller's word.
    return queue as Queue<unknown, unknown> as Queue<Data, Result>;
  }

  has(name: string): boolean {
    return this.#queues.has(name);
  }

  queueOf(token: string): Queue | undefined {
    const prefix = parseToken(token)?.prefix;
    if (prefix === undefined) return undefined;
    const known = this.#byPrefix.get(prefix);
    if (known) return known;
    for (const queue of this.#queues.values()) {
      if (queue.keys.prefix !== prefix) continue;
      this.#byPrefix.set(prefix, queue);
      return queue;
    }
    return undefined;
  }

  names(): readonly string[] {
    return [...this.#queues.keys()];
  }

  close({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= Promise.all([...this.#queues.values()].map((queue) => queue.close(timeoutMs))).then(
      () => {},
    );
    return this.#closing;
  }

  #make(name: string, options: QueueOptions | undefined): StoredQueue {
    checkName("A queue's name", name, QUEUE_LIMITS.nameBytesMax);
    if (this.#queues.size >= this.#queuesMax) throw tooMany(this.#queuesMax);
    const { store, clock = systemClock, random = Math.random, onError } = this.#options;
    const queue = new StoredQueue({
      name,
      options: resolveQueueOptions(options),
      store,
      clock,
      random,
      record: this.#record(name),
      onError: (error) => {
        const reason = error instanceof Error ? error : new Error(String(error));
        onError?.(reason, { stage: "queue", queue: name });
      },
    });
    this.#queues.set(name, queue);
    return queue;
  }

  async #record(name: string): Promise<QueueRecord> {
    const heads = await this.#heads;
    let head = heads.get(name);
    if (!head) {
      if (heads.size >= this.#queuesMax) throw tooMany(this.#queuesMax);
      let last = 0;
      for (const { number } of heads.values()) last = Math.max(last, number);
      const tally = { ready: 0, parked: 0, finished: 0, dead: 0 };
      head = { number: last + 1, seqLimit: 1, isPaused: false, tally };
      heads.set(name, head);
    }
    return head;
  }
}

function tooMany(queuesMax: number): QueueError {
  return new QueueError("QUEUE_FULL", `There are ${queuesMax} queues`);
}

function unsupported(message: string): QueueError {
  return new QueueError("QUEUE_UNSUPPORTED", message);
}
