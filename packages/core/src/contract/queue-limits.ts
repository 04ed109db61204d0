import { describe, expect, it } from "vitest";
import type { AddOptions } from "../queues/index.ts";
import type { StoreHarness } from "./harness.ts";
import { countsOf, NONE, QueueFixture, RemoteWorker } from "./queue-harness.ts";

export function describeQueueLimits(harness: StoreHarness): void {
  describe("limits", () => {
    const fixture = new QueueFixture(harness);

    it("bound a queue's length, and let jobs in again as others are done", async () => {
      const queue = fixture.queue({ lengthMax: 3 });
      const full = { code: "QUEUE_FULL" };
      await Promise.all([queue.add({ n: 1 }), queue.add({ n: 2 }, { delayMs: 1000 })]);
      await expect(queue.addMany([{ data: { n: 3 } }, { data: { n: 4 } }])).rejects.toMatchObject(full);
      const prepared = await queue.prepare({ n: 3 });
      await expect(queue.add({ n: 4 })).rejects.toMatchObject(full);
      prepared.dropped();
      await queue.add({ n: 4 });
      await expect(queue.prepare({ n: 5 })).rejects.toMatchObject(full);
      const worker = new RemoteWorker(queue);
      await worker.done(0);
      await queue.add({ n: 6 });
      expect(countsOf(queue)).toMatchObject({ delayed: 1, done: 1 });
    });

    it("leave what is there already alone, where they were lowered", async () => {
      const jobs = [1, 2].map((n) => ({ id: `m${n}`, data: { n } }));
      await fixture.queue().addMany(jobs);
      await fixture.restart();
      const queue = fixture.queue({ lengthMax: 1 });
      expect((await queue.addMany(jobs)).map(({ isNew }) => isNew)).toEqual([false, false]);
      await expect(queue.add({ n: 3 })).rejects.toMatchObject({ code: "QUEUE_FULL" });
    });

    it("bound data and results", async () => {
      const queue = fixture.queues.queue<unknown, unknown>("bytes", {
        payloadBytesMax: 100,
        resultBytesMax: 50,
      });
      await queue.add("x".repeat(98));
      const large = { code: "JOB_TOO_LARGE" };
      const circle: unknown[] = [];
      circle.push(circle);
      for (const data of ["x".repeat(99), "ü".repeat(50), Buffer.alloc(101), 1n, circle]) {
        await expect(queue.add(data)).rejects.toMatchObject(large);
      }
      const fake = { bytes: Buffer.alloc(1), fake: { _placeholder: true, num: 7 } };
      await expect(queue.add(fake)).rejects.toMatchObject(large);
      queue.work(({ data }) => data);
      const handle = await queue.add("y".repeat(60));
      await expect(handle.done()).rejects.toMatchObject({
        code: "JOB_DEAD",
        message: expect.stringContaining("50"),
      });
      expect(await handle.info()).toMatchObject({ attempt: 1, error: { code: "RESULT_TOO_LARGE" } });
    });

    it("bound the binaries in data and results: Socket.IO's clients take ten in a packet", async () => {
      const queue = fixture.queues.queue<unknown, unknown>("binaries");
      const binaries = (length: number) => Array.from({ length }, () => Buffer.from("x"));
      await expect(queue.add(binaries(11))).rejects.toMatchObject({ code: "JOB_TOO_LARGE" });
      queue.work(({ data }) => binaries(data === "result" ? 11 : (data as Buffer[]).length));
      expect(await (await queue.add(binaries(10))).done()).toEqual(binaries(10));
      const handle = await queue.add("result");
      await expect(handle.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
      expect(await handle.info()).toMatchObject({ error: { code: "RESULT_TOO_LARGE" } });
    });

    it("refuse names, ids and options that are none", async () => {
      const queue = fixture.queue();
      const invalid = { code: "QUEUE_INVALID" };
      for (const name of ["", "x".repeat(129), "ü".repeat(65)]) {
        expect(() => fixture.queues.queue(name)).toThrow(expect.objectContaining(invalid));
      }
      const wrong = [
        { id: "" },
        { id: "~mine" },
        { id: "x".repeat(257) },
        { delayMs: -1 },
        { delayMs: Number.NaN },
        { delayMs: "5" },
        { priority: 1001 },
        { priority: 0.5 },
        { expiresMs: Infinity },
        { attempts: 0 },
        { timeoutMs: 0 },
        { backoff: [-1] },
        { backoff: { base: Number.NaN } },
        null,
      ];
      for (const options of wrong as AddOptions[]) {
        await expect(queue.add({ n: 1 }, options)).rejects.toMatchObject(invalid);
        await expect(queue.prepare({ n: 1 }, options)).rejects.toMatchObject(invalid);
      }
      expect(() => queue.work({ concurrency: 0 }, () => 1)).toThrow(expect.objectContaining(invalid));
      expect(() => new RemoteWorker(queue, { prefetch: 1001 })).toThrow(expect.objectContaining(invalid));
      expect(() => new RemoteWorker(queue, { owner: "" })).toThrow(expect.objectContaining(invalid));
      await expect(queue.deadLetters({ after: "x" })).rejects.toMatchObject(invalid);
      for (const job of [null, 1, { n: 1 }] as never[]) {
        await expect(queue.addMany([{ data: { n: 1 } }, job])).rejects.toMatchObject(invalid);
      }
      await expect(queue.repeat("key", null as never, { n: 1 })).rejects.toMatchObject(invalid);
      for (const id of [5, null] as never[]) {
        for (const act of [() => queue.get(id), () => queue.remove(id), () => queue.job(id).done()]) {
          await expect(act()).rejects.toMatchObject(invalid);
        }
      }
      expect(() => fixture.queues.queue("o", { rate: { max: 0, perMs: 1 } })).toThrow(
        expect.objectContaining(invalid),
      );
      expect(countsOf(queue)).toEqual(NONE);
    });

    it("bound the number of queues; a queue's options are said once", async () => {
      expect(fixture.queue({ attempts: 3 })).toBe(fixture.queue());
      expect(fixture.queue({ attempts: 3 })).toBe(fixture.queue());
      expect(() => fixture.queue({ attempts: 4 })).toThrow(
        expect.objectContaining({ code: "QUEUE_CONFLICT" }),
      );
      expect(fixture.queues.names()).toEqual(["tasks"]);
      expect(fixture.queues.has("other")).toBe(false);
    });

    it("of the store are told to who adds, and jobs start again once there is room", async () => {
      await fixture.fresh({ bytesMax: 4_000_000 });
      const queue = fixture.queues.queue<string, number>("full", { lengthMax: 1000, resultsMax: 0 });
      const big = "x".repeat(100_000);
      let added = 0;
      let code: string | undefined;
      while (code === undefined && added < 100) {
        await queue.add(big).then(
          () => added++,
          (error) => {
            code = error.code;
          },
        );
      }
      expect(code).toBe("STORE_FULL");
      expect(queue.counts().waiting).toBe(added);
      expect(added).toBeGreaterThan(10);
    });
  });
}
