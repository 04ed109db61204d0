import { describe, expect, it } from "vitest";
import { Unrecoverable } from "../queues/index.ts";
import type { StoreHarness } from "./harness.ts";
import { countsOf, NONE, QueueFixture, RemoteWorker } from "./queue-harness.ts";

export function describeQueueAdministration(harness: StoreHarness): void {
  describe("administration", () => {
    const fixture = new QueueFixture(harness);

    it("pauses, also over a restart, and goes on", async () => {
      const queue = fixture.queue();
      await queue.pause();
      await queue.add({ n: 1 });
      await fixture.restart();
      const again = fixture.queue();
      const worker = new RemoteWorker(again);
      await fixture.settle();
      expect(worker.leases).toEqual([]);
      expect(again.counts()).toMatchObject({ isPaused: true, waiting: 1, workers: 1 });
      await again.resume();
      await worker.done(0);
      expect(again.counts()).toMatchObject({ isPaused: false, waiting: 0, done: 1 });
    });

    it("drains once nothing waits, is delayed or runs", async () => {
      const queue = fixture.queue();
      await queue.drain();
      await queue.add({ n: 1 });
      await queue.add({ n: 2 }, { delayMs: 1000 });
      let isDrained = false;
      const drained = queue.drain().then(() => {
        isDrained = true;
      });
      const worker = new RemoteWorker(queue);
      await worker.done(0);
      await fixture.settle();
      expect(isDrained).toBe(false);
      await fixture.advance(1000);
      await worker.done(1);
      await drained;
    });

    it("lists dead letters in pages, oldest first; redrives and purges one or all", async () => {
      const queue = fixture.queue<string>({ attempts: 2, backoff: [0] });
      const handles = [];
      for (let n = 0; n < 7; n++) handles.push(await queue.add({ n }, n === 3 ? { id: "three" } : {}));
      let isHealed = false;
      const work = () => {
        if (isHealed) return "ok";
        throw new Unrecoverable("ill");
      };
      queue.work(work);
      for (const handle of handles) await expect(handle.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
      const first = await queue.deadLetters({ limit: 4 });
      const rest = await queue.deadLetters({ limit: 4, after: first[3]!.cursor });
      expect([...first, ...rest].map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect((await queue.add({ n: 3 }, { id: "three" })).isNew).toBe(false);
      expect(await queue.purge(handles[0]!.id)).toBe(1);
      expect(await queue.purge(handles[0]!.id)).toBe(0);
      expect(await handles[0]!.info()).toBeUndefined();
      isHealed = true;
      expect(await queue.redrive("three")).toBe(1);
      expect(await queue.redrive("none")).toBe(0);
      expect(await queue.job("three").done()).toBe("ok");
      expect(countsOf(queue)).toEqual({ ...NONE, done: 1, dead: 5 });
      await fixture.restart();
      const again = fixture.queue<string>();
      const redriven = again.redrive();
      again.work(() => "later");
      expect(await redriven).toBe(5);
      expect(await again.job(handles[6]!.id).done()).toBe("later");
      await again.drain();
      expect(await again.get(handles[5]!.id)).toMatchObject({ state: "done", attempt: 1 });
      expect(countsOf(again)).toEqual({ ...NONE, done: 6 });
      expect(await again.purge()).toBe(0);
    });

    it("purges all dead letters, and forgets them by count and age", async () => {
      const options = { attempts: 1, deadMax: 5, deadAgeMs: 10_000 };
      const queue = fixture.queue(options);
      queue.work(() => {
        throw new Error("ill");
      });
      for (let n = 0; n < 12; n++) await (await queue.add({ n })).done().catch(() => {});
      await fixture.settle();
      expect((await queue.deadLetters()).map(({ data }) => data.n)).toEqual([7, 8, 9, 10, 11]);
      await fixture.advance(5000);
      await (await queue.add({ n: 12 })).done().catch(() => {});
      await fixture.settle();
      await fixture.advance(5001);
      expect((await queue.deadLetters()).map(({ data }) => data.n)).toEqual([12]);
      expect(await queue.purge()).toBe(1);
      expect(countsOf(queue)).toEqual(NONE);
    });

    it("remembers results by count and by age", async () => {
      const queue = fixture.queue({ resultsMax: 10, resultAgeMs: 10_000 });
      const ids: string[] = [];
      for (let n = 0; n < 25; n++) ids.push((await queue.add({ n }, { id: `job-${n}` })).id);
      queue.work({ concurrency: 5 }, (job) => job.data.n);
      await queue.drain();
      await fixture.settle();
      expect(countsOf(queue)).toEqual({ ...NONE, done: 10 });
      await expect(queue.job(ids[0]!).done()).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
      expect(await queue.job(ids[24]!).done()).toBe(24);
      expect((await queue.add({ n: 0 }, { id: "job-0" })).isNew).toBe(true);
      await queue.drain();
      await fixture.restart();
      await fixture.queue({ resultsMax: 10, resultAgeMs: 10_000 }).opened;
      await fixture.advance(10_001);
      expect(countsOf(fixture.queue())).toEqual(NONE);
      const { records } = await fixture.store.records({ kind: "queue:id" });
      expect(records).toEqual([]);
    });

    it("remembers nothing where resultsMax is 0, though who waits is told", async () => {
      const queue = fixture.queue({ resultsMax: 0 });
      const handle = await queue.add({ n: 1 }, { id: "x" });
      const done = handle.done();
      queue.work((job) => job.data.n);
      expect(await done).toBe(1);
      await expect(handle.done()).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
      expect((await queue.add({ n: 2 }, { id: "x" })).isNew).toBe(true);
    });

    it("starts no more jobs than the rate allows", async () => {
      const queue = fixture.queue({ rate: { max: 3, perMs: 1000 } });
      await queue.addMany(Array.from({ length: 8 }, (_, n) => ({ data: { n } })));
      const starts: number[] = [];
      queue.work({ concurrency: 10 }, () => starts.push(fixture.clock.now()));
      const begin = fixture.clock.now();
      await fixture.settle();
      expect(starts).toHaveLength(3);
      await fixture.advance(999);
      expect(starts).toHaveLength(3);
      await fixture.advance(1);
      expect(starts).toHaveLength(6);
      await fixture.advance(1000);
      expect(starts.map((ms) => ms - begin)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000]);
    });

    it("repeats by interval; ticks that were missed make one job", async () => {
      const queue = fixture.queue();
      const begin = fixture.clock.now();
      const info = await queue.repeat("tick", { everyMs: 1000 }, { n: 1 });
      expect(info.nextMs).toBe(begin + 1000);
      const starts: number[] = [];
      queue.work(() => starts.push(fixture.clock.now() - begin));
      await fixture.advance(1000);
      await fixture.advance(500);
      expect((await queue.repeat("tick", { everyMs: 1000 }, { n: 2 })).nextMs).toBe(begin + 2000);
      await fixture.advance(500);
      expect(starts).toEqual([1000, 2000]);
      await fixture.crash();
      fixture.clock.advance(5300);
      const again = fixture.queue();
      const datas: number[] = [];
      again.work((job) => datas.push(job.data.n));
      await again.opened;
      await fixture.advance(0);
      expect(datas).toEqual([2]);
      expect(await again.repeats()).toEqual([
        { key: "tick", schedule: { everyMs: 1000 }, nextMs: begin + 8000, data: { n: 2 } },
      ]);
      expect(await again.unrepeat("tick")).toBe(true);
      expect(await again.unrepeat("tick")).toBe(false);
      await fixture.advance(10_000);
      expect(datas).toEqual([2]);
    });

    it("repeats what can be added, whatever cannot", async () => {
      const large = fixture.queue({ payloadBytesMax: 1000 });
      await large.repeat("large", { everyMs: 1000 }, { n: 10 ** 20 });
      await large.repeat("small", { everyMs: 1000 }, { n: 1 });
      await fixture.restart();
      const queue = fixture.queue({ payloadBytesMax: 10 });
      const worker = new RemoteWorker(queue);
      await queue.opened;
      await fixture.advance(1000);
      await worker.done(0);
      expect(worker.numbers).toEqual([1]);
      expect(fixture.errors).toMatchObject([{ code: "JOB_TOO_LARGE" }]);
    });

    it("repeats by cron, in a time zone with its summer time", async () => {
      const queue = fixture.queue();
      fixture.clock.jump(Date.UTC(2026, 2, 28, 12) - fixture.clock.now());
      const daily = { cron: "30 8 * * *", tz: "Europe/Zurich" };
      const { nextMs } = await queue.repeat("daily", daily, { n: 1 });
      // The clocks go forward that night.
      expect(nextMs).toBe(Date.UTC(2026, 2, 29, 6, 30));
      const worker = new RemoteWorker(queue);
      fixture.clock.jump(nextMs! - fixture.clock.now());
      await fixture.advance(60_000);
      await worker.done(0);
      expect((await queue.repeats())[0]!.nextMs).toBe(Date.UTC(2026, 2, 30, 6, 30));
      for (const wrong of ["nonsense", "99 * * * *", "* * * * * * * *"]) {
        await expect(queue.repeat("x", { cron: wrong }, { n: 1 })).rejects.toMatchObject({
          code: "QUEUE_INVALID",
        });
      }
      await expect(queue.repeat("x", { cron: "* * * * *", tz: "No/Where" }, { n: 1 })).rejects.toMatchObject({
        code: "QUEUE_INVALID",
      });
    });

    it("is closed with its workers, and says so from then on", async () => {
      const queue = fixture.queue();
      const handle = await queue.add({ n: 1 });
      const done = handle.done().catch(({ code }) => code);
      const drained = queue.drain().catch(({ code }) => code);
      await fixture.queues.close();
      expect(await done).toBe("QUEUE_CLOSED");
      expect(await drained).toBe("QUEUE_CLOSED");
      const closed = { code: "QUEUE_CLOSED" };
      await expect(queue.add({ n: 2 })).rejects.toMatchObject(closed);
      expect(() => queue.work(() => 1)).toThrow(expect.objectContaining(closed));
      expect(() => fixture.queues.queue("other")).toThrow(expect.objectContaining(closed));
    });
  });
}
