import { describe, expect, it } from "vitest";
import type { JobHandle, Lease, Queue } from "../queues/index.ts";
import type { StoreHarness } from "./harness.ts";
import { NONE, QueueFixture, RemoteWorker, type Task } from "./queue-harness.ts";
import { randomFrom } from "./random.ts";

const ATTEMPTS = 4;
const OPTIONS = { attempts: ATTEMPTS, backoff: [50, 500], leaseMs: 2000, graceMs: 1000, timeoutMs: 20_000 };

/** What the program knows of a job. */
interface Known {
  readonly n: number;
  readonly priority: number;
  handle: JobHandle | undefined;
  /** Attempts that somebody was given. */
  begun: number;
  isDone: boolean;
}

interface Hired {
  readonly worker: RemoteWorker;
  /** Leases looked at so far. */
  seen: number;
  held: Lease<Task>[];
  isAway: boolean;
}

/**
 * Random programs of adds, work, failures, lost workers and kills. Whatever they do, nothing acknowledged is lost,
 * nothing recorded as done is given out again, no attempt is counted that did not begin, except those that were on
 * their way when a process was killed, and jobs are given out in order.
 */
export function describeQueueModel(harness: StoreHarness): void {
  describe("any program", () => {
    const fixture = new QueueFixture(harness);

    it.each([1, 2, 3, 4, 5, 6, 7, 8])(
      "does each job and loses none, over crashes (seed %i)",
      async (seed) => {
        const program = new Program(fixture, seed);
        for (let step = 0; step < 120; step++) await program.step();
        await program.finish();
        expect(fixture.errors).toEqual([]);
      },
    );

    it.each([11, 12, 13, 14])("gives jobs out by priority, then age (seed %i)", async (seed) => {
      const random = randomFrom(seed);
      let queue = fixture.queue<number>({ ...OPTIONS, resultsMax: 50 });
      await queue.pause();
      const expected: { n: number; priority: number }[] = [];
      for (let n = 0; n < 200; n++) {
        const priority = random(3) - 1;
        const handle = await queue.add({ n }, { priority });
        if (random(10) === 0) await queue.remove(handle.id);
        else expected.push({ n, priority });
        if (random(60) === 0) {
          await fixture.crash();
          queue = fixture.queue<number>({ ...OPTIONS, resultsMax: 50 });
        }
      }
      expected.sort((a, b) => b.priority - a.priority || a.n - b.n);
      const worker = new RemoteWorker(queue, { prefetch: 7 });
      await queue.resume();
      for (let i = 0; i < expected.length; i++) await worker.done(i);
      expect(worker.numbers).toEqual(expected.map(({ n }) => n));
      await fixture.settle();
      expect(queue.counts()).toMatchObject({ ...NONE, done: 50 });
    });
  });
}

class Program {
  readonly #fixture: QueueFixture;
  readonly #random: (n: number) => number;
  readonly #jobs = new Map<number, Known>();
  #workers: Hired[] = [];
  #queue!: Queue<Task>;
  #next = 0;
  #process = 0;
  /** Their last outcome may or may not have been recorded. */
  readonly #unheard = new Set<Known>();

  constructor(fixture: QueueFixture, seed: number) {
    this.#fixture = fixture;
    this.#random = randomFrom(seed);
    this.#start();
  }

  async step(): Promise<void> {
    const random = this.#random;
    switch (random(12)) {
      case 0:
      case 1:
      case 2:
        await this.#add(1 + random(4));
        break;
      case 3:
        // Nobody was told that these were added: after a crash they may be there or not.
        this.#addUnseen();
        break;
      case 4:
        await this.#fixture.advance(random(3000));
        break;
      case 5:
        this.#hire();
        break;
      case 6:
        await this.#leave();
        break;
      case 7:
        if (random(3) === 0) await this.#crash();
        break;
      default:
        await this.#work();
    }
    this.#take();
  }

