import type { EventEmitter } from "node:events";

/** How long a test waits for something that should already be on its way, in milliseconds. */
export const patienceMs = 5000;

/** A first-in first-out queue whose reader can wait for the next item. */
export class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  push(item: T): void {
    const reader = this.#waiting.shift();
    if (reader) reader(item);
    else this.#items.push(item);
  }

  /** The next item; rejects after `waitMs`, naming what was awaited. */
  async next(waitMs = patienceMs): Promise<T> {
    if (this.#items.length > 0) return this.#items.shift() as T;
    return within(new Promise<T>((resolve) => this.#waiting.push(resolve)), `the next ${this.#name}`, waitMs);
  }

  async take(count: number): Promise<T[]> {
    const taken: T[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Everything that has arrived and was not read. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  get size(): number {
    return this.#items.length;
  }
}

/** `promise`, or a rejection that names what did not happen in time. */
export function within<T>(promise: Promise<T>, what: string, waitMs = patienceMs): Promise<T> {
  const { stack } = new Error(`timed out after ${waitMs} ms awaiting ${what}`);
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = new Error(`timed out after ${waitMs} ms awaiting ${what}`);
      if (stack) error.stack = stack;
      reject(error);
    }, waitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The arguments of the next `event` that `emitter` emits. */
export function nextEvent<A extends unknown[] = unknown[]>(emitter: Emitter, event: string): Promise<A> {
  const emitted = new Promise<A>((resolve) => {
    emitter.once(event, (...args: unknown[]) => resolve(args as A));
  });
  return within(emitted, `the event "${event}"`);
}

/** Every `event` of `emitter` from now on, as a queue of argument lists. */
export function eventsOf<A extends unknown[] = unknown[]>(emitter: Emitter, event: string): Queue<A> {
  const queue = new Queue<A>(`event "${event}"`);
  emitter.on(event, (...args: unknown[]) => queue.push(args as A));
  return queue;
}

/** Waits until `condition` holds, looking once per turn of the event loop: for state that no event announces. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timed out awaiting ${what}`);
    await turns();
  }
}

/** What one turn of the event loop's check phase does not change has settled: for asserting that nothing happens. */
export function turns(count = 1): Promise<void> {
  return new Promise((resolve) => {
    const next = (left: number) => (left === 0 ? resolve() : setImmediate(next, left - 1));
    next(count);
  });
}

/** For the few behaviours that are a span of time (a ping interval, an upgrade time-out). */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

type Emitter = Pick<EventEmitter, "on" | "once"> | AnyEmitter;

/** Socket.IO's and component-emitter's emitters, whose typings are narrower than Node's. */
interface AnyEmitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
}
