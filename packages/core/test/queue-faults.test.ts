import { describe, expect, it } from "vitest";
import { ManualClock, MemoryDisk, MemoryStore, Queues, StoreError } from "../src/index.ts";

const full = () => new StoreError("STORE_FULL", "no space");

/** A queue on a disk that can be told to fail. */
function setUp() {
  const disk = new MemoryDisk();
  const store = new MemoryStore({ disk });
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const queues = new Queues({ store, clock, onError: (error) => errors.push(error), random: () => 0.5 });
  const queue = queues.queue<number>("tasks", { backoff: [0] });
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { disk, store, clock, errors, queues, queue, settle };
}

describe("a queue whose store fails", () => {
  it("does not start a job whose add failed, though somebody is free for it", async () => {
    const { disk, queue, queues, errors } = setUp();
    await queue.opened;
    const ran: number[] = [];
    const worker = queue.work((job) => ran.push(job.data));
    disk.failNext(full());
    await expect(queue.add(1)).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(queue.counts()).toMatchObject({ waiting: 0, running: 0 });
    await (await queue.add(2)).done();
    expect(ran).toEqual([2]);
    expect(worker.running).toBe(0);
    await queues.close();
    expect(errors).toEqual([]);
  });

  it("starts a job a second after its attempt could not be written", async () => {
    const { disk, queue, clock, errors, settle } = setUp();
    const handle = await queue.add(1);
    disk.failNext(full());
    queue.work((job) => job.attempt);
    await settle();
    expect(errors).toMatchObject([{ code: "STORE_FULL" }]);
    expect(queue.counts()).toMatchObject({ waiting: 1, running: 0 });
    clock.advance(1000);
    expect(await handle.done()).toBe(1);
  });

  it("writes the outcome of its own worker until it is written, and runs nothing twice", async () => {
    const { disk, queue, clock, errors, settle } = setUp();
    const handle = await queue.add(1);
    let runs = 0;
    const worker = queue.work(() => {
      disk.failNext(full());
      disk.failNext(full());
      return ++runs;
    });
    await settle();
    expect(queue.counts()).toMatchObject({ running: 1, done: 0 });
    const closed = worker.close();
    clock.advance(1000);
    await settle();
    clock.advance(1000);
    await closed;
    expect(await handle.done()).toBe(1);
    expect(errors).toHaveLength(2);
    expect(queue.counts()).toMatchObject({ waiting: 0, running: 0, done: 1 });
  });

  it("counts right again, though it was killed before an add that failed was counted", async () => {
    const { store, queue, settle } = setUp();
    await queue.add(1);
    await queue.remove("~1");
    // number, sequences, not paused, and one that waits
    const value = JSON.stringify([1, 20_001, 0, 1, 0, 0, 0]);
    await store.commit({ type: "put", kind: "queue", key: "tasks", value }).durable();
    const after = new Queues({ store: store.crash() }).queue("tasks");
    await after.opened;
    await settle();
    expect(after.counts()).toMatchObject({ waiting: 0, running: 0 });
    await after.drain();
  });

  it("is drained by an add that fails", async () => {
    const { disk, queue } = setUp();
    await queue.opened;
    disk.hold();
    const adding = queue.add(1);
    const drained = queue.drain();
    disk.failNext(full());
    disk.release();
    await expect(adding).rejects.toMatchObject({ code: "STORE_FULL" });
    await drained;
  });

  it("starts no more jobs than the rate allows, however long it takes to write that they start", async () => {
    const { disk, queues, clock, settle } = setUp();
    const queue = queues.queue<number>("rated", { rate: { max: 2, perMs: 1000 } });
    await queue.addMany([1, 2, 3, 4].map((data) => ({ data })));
    disk.hold();
    const begin = clock.monotonicMs();
    const starts: number[] = [];
    queue.work({ concurrency: 4 }, () => starts.push(clock.monotonicMs() - begin));
    await settle();
    clock.advance(600);
    disk.release();
    await settle();
    for (const ms of [400, 600]) {
      clock.advance(ms);
      await settle();
    }
    expect(starts).toEqual([600, 600, 1600, 1600]);
  });

  it("tells a remote worker, whose lease still holds", async () => {
    const { disk, queue } = setUp();
    const handle = await queue.add(7);
    const tokens: string[] = [];
    let delivered = () => {};
    const delivery = new Promise<void>((resolve) => {
      delivered = resolve;
    });
    const consumer = queue.consumer({
      owner: "a",
      deliver: ({ token }) => {
        tokens.push(token);
        delivered();
      },
    });
    await delivery;
    disk.failNext(full());
    const failed = consumer.settle(tokens[0]!, { error: { message: "x" }, isFinal: true });
    await expect(failed).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(consumer.leases).toEqual(tokens);
    expect(consumer.extend(tokens[0]!)).toBe(30_000);
    await consumer.settle(tokens[0]!, { result: 49 });
    expect(await handle.done()).toBe(49);
    expect(tokens).toHaveLength(1);
  });

  it("is refused a store that several processes may have open, or without transactions", () => {
    const store = new MemoryStore();
    const other = (capabilities: { transactional: boolean; shared: boolean }) =>
      Object.assign(Object.create(store), { capabilities });
    const unsupported = expect.objectContaining({ code: "QUEUE_UNSUPPORTED" });
    expect(() => new Queues({ store: other({ transactional: true, shared: true }) })).toThrow(unsupported);
    expect(() => new Queues({ store: other({ transactional: false, shared: false }) })).toThrow(unsupported);
  });

  it("stops asking a store that was closed", async () => {
    const { store, queue, clock, errors } = setUp();
    await queue.add(1, { delayMs: 1000 });
    await store.close();
    clock.advance(1000);
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(10_000);
    }
    expect(errors).toMatchObject([{ code: "STORE_CLOSED" }]);
    await expect(queue.add(2)).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });
});

describe("a long queue", () => {
  it("is read in chunks, in order, with what comes meanwhile in its place", async () => {
    const { queue } = setUp();
    const total = 12_000;
    for (let n = 0; n < total; n += 4000) {
      await queue.addMany(Array.from({ length: 4000 }, (_, i) => ({ data: n + i })));
    }
    const ran: number[] = [];
    let hurried = 0;
    queue.work({ concurrency: 50 }, async ({ data, priority }) => {
      if (priority > 0) hurried++;
      else ran.push(data);
      if (data % 1000 === 999) await queue.add(-1, { priority: 1 });
    });
    await queue.drain();
    expect(hurried).toBe(total / 1000);
    expect(ran).toEqual(Array.from({ length: total }, (_, n) => n));
  });
});
