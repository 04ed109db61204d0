import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import { Rejection } from "holdfast";
import { describe, expect, it } from "vitest";
import { Client, deferred, STORES, start, storeOf } from "./support.ts";

describe.each(STORES)("a job that a transaction adds, with %s,", (kind) => {
  it("is there once the event has taken effect, once however often that is sent", async () => {
    const { port, io } = await start({ store: storeOf(kind) });
    const queue = io.queue<{ to: string }>("mail");
    io.handle("send", async (to, tx) => {
      const { id, isNew } = await tx.queue("mail").add({ to }, { id: `mail to ${to}` });
      void tx.queue("mail").add({ to: `archive of ${to}` });
      tx.to("chat:1").publish("sent", to);
      return { id, isNew };
    });
    const client = await Client.connect(port);
    const outcome = await client.emit(1, "send", ["ada"]);
    expect(outcome).toEqual([0, { id: "mail to ada", isNew: true }]);
    expect(await client.emit(1, "send", ["ada"], { again: 1 })).toEqual(outcome);
    expect(await queue.counts()).toMatchObject({ waiting: 2 });
    // the job is there already, and the rest takes effect
    expect(await client.emit(2, "send", ["ada"])).toEqual([0, { id: "mail to ada", isNew: false }]);
    expect(await queue.counts()).toMatchObject({ waiting: 3 });
    expect(await io.to("chat:1").history()).toHaveLength(2);
    const done: unknown[] = [];
    const worker = queue.work(async ({ data }) => void done.push(data.to));
    await expect.poll(() => done.length).toBe(3);
    expect(done).toEqual(["ada", "archive of ada", "archive of ada"]);
    await worker.close();
  });
});

describe("a job of a transaction that comes to nothing", () => {
  it("is not added", async () => {
    const disk = new MemoryDisk();
    const { port, io } = await start({ store: new MemoryStore({ disk }) });
    const queue = io.queue("mail", { lengthMax: 2 });
    io.handle("refuse", async (tx) => {
      await tx.queue("mail").add(1);
      throw new Rejection("NO");
    });
    io.handle("send", async (tx) => (await tx.queue("mail").add(2)).isNew);
    const client = await Client.connect(port);
    expect(await client.emit(1, "refuse")).toMatchObject([1, { code: "NO" }]);
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
    disk.failNext(new StoreError("STORE_FULL", "full"));
    expect(await client.emit(2, "send")).toMatchObject([2, 1000, { code: "STORE_FULL" }]);
    expect(await client.emit(2, "send", [], { again: 1 })).toEqual([0, true]);
    expect(await client.emit(3, "send")).toEqual([0, true]);
    // its place was given back each time
    expect(await queue.counts()).toMatchObject({ waiting: 2 });
    expect(await client.emit(4, "send")).toMatchObject([1, { code: "HANDLER_FAILED" }]);
  });
});

describe("jobs with an id", () => {
  it("are one if a transaction adds them twice, and a conflict if they differ", async () => {
    const { port, io } = await start();
    const queue = io.queue("mail");
    io.handle("twice", async (tx) => {
      const first = await tx.queue("mail").add(1, { id: "one" });
      const second = await tx.queue("mail").add(1, { id: "one" });
      const third = await tx
        .queue("mail")
        .add(2, { id: "one" })
        .catch((error: { code: string }) => error.code);
      return [first, second, third];
    });
    const client = await Client.connect(port);
    expect(await client.emit(1, "twice")).toEqual([
      0,
      [{ id: "one", isNew: true }, { id: "one", isNew: false }, "QUEUE_JOB_CONFLICT"],
    ]);
    expect(await queue.counts()).toMatchObject({ waiting: 1 });
  });

  it("don't make transactions wait for each other, in whatever order and queues", async () => {
    const { port, io } = await start();
    const queues = [io.queue("a"), io.queue("b")];
    const both = deferred();
    let begun = 0;
    io.handle("add", async (first, second, tx) => {
      await tx.queue(first).add(1, { id: "one" });
      if (++begun === 2) both.resolve();
      await both.promise;
      await tx.queue(second).add(1, { id: "one" });
    });
    const one = await Client.connect(port);
    const other = await Client.connect(port, { key: "o".repeat(22), again: 0 });
    const outcomes = [await Promise.all([one.emit(1, "add", ["a", "b"]), other.emit(1, "add", ["b", "a"])])];
    expect(
      outcomes
        .flat()
        .map(([kind]) => kind)
        .sort(),
    ).toEqual([0, 2]);
    for (const queue of queues) expect(await queue.counts()).toMatchObject({ waiting: 1 });
  });
});

it("a handler that hears of an add that failed may go on", async () => {
  const { port, io } = await start();
  const queue = io.queue("mail", { lengthMax: 1 });
  await queue.add(1);
  io.handle("heard", async (tx) => {
    tx.to("chat:1").publish("said");
    return await tx
      .queue("mail")
      .add(2)
      .catch((error: { code: string }) => error.code);
  });
  io.handle("unheard", (tx) => void tx.queue("mail").add(2));
  const client = await Client.connect(port);
  expect(await client.emit(1, "heard")).toEqual([0, "QUEUE_FULL"]);
  expect(await io.to("chat:1").history()).toHaveLength(1);
  expect(await client.emit(2, "unheard")).toMatchObject([1, { code: "HANDLER_FAILED" }]);
});