  /** Lets everything come to its end, and counts. */
  async finish(): Promise<void> {
    await this.#queue.resume();
    for (let i = 0; i < 200 && this.#left() > 0; i++) {
      if (this.#workers.length === 0) this.#hire();
      for (const { worker } of this.#workers) worker.consumer.resume();
      this.#take();
      for (const entry of this.#workers) {
        entry.isAway = false;
        while (entry.held.length > 0) await this.#settle(entry, false);
      }
      await this.#fixture.advance(1000);
    }
    await this.#fixture.settle();
    const dead = await this.#queue.deadLetters({ limit: 1000 });
    for (const { data, attempt } of dead) {
      expect(attempt).toBe(ATTEMPTS);
      expect(this.#jobs.get(data.n)!.isDone).toBe(false);
    }
    const deadNumbers = new Set(dead.map(({ data }) => data.n));
    for (const { n, handle, isDone, begun } of this.#jobs.values()) {
      if (!handle) continue;
      const info = await this.#queue.get(handle.id);
      expect([n, info?.state]).toEqual([n, deadNumbers.has(n) ? "dead" : "done"]);
      if (!deadNumbers.has(n)) expect([n, isDone]).toEqual([n, true]);
      expect(begun).toBeLessThanOrEqual(ATTEMPTS);
    }
    const { waiting, delayed, running, dead: count, done } = this.#queue.counts();
    expect({ waiting, delayed, running, dead: count }).toEqual({
      waiting: 0,
      delayed: 0,
      running: 0,
      dead: dead.length,
    });
    const { records } = await this.#fixture.store.records({ kind: "queue:finished", limit: 10_000 });
    expect(records.length).toBe(done + count);
    for (const kind of ["ready", "parked", "due", "lease"]) {
      expect((await this.#fixture.store.records({ kind: `queue:${kind}` })).records).toEqual([]);
    }
  }

  #start(): void {
    this.#queue = this.#fixture.queue(OPTIONS);
  }

  #left(): number {
    const { waiting, delayed, running } = this.#queue.counts();
    return waiting + delayed + running;
  }

  #known(n: number, priority: number): Known {
    const known = { n, priority, handle: undefined, begun: 0, isDone: false };
    this.#jobs.set(n, known);
    return known;
  }

  #options(n: number) {
    const random = this.#random;
    return {
      priority: random(3) - 1,
      ...(random(3) === 0 && { delayMs: random(2000) }),
      ...(random(3) === 0 && { id: `job-${n}` }),
    };
  }

  async #add(count: number): Promise<void> {
    const jobs = Array.from({ length: count }, () => ({ data: { n: this.#next++ } }));
    if (this.#random(2) === 0) {
      const all = jobs.map(({ data }) => ({ data, ...this.#options(data.n) }));
      const known = all.map(({ data, priority }) => this.#known(data.n, priority));
      for (const [i, handle] of (await this.#queue.addMany(all)).entries()) known[i]!.handle = handle;
      return;
    }
    for (const { data } of jobs) {
      const options = this.#options(data.n);
      const known = this.#known(data.n, options.priority);
      known.handle = await this.#queue.add(data, options);
      if (!options.id) continue;
      expect((await this.#queue.add(data, options)).isNew).toBe(false);
    }
  }

  #addUnseen(): void {
    const n = this.#next++;
    const options = this.#options(n);
    const known = this.#known(n, options.priority);
    const process = this.#process;
    this.#queue.add({ n }, options).then(
      (handle) => {
        if (process === this.#process) known.handle = handle;
      },
      () => {},
    );
  }

  #hire(): void {
    if (this.#workers.length >= 4) return;
    const owner = `owner-${this.#random(1e6)}`;
    const worker = new RemoteWorker(this.#queue, { owner, prefetch: 1 + this.#random(3) });
    this.#workers.push({ worker, seen: 0, held: [], isAway: false });
  }

  /** Notes what workers were given. */
  #take(): void {
    for (const entry of this.#workers) {
      for (; entry.seen < entry.worker.leases.length; entry.seen++) {
        const lease = entry.worker.leases[entry.seen]!;
        const known = this.#jobs.get(lease.data.n)!;
        expect([known.n, known.isDone]).toEqual([known.n, false]);
        known.begun++;
        expect(lease.attempt).toBeGreaterThanOrEqual(known.begun);
        entry.held.push(lease);
      }
    }
  }

  async #leave(): Promise<void> {
    const index = this.#random(this.#workers.length || 1);
    const entry = this.#workers[index];
    if (!entry) return;
    if (this.#random(2) === 0) {
      entry.isAway = !entry.isAway;
      if (entry.isAway) entry.worker.consumer.grace();
      else entry.worker.consumer.resume();
      return;
    }
    this.#workers.splice(index, 1);
    await entry.worker.consumer.release();
  }

  async #work(): Promise<void> {
    const entry = this.#workers[this.#random(this.#workers.length || 1)];
    if (entry && entry.held.length > 0) await this.#settle(entry, this.#random(4) === 0);
    else await this.#fixture.settle();
  }

  async #settle(entry: Hired, isFailure: boolean): Promise<void> {
    const [lease] = entry.held.splice(this.#random(entry.held.length), 1);
    const known = this.#jobs.get(lease!.data.n)!;
    const outcome = isFailure ? { error: { message: "bad luck" } } : { result: lease!.data.n };
    try {
      await entry.worker.consumer.settle(lease!.token, outcome);
      expect([known.n, known.isDone]).toEqual([known.n, false]);
      known.isDone = !isFailure;
    } catch (error) {
      expect(error).toMatchObject({ code: "LEASE_LOST" });
    }
  }

  async #crash(): Promise<void> {
    // An outcome on its way that nobody hears of: it may count or not.
    for (const { held, worker } of this.#workers) {
      const [lease] = held;
      if (!lease || this.#random(2) === 0) continue;
      worker.consumer.settle(lease.token, { result: lease.data.n }).catch(() => {});
      const known = this.#jobs.get(lease.data.n)!;
      this.#unheard.add(known);
    }
    // What a process that was killed still says is not heard.
    this.#process++;
    if (this.#random(3) === 0) {
      await this.#fixture.restart();
      this.#take();
    } else {
      this.#take();
      await this.#fixture.crash();
    }
    this.#workers = [];
    this.#start();
    await this.#queue.opened;
    for (const known of this.#unheard) {
      const info = known.handle && (await this.#queue.get(known.handle.id));
      if (info?.state === "done") known.isDone = true;
    }
    this.#unheard.clear();
  }
}
