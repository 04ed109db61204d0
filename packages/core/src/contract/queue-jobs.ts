import { describe, expect, it } from "vitest";
import type { JobReport } from "../queues/index.ts";
import type { StoreHarness } from "./harness.ts";
import { countsOf, NONE, QueueFixture, RemoteWorker, type Task } from "./queue-harness.ts";

export function describeQueueJobs(harness: StoreHarness): void {
  describe("jobs", () => {
    const fixture = new QueueFixture(harness);

    it("are done once, and the result goes to who waits", async () => {
      const queue = fixture.queue<number>();
      const handle = await queue.add({ n: 20 });
      expect(handle.isNew).toBe(true);
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 1 });
      queue.work(({ data, attempt }) => data.n + attempt);
      expect(await handle.done()).toBe(21);
      expect(await handle.done()).toBe(21);
      expect(await queue.job(handle.id).done()).toBe(21);
      expect(await handle.info()).toMatchObject({ state: "done", result: 21, attempt: 1, data: undefined });
      expect(countsOf(queue)).toEqual({ ...NONE, done: 1 });
    });

    it("hold whatever JSON and bytes can say", async () => {
      const queue = fixture.queues.queue("any");
      const datas = [
        undefined,
        null,
        "",
        "ü\n\0",
        [],
        { a: [1, { b: true }] },
        { image: Buffer.from([1, 2, 0]) },
      ];
      queue.work((job) => job.data);
      for (const data of datas) {
        const handle = await queue.add(data);
        expect(await handle.done()).toEqual(data);
        expect((await handle.info())!.result).toEqual(data);
      }
      const two = { list: [new Uint8Array([1]), { deep: new Uint8Array(0) }] };
      expect(await (await queue.add(two)).done()).toEqual({
        list: [Buffer.from([1]), { deep: Buffer.alloc(0) }],
      });
    });

    it("outlive a crash as soon as add resolves, and what is done stays done", async () => {
      const queue = fixture.queue<number>();
      const handles = await queue.addMany([{ data: { n: 1 } }, { data: { n: 2 } }, { data: { n: 3 } }]);
      const worker = new RemoteWorker(queue);
      await worker.lease(0);
      worker.consumer.stop();
      await worker.done(0);
      await fixture.crash();
      const again = fixture.queue<number>();
      await again.opened;
      expect(await again.job(handles[0]!.id).done()).toBe(1);
      const ran: number[] = [];
      again.work((job) => ran.push(job.data.n));
      await again.job(handles[2]!.id).done();
      expect(ran.sort()).toEqual([2, 3]);
      await again.drain();
      expect(countsOf(again)).toEqual({ ...NONE, done: 3 });
    });

    it("start by priority, then by age, also after a restart", async () => {
      const queue = fixture.queue();
      const priorities = [0, 5, 0, -1000, 1000, 5, -1];
      for (const [n, priority] of priorities.entries()) await queue.add({ n }, { priority });
      const order = [4, 1, 5, 0, 2, 6, 3];
      await fixture.restart();
      const worker = new RemoteWorker(fixture.queue(), { prefetch: 10 });
      await worker.lease(6);
      expect(worker.numbers).toEqual(order);
    });

    it("that come later and matter more go first", async () => {
      const queue = fixture.queue();
      for (let n = 0; n < 5; n++) await queue.add({ n });
      const worker = new RemoteWorker(queue);
      await worker.lease(0);
      await queue.add({ n: 9 }, { priority: 1 });
      for (let i = 0; i < 5; i++) await worker.done(i);
      expect(worker.numbers).toEqual([0, 9, 1, 2, 3, 4]);
    });

    it("with an id are added once, until what they left has expired", async () => {
      const options = { resultAgeMs: 10_000 };
      const queue = fixture.queue<number>(options);
      const first = await queue.add({ n: 1 }, { id: "one" });
      const [second, third] = await Promise.all([
        queue.add({ n: 1 }, { id: "one" }),
        queue.add({ n: 1 }, { id: "one", priority: 3 }),
      ]);
      expect([first.isNew, second.isNew, third.isNew]).toEqual([true, false, false]);
      await expect(queue.add({ n: 2 }, { id: "one" })).rejects.toMatchObject({ code: "QUEUE_JOB_CONFLICT" });
      let runs = 0;
      const worker = queue.work(() => ++runs);
      expect(await third.done()).toBe(1);
      expect((await queue.add({ n: 1 }, { id: "one" })).isNew).toBe(false);
      await fixture.restart();
      expect(await (await fixture.queue<number>(options).add({ n: 1 }, { id: "one" })).done()).toBe(1);
      expect(worker.running).toBe(0);
      expect(runs).toBe(1);
      await fixture.advance(10_001);
      expect(countsOf(fixture.queue())).toEqual(NONE);
      expect((await fixture.queue().add({ n: 2 }, { id: "one" })).isNew).toBe(true);
    });

    it("with an id are told apart by their bytes, also where those are the same in all", async () => {
      const queue = fixture.queues.queue("bytes");
      const halves = (at: number) => [Buffer.from("abc".slice(0, at)), Buffer.from("abc".slice(at))];
      await queue.add(halves(1), { id: "one" });
      expect((await queue.add(halves(1), { id: "one" })).isNew).toBe(false);
      await expect(queue.add(halves(2), { id: "one" })).rejects.toMatchObject({ code: "QUEUE_JOB_CONFLICT" });
    });

    it("of one id that are added at the same time are one, in one call too", async () => {
      const queue = fixture.queue();
      const handles = await Promise.all([
        queue.add({ n: 1 }, { id: "x" }),
        queue.add({ n: 1 }, { id: "x" }),
        queue.addMany([
          { data: { n: 1 }, id: "x" },
          { data: { n: 2 }, id: "y" },
          { data: { n: 2 }, id: "y" },
        ]),
      ]);
      expect(handles.flat().map(({ isNew }) => isNew)).toEqual([true, false, false, true, false]);
      expect(countsOf(queue).waiting).toBe(2);
      const both = [
        { data: { n: 1 }, id: "z" },
        { data: { n: 2 }, id: "z" },
      ];
      await expect(queue.addMany(both)).rejects.toMatchObject({ code: "QUEUE_JOB_CONFLICT" });
      expect(countsOf(queue).waiting).toBe(2);
      expect(await queue.get("z")).toBeUndefined();
    });

    it("wait for their delay by wall time, of any length, also over a restart", async () => {
      const queue = fixture.queue();
      const year = 365 * 24 * 3_600_000;
      await queue.add({ n: 2 }, { delayMs: 20_000 });
      await queue.add({ n: 1 }, { delayMs: 10_000 });
      const last = await queue.add({ n: 3 }, { delayMs: year });
      expect(await last.info()).toMatchObject({ state: "delayed", dueMs: fixture.clock.now() + year });
      const worker = new RemoteWorker(queue, { prefetch: 9 });
      await fixture.advance(9_999);
      expect(worker.numbers).toEqual([]);
      await fixture.advance(1);
      expect(worker.numbers).toEqual([1]);
      await worker.done(0);
      await fixture.restart();
      const next = new RemoteWorker(fixture.queue(), { prefetch: 9 });
      await fixture.settle();
      expect(next.numbers).toEqual([]);
      await fixture.advance(10_000);
      await next.done(0);
      fixture.clock.jump(year);
      await fixture.advance(60_000);
      expect(next.numbers).toEqual([2, 3]);
    });

    it("expire unless they are started in time, with or without workers", async () => {
      const queue = fixture.queue({ backoff: [5000], resultAgeMs: 60_000 });
      const waiting = await queue.add({ n: 1 }, { id: "w", expiresMs: 1000 });
      const delayed = await queue.add({ n: 2 }, { delayMs: 5000, expiresMs: 2000 });
      const ends = [waiting, delayed].map((handle) => handle.done().catch(({ code }) => code));
      await fixture.advance(3000);
      expect(await Promise.all(ends)).toEqual(["JOB_EXPIRED", "JOB_EXPIRED"]);
      expect(await waiting.info()).toMatchObject({ state: "expired" });
      const started = await queue.add({ n: 3 }, { expiresMs: 1000 });
      const retried = await queue.add({ n: 4 }, { expiresMs: 1000 });
      const worker = new RemoteWorker(queue, { prefetch: 2 });
      await worker.lease(1);
      await fixture.advance(3000);
      await worker.done(0);
      expect(await started.done()).toBe(3);
      await worker.consumer.settle(worker.leases[1]!.token, { error: { message: "no" } });
      await expect(retried.done()).rejects.toMatchObject({ code: "JOB_EXPIRED" });
      await fixture.advance(60_001);
      expect(countsOf(queue)).toEqual(NONE);
      expect(await waiting.info()).toBeUndefined();
    });

    it("report what happens to them to who watches, in order", async () => {
      const queue = fixture.queue({ attempts: 2, backoff: [100] });
      const handle = await queue.add({ n: 1 });
      const reports: JobReport[] = [];
      queue.watch(handle.id, (report) => reports.push(report));
      const worker = new RemoteWorker(queue);
      const first = await worker.lease(0);
      worker.consumer.progress(first.token, 0.4);
      expect(await handle.info()).toMatchObject({ state: "running", progress: 0.4, data: { n: 1 } });
      await worker.consumer.settle(first.token, { error: { message: "oh" } });
      await fixture.advance(100);
      await worker.done(1);
      expect(reports.map(({ state, attempt }) => [state, attempt])).toEqual([
        ["running", 1],
        ["running", 1],
        ["delayed", 1],
        ["waiting", 1],
        ["running", 2],
        ["done", 2],
      ]);
      expect(reports[1]).toMatchObject({ progress: 0.4 });
      expect(reports[2]).toMatchObject({ error: { message: "oh" } });
      expect(reports[5]).toMatchObject({ result: 1 });
    });

    it("can be removed unless they run, or by force", async () => {
      const queue = fixture.queue({ attempts: 1 });
      const named = await queue.add({ n: 1 }, { id: "named", delayMs: 1000 });
      const ended = named.done().catch(({ code }) => code);
      expect(await queue.remove("named")).toBe(true);
      expect(await ended).toBe("JOB_REMOVED");
      expect(await queue.remove("named")).toBe(false);
      expect((await queue.add({ n: 2 }, { id: "named" })).isNew).toBe(true);
      const worker = new RemoteWorker(queue);
      const { token } = await worker.lease(0);
      await expect(queue.remove("named")).rejects.toMatchObject({ code: "JOB_RUNNING" });
      expect(await queue.remove("named", { force: true })).toBe(true);
      expect(worker.lost).toEqual([[token, "removed"]]);
      await expect(worker.consumer.settle(token, { result: 1 })).rejects.toMatchObject({
        code: "LEASE_LOST",
      });
      worker.consumer.stop();
      const waiting = await queue.add({ n: 3 });
      expect(await queue.remove(waiting.id)).toBe(true);
      expect(countsOf(queue)).toEqual(NONE);
      worker.consumer.start();
      await queue.add({ n: 4 });
      await worker.done(1);
      expect(worker.numbers).toEqual([2, 4]);
      const done = await queue.add({ n: 5 });
      await worker.done(2);
      expect(await queue.remove(done.id)).toBe(true);
      expect(await queue.remove("~zzz")).toBe(false);
      expect(countsOf(queue)).toEqual({ ...NONE, done: 1 });
    });

    it("are unknown where they never were, and where another id is in their place", async () => {
      const queue = fixture.queue();
      await queue.add({ n: 1 }, { id: "named" });
      for (const id of ["~1", "~2", "none", "", "~", "~x.y", "x".repeat(3000)]) {
        expect(await queue.get(id)).toBeUndefined();
        await expect(queue.job(id).done()).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
        expect(await queue.remove(id)).toBe(false);
      }
      const worker = new RemoteWorker(queue);
      await worker.done(0);
      expect(await queue.get("~1")).toBeUndefined();
    });

    it("can be added in somebody else's commit, with all of it or not at all", async () => {
      const queue = fixture.queue<number>();
      const event = (payload: string) =>
        ({ type: "append", namespace: "/", rooms: ["a"], payload, timeMs: 1 }) as const;
      const prepared = await queue.prepare({ n: 1 }, { id: "tx" });
      const waits = queue.add({ n: 1 }, { id: "tx" });
      const receipt = fixture.store.commit([event("x"), ...prepared.operations], prepared.preconditions);
      const handle = await prepared.issued(receipt);
      expect((await waits).isNew).toBe(false);
      const failing = await queue.prepare({ n: 2 });
      const failed = fixture.store.commit(failing.operations, [{ kind: "k", key: "x", version: 7 }]);
      await expect(failing.issued(failed)).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
      const dropped = await queue.prepare({ n: 3 }, { id: "dropped" });
      dropped.dropped();
      expect((await queue.add({ n: 4 }, { id: "dropped" })).isNew).toBe(true);
      const again = await queue.prepare({ n: 1 }, { id: "tx" });
      expect([again.isNew, again.operations.length]).toEqual([false, 0]);
      await expect(queue.prepare({ n: 9 }, { id: "tx" })).rejects.toMatchObject({
        code: "QUEUE_JOB_CONFLICT",
      });
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 2 });
      await fixture.crash();
      const after = fixture.queue<number>();
      const worker = new RemoteWorker(after, { prefetch: 5 });
      await worker.lease(1);
      expect(worker.numbers).toEqual([1, 4]);
      await worker.done(0);
      expect(await after.job(handle.id).done()).toBe(1);
      await worker.done(1);
      expect(countsOf(after)).toEqual({ ...NONE, done: 2 });
    });

    it("with ids may be added many at once, by many, in any order", async () => {
      const queue = fixture.queue<number>();
      const jobs = ["x", "y", "z"].map((id) => ({ id, data: { n: 1 } }));
      const handles = await Promise.all([queue.addMany(jobs), queue.addMany(jobs.toReversed())]);
      expect(handles.flat().filter(({ isNew }) => isNew)).toHaveLength(3);
      const conflict = [...jobs, { id: "y", data: { n: 2 } }];
      await expect(queue.addMany(conflict)).rejects.toMatchObject({ code: "QUEUE_JOB_CONFLICT" });
      expect(countsOf(queue)).toEqual({ ...NONE, waiting: 3 });
    });

    it("of a thousand queues are apart", async () => {
      const queues = Array.from({ length: 20 }, (_, i) => fixture.queue<number>({}, `queue-${i}`));
      const handles = await Promise.all(queues.map((queue, n) => queue.add({ n })));
      await fixture.restart();
      for (const [i, { id, queue }] of handles.entries()) {
        const again = fixture.queues.queue<Task, number>(queue);
        again.work((job) => job.data.n * 10);
        expect(await again.job(id).done()).toBe(i * 10);
      }
    });
  });
}
