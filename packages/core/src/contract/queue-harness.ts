import { afterEach, beforeEach } from "vitest";
import { ManualClock } from "../log/index.ts";
import {
  type Consumer,
  type ConsumerOptions,
  type Lease,
  type LeaseEnd,
  type Queue,
  type QueueOptions,
  Queues,
} from "../queues/index.ts";
import type { Store } from "../store/index.ts";
import type { StoreHarness, Subject } from "./harness.ts";

/** Data of most tests. */
export interface Task {
  readonly n: number;
}

/** A process with queues that can be killed: the next one has the same store and the same clock. */
export class QueueFixture {
  readonly #harness: StoreHarness;
  #subjects: Subject[] = [];
  #queues: Queues | undefined;
  #process = { isAlive: true };
  clock = new ManualClock();
  /** What was reported. */
  errors: Error[] = [];

  constructor(harness: StoreHarness) {
    this.#harness = harness;
    beforeEach(async () => {
      this.clock = new ManualClock();
      this.errors = [];
      this.#subjects = [await harness.open()];
      this.#start();
    });
    afterEach(async () => {
      await this.#queues?.close({ timeoutMs: 0 });
      for (const subject of this.#subjects) await subject.dispose();
    });
  }

  get store(): Store {
    return this.#subjects[this.#subjects.length - 1]!.store;
  }

  get queues(): Queues {
    return this.#queues!;
  }

  queue<Result = unknown>(options?: QueueOptions, name = "tasks"): Queue<Task, Result> {
    return this.queues.queue<Task, Result>(name, options);
  }

  /** The process is killed; the next one starts. */
  async crash(): Promise<void> {
    this.#process.isAlive = false;
    this.#subjects.push(await this.#subjects[this.#subjects.length - 1]!.crash());
    this.#start();
  }

  /** The process ends as it should; the next one starts. */
  async restart(): Promise<void> {
    await this.queues.close({ timeoutMs: 0 });
    this.#subjects.push(await this.#subjects[this.#subjects.length - 1]!.reopen());
    this.#start();
  }

  async fresh(options: Parameters<StoreHarness["open"]>[0]): Promise<void> {
    this.#subjects.push(await this.#harness.open(options));
    this.#start();
  }

  /** Everything issued is flushed, and what follows from it, and so on, until nothing moves. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await this.store.commit([]).durable();
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets time pass, and what is due happen. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  #start(): void {
    const process = { isAlive: true };
    this.#process = process;
    this.#queues = new Queues({
      store: this.store,
      clock: {
        now: () => this.clock.now(),
        monotonicMs: () => this.clock.monotonicMs(),
        // The timers of a process that was killed do not fire.
        after: (ms, callback) => this.clock.after(ms, () => process.isAlive && callback()),
      },
      onError: (error) => process.isAlive && this.errors.push(error),
      random: () => 0.5,
    });
  }
}

/** A remote worker that notes what it is given. */
export class RemoteWorker {
  readonly consumer: Consumer;
  readonly leases: Lease<Task>[] = [];
  readonly lost: [token: string, reason: LeaseEnd][] = [];
  #waiting: (() => void)[] = [];

  constructor(queue: Queue<Task>, options: Partial<ConsumerOptions> = {}) {
    this.consumer = queue.consumer({
      owner: "worker",
      deliver: (lease) => {
        this.leases.push(lease as Lease<Task>);
        for (const resolve of this.#waiting.splice(0)) resolve();
      },
      onLost: (token, reason) => this.lost.push([token, reason]),
      ...options,
    });
  }

  /** Numbers of the jobs it was given. */
  get numbers(): number[] {
    return this.leases.map(({ data }) => data.n);
  }

  /** The lease it was given as the so many-th, counted from 0. */
  async lease(index: number): Promise<Lease<Task>> {
    while (this.leases.length <= index) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.leases[index]!;
  }

  /** Tells that a lease's job is done, with its number as the result. */
  async done(index: number): Promise<void> {
    const { token, data } = await this.lease(index);
    await this.consumer.settle(token, { result: data.n });
  }
}

/** Counts without who works. */
export function countsOf(queue: Queue<Task>) {
  const { waiting, delayed, running, done, dead } = queue.counts();
  return { waiting, delayed, running, done, dead };
}

export const NONE = { waiting: 0, delayed: 0, running: 0, done: 0, dead: 0 };
