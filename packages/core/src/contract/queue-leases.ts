import { describe, expect, it } from "vitest";
import { RetryLater, Unrecoverable } from "../queues/index.ts";
import type { StoreHarness } from "./harness.ts";
import { countsOf, NONE, QueueFixture, RemoteWorker } from "./queue-harness.ts";

export function describeQueueLeases(harness: StoreHarness): void {
  describe("leases", () => {
    const fixture = new QueueFixture(harness);
    const lost = { code: "LEASE_LOST" };

    it("are flushed with their attempt before the job is given out", async () => {
      const queue = fixture.queue({ attempts: 2, backoff: [0] });
      const handle = await queue.add({ n: 1 });
      for (let attempt = 1; attempt <= 2; attempt++) {
        let begun = 0;
        const started = new Promise<void>((resolve) => {
          fixture.queue().work((job) => {
            begun = job.attempt;
            resolve();
            return new Promise(() => {});
          });
        });
        await started;
        expect(begun).toBe(attempt);
        await fixture.crash();
      }
      const last = fixture.queue();
      await fixture.settle();
      expect(await last.get(handle.id)).toMatchObject({ state: "dead", attempt: 2, error: lost });
      await expect(last.job(handle.id).done()).rejects.toMatchObject({ code: "JOB_DEAD" });
      expect(countsOf(last)).toEqual({ ...NONE, dead: 1 });
    });

    it("last as long as they are renewed, and no longer than the attempt may take", async () => {
      const queue = fixture.queue({ leaseMs: 1000, timeoutMs: 3500, backoff: [50] });
      await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      for (let i = 0; i < 3; i++) {
        await fixture.advance(900);
        expect(worker.consumer.extend(token)).toBeGreaterThan(0);
      }
      await fixture.advance(700);
      expect(worker.consumer.extend(token)).toBe(100);
      await fixture.advance(200);
      expect(worker.lost).toEqual([[token, "timeout"]]);
      expect(() => worker.consumer.extend(token)).toThrow(expect.objectContaining(lost));
      await expect(worker.consumer.settle(token, { result: 1 })).rejects.toMatchObject(lost);
      await fixture.advance(50);
      const second = await worker.lease(1);
      expect(second.attempt).toBe(2);
      worker.consumer.stop();
      await fixture.advance(1001);
      expect(worker.lost[1]).toEqual([second.token, "expired"]);
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 1 });
    });

    it("belong to their owner, and outcomes under old ones are refused", async () => {
      const queue = fixture.queue({ backoff: [0] });
      await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      const thief = new RemoteWorker(queue, { owner: "thief" });
      for (const wrong of [token, `${token}x`, token.replace(/.$/, "!"), "", "0001.x"]) {
        await expect(thief.consumer.settle(wrong, { result: 1 })).rejects.toMatchObject(lost);
        expect(() => thief.consumer.extend(wrong)).toThrow(expect.objectContaining(lost));
        expect(() => thief.consumer.progress(wrong, 1)).toThrow(expect.objectContaining(lost));
      }
      expect(fixture.queues.queueOf(token)).toBe(queue);
      expect(fixture.queues.queueOf("none")).toBeUndefined();
      worker.consumer.stop();
      await worker.consumer.settle(token, { error: { message: "again" } });
      const next = await thief.lease(0);
      await expect(worker.consumer.settle(next.token, { result: 1 })).rejects.toMatchObject(lost);
      await thief.done(0);
      expect(countsOf(queue)).toEqual({ ...NONE, done: 1 });
    });

    it("take the same outcome twice, since its answer may be lost, also over a restart", async () => {
      const queue = fixture.queue<string>();
      const handle = await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      await Promise.all([
        worker.consumer.settle(token, { result: "first" }),
        worker.consumer.settle(token, { result: "second" }),
      ]);
      await worker.consumer.settle(token, { result: "third" });
      expect(await handle.done()).toBe("first");
      await fixture.crash();
      const again = new RemoteWorker(fixture.queue());
      await fixture.queue().opened;
      await again.consumer.settle(token, { result: "fourth" });
      await expect(
        again.consumer.settle(token.replace(/\..*/, `.${"A".repeat(16)}`), { result: 1 }),
      ).rejects.toMatchObject(lost);
      expect(await fixture.queue().job(handle.id).done()).toBe("first");
    });

    it("take no other outcome than the first, nor one after they were handed back", async () => {
      const queue = fixture.queue<number>();
      const worker = new RemoteWorker(queue);
      const lost = { code: "LEASE_LOST" };
      await queue.add({ n: 1 });
      const { token } = await worker.lease(0);
      const settled = worker.consumer.settle(token, { handBack: true });
      await expect(worker.consumer.settle(token, { result: 1 })).rejects.toMatchObject(lost);
      await settled;
      await expect(worker.consumer.settle(token, { result: 1 })).rejects.toMatchObject(lost);
      await worker.done(1);
      const { token: second } = await worker.lease(1);
      await expect(worker.consumer.settle(second, { error: { message: "no" } })).rejects.toMatchObject(lost);
      await fixture.restart();
      const after = new RemoteWorker(fixture.queue());
      await expect(after.consumer.settle(second, { error: { message: "no" } })).rejects.toMatchObject(lost);
      await after.consumer.settle(second, { result: 1 });
    });

    it("take progress that is small", async () => {
      const queue = fixture.queue();
      const worker = new RemoteWorker(queue);
      const { id } = await queue.add({ n: 1 });
      const { token } = await worker.lease(0);
      worker.consumer.progress(token, { done: 1, of: 2 });
      expect(() => worker.consumer.progress(token, "x".repeat(5000))).toThrow(/4096 bytes/);
      expect(await queue.get(id)).toMatchObject({ progress: { done: 1, of: 2 } });
    });

    it("survive a lost transport for the grace, and no longer", async () => {
      const queue = fixture.queue({ graceMs: 5000, leaseMs: 1000, backoff: [0] });
      await queue.addMany([{ data: { n: 1 } }, { data: { n: 2 } }, { data: { n: 3 } }]);
      const worker = new RemoteWorker(queue, { prefetch: 2 });
      const { token } = await worker.lease(1);
      worker.consumer.grace();
      await fixture.advance(4000);
      await worker.consumer.settle(worker.leases[0]!.token, { result: 1 });
      expect(worker.numbers).toEqual([1, 2]);
      worker.consumer.resume();
      await worker.lease(2);
      await fixture.advance(900);
      worker.consumer.extend(token);
      worker.consumer.grace(100);
      await fixture.advance(101);
      expect(worker.lost.map(([, reason]) => reason)).toEqual(["expired", "expired"]);
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 2, done: 1 });
    });

    it("are given back at once when their worker leaves, with the attempt used", async () => {
      const queue = fixture.queue({ attempts: 2 });
      await queue.addMany([{ data: { n: 1 } }, { data: { n: 2 } }]);
      const worker = new RemoteWorker(queue, { prefetch: 2 });
      await worker.lease(1);
      await worker.consumer.release();
      expect(worker.lost).toHaveLength(2);
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 2 });
      const next = new RemoteWorker(queue, { owner: "next", prefetch: 2 });
      await next.lease(1);
      expect(next.leases.map(({ attempt, data }) => [attempt, data.n])).toEqual([
        [2, 1],
        [2, 2],
      ]);
      await next.consumer.release();
      expect(countsOf(queue)).toEqual({ ...NONE, dead: 2 });
    });

    it("that were not begun go back as if nothing had been", async () => {
      const queue = fixture.queue({ attempts: 1 });
      await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      worker.consumer.stop();
      await worker.consumer.settle(token, { handBack: true });
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 1 });
      await fixture.crash();
      const next = new RemoteWorker(fixture.queue());
      expect((await next.lease(0)).attempt).toBe(1);
    });

    it("of remote workers come back after a crash, within the grace", async () => {
      const options = { graceMs: 5000, leaseMs: 10_000, attempts: 3, backoff: [0] };
      const queue = fixture.queue(options);
      await queue.addMany([{ data: { n: 1 } }, { data: { n: 2 } }]);
      const worker = new RemoteWorker(queue, { prefetch: 2 });
      const [kept, left] = [await worker.lease(0), await worker.lease(1)];
      await fixture.crash();
      const after = fixture.queue(options);
      await after.opened;
      expect(countsOf(after)).toEqual({ ...NONE, running: 2 });
      const back = new RemoteWorker(after, { prefetch: 2 });
      const stranger = new RemoteWorker(after, { owner: "stranger", prefetch: 2 });
      await fixture.advance(4000);
      expect(() => stranger.consumer.extend(kept.token)).toThrow(expect.objectContaining(lost));
      back.consumer.extend(kept.token);
      expect(back.consumer.leases).toEqual([kept.token]);
      back.consumer.stop();
      await fixture.advance(1001);
      await expect(back.consumer.settle(left.token, { result: 1 })).rejects.toMatchObject(lost);
      await back.consumer.settle(kept.token, { result: 1 });
      expect(stranger.leases.map(({ attempt, data }) => [attempt, data.n])).toEqual([[2, 2]]);
    });

    it("that ran out while nobody was there are lost", async () => {
      const queue = fixture.queue({ leaseMs: 1000, graceMs: 100, backoff: [0] });
      await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      fixture.clock.advance(500);
      worker.consumer.extend(token);
      await fixture.settle();
      fixture.clock.jump(1001);
      await fixture.crash();
      const next = new RemoteWorker(fixture.queue());
      expect((await next.lease(0)).attempt).toBe(2);
    });

    it("last for the grace while nobody was there, however short they are", async () => {
      const options = { leaseMs: 1000, graceMs: 10_000 };
      await fixture.queue(options).add({ n: 1 });
      const { token } = await new RemoteWorker(fixture.queue()).lease(0);
      fixture.clock.jump(9000);
      await fixture.crash();
      const after = fixture.queue(options);
      await after.opened;
      await fixture.advance(9000);
      const back = new RemoteWorker(after);
      expect(back.consumer.extend(token)).toBe(1000);
      await back.consumer.settle(token, { result: 1 });
      expect(countsOf(after)).toEqual({ ...NONE, done: 1 });
    });

    it("are not moved by changes of wall time", async () => {
      const queue = fixture.queue({ leaseMs: 1000 });
      await queue.add({ n: 1 });
      const worker = new RemoteWorker(queue);
      await worker.lease(0);
      fixture.clock.jump(1e9);
      await fixture.advance(999);
      expect(worker.lost).toEqual([]);
      fixture.clock.jump(-2e9);
      await worker.done(0);
    });

    it("are shared fairly, and a worker has no more than its prefetch", async () => {
      const queue = fixture.queue();
      await queue.addMany(Array.from({ length: 12 }, (_, n) => ({ data: { n } })));
      await queue.pause();
      const workers = [1, 2, 3].map(
        (prefetch) => new RemoteWorker(queue, { owner: `w${prefetch}`, prefetch }),
      );
      await fixture.settle();
      await queue.resume();
      await fixture.settle();
      expect(workers.map(({ leases }) => leases.length)).toEqual([1, 2, 3]);
      expect(workers.flatMap(({ numbers }) => numbers).sort()).toEqual([0, 1, 2, 3, 4, 5]);
      expect(workers.map(({ numbers }) => numbers[0])).toEqual([0, 1, 2]);
      await workers[2]!.done(0);
      await workers[0]!.done(0);
      await fixture.settle();
      expect(workers.map(({ leases }) => leases.length)).toEqual([2, 2, 4]);
      workers[1]!.consumer.setPrefetch(4);
      await fixture.settle();
      expect(workers[1]!.leases.length).toBe(4);
    });

    it("go on to the next attempt after a back-off, and to the dead letters after the last", async () => {
      const queue = fixture.queue({ attempts: 3, backoff: [1000, 10_000] });
      const handle = await queue.add({ n: 1 });
      const end = handle.done().catch((error) => error);
      const starts: number[] = [];
      queue.work((job) => {
        starts.push(fixture.clock.now());
        throw Object.assign(new TypeError(`no ${job.attempt}`), { code: "NO" });
      });
      await fixture.settle();
      await fixture.advance(1000);
      await fixture.advance(9999);
      await fixture.advance(1);
      expect(starts.map((ms) => ms - starts[0]!)).toEqual([0, 1000, 11_000]);
      expect(await end).toMatchObject({ code: "JOB_DEAD", cause: { message: "no 3" } });
      const [letter] = await queue.deadLetters();
      expect(letter).toMatchObject({
        id: handle.id,
        data: { n: 1 },
        attempt: 3,
        error: { message: "no 3", name: "TypeError", code: "NO" },
      });
    });

    it("end as the handler's error says", async () => {
      const queue = fixture.queue({ attempts: 5, backoff: [1000] });
      const errors = [new RetryLater(50_000), new Unrecoverable("never")];
      const handle = await queue.add({ n: 1 }, { backoff: { base: 7000 } });
      queue.work(() => {
        throw errors.shift();
      });
      await fixture.settle();
      expect(await handle.info()).toMatchObject({ state: "delayed", dueMs: fixture.clock.now() + 50_000 });
      await fixture.advance(50_000);
      expect(await handle.info()).toMatchObject({ state: "dead", attempt: 2, error: { message: "never" } });
    });

    it("fail whatever is thrown, errors that are no proper ones too", async () => {
      const queue = fixture.queue({ attempts: 1 });
      const strange = Object.assign(new Error(), { message: undefined, name: 7 });
      const thrown = [undefined, null, 1n, Symbol("s"), Object.create(null), strange];
      queue.work(({ data }) => {
        throw thrown[data.n];
      });
      for (const n of thrown.keys()) {
        await expect((await queue.add({ n })).done()).rejects.toMatchObject({ code: "JOB_DEAD" });
      }
      expect(await queue.deadLetters()).toHaveLength(thrown.length);
    });

    it("of this process end with the attempt's time; what the handler then says is void", async () => {
      const queue = fixture.queue<string>({ timeoutMs: 1000, backoff: [0] });
      const handle = await queue.add({ n: 1 });
      const signals: AbortSignal[] = [];
      const releases: (() => void)[] = [];
      queue.work((job) => {
        signals.push(job.signal);
        if (job.attempt === 2) return "second";
        return new Promise((resolve) => releases.push(() => resolve("first")));
      });
      await fixture.settle();
      await fixture.advance(1000);
      releases[0]!();
      expect(signals[0]!.aborted).toBe(true);
      expect(await handle.done()).toBe("second");
      expect(countsOf(queue)).toEqual({ ...NONE, done: 1 });
    });

    it("are handed back by a worker that is closed, once those that run have ended or their time is up", async () => {
      const queue = fixture.queue({ attempts: 2 });
      await queue.addMany(Array.from({ length: 6 }, (_, n) => ({ data: { n } })));
      const ends: (() => void)[] = [];
      const worker = queue.work({ concurrency: 3 }, () => new Promise<void>((resolve) => ends.push(resolve)));
      while (worker.running < 3) await fixture.settle();
      let isClosed = false;
      const closing = worker.close({ timeoutMs: 1000 }).then(() => {
        isClosed = true;
      });
      ends[0]!();
      await fixture.settle();
      expect(isClosed).toBe(false);
      await fixture.advance(1000);
      await closing;
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 5, done: 1 });
      const next = new RemoteWorker(queue, { prefetch: 5 });
      await next.lease(4);
      expect(next.leases.map(({ attempt, data }) => [data.n, attempt])).toEqual([
        [1, 2],
        [2, 2],
        [3, 1],
        [4, 1],
        [5, 1],
      ]);
    });
  });
}
