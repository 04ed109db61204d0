import { describe, expect, it } from "vitest";
import { Unrecoverable } from "../../src/index.ts";
import { clientOf, serveQueue } from "./support.ts";

describe("What clients may do with queues", () => {
  it("is nothing, by default.", async () => {
    const client = await clientOf(await serveQueue({ queues: {} }));
    expect(await client.refusal("add", "mail", 1)).toBe("QUEUE_FORBIDDEN");
    expect(await client.refusal("work", "mail", {})).toBe("QUEUE_FORBIDDEN");
    expect(await client.refusal("watch", "mail", "m1")).toBe("QUEUE_FORBIDDEN");
    expect(await client.refusal("admin", "mail", "counts")).toBe("QUEUE_FORBIDDEN");
  });

  it("is nothing with leases that are made up: no job comes of it.", async () => {
    const running = await serveQueue({ queues: {} });
    await running.queue.add("secret");
    const client = await clientOf(running);
    for (const name of ["done", "fail", "extend", "progress"]) {
      expect(await client.refusal(name, "00011.AAAAAAAAAAAAAAAA")).toBe("LEASE_LOST");
    }
    await running.queue.pause();
    expect(running.queue.counts()).toMatchObject({ waiting: 1, running: 0 });
    expect(client.jobs.drain()).toEqual([]);
  });

  it("is decided by authorize, which is told who wants what.", async () => {
    const asked: unknown[] = [];
    const running = await serveQueue({
      queues: {
        authorize: async (socket, ...request) => {
          asked.push([socket.handshake.query.name, ...request]);
          return request[0] === "add";
        },
      },
    });
    const client = await clientOf(running);
    await client.ask("add", "mail", { to: "ada" }, { id: "m1", priority: 2, unknown: 1 });
    await client.call("work", "mail", { prefetch: 3 });
    await client.call("admin", "mail", "remove", "m1");
    expect(asked).toEqual([
      [undefined, "add", "mail", { data: { to: "ada" }, id: "m1", priority: 2 }],
      [undefined, "work", "mail", undefined],
      [undefined, "admin", "mail", { command: "remove", id: "m1" }],
    ]);
  });

  it("does not tell whether a queue exists.", async () => {
    const running = await serveQueue({
      queues: { authorize: (_socket, _action, queue) => queue !== "secret" },
    });
    running.io.queue("secret");
    const client = await clientOf(running);
    expect(await client.refusal("add", "secret", 1)).toBe("QUEUE_FORBIDDEN");
    expect(await client.refusal("add", "nowhere", 1)).toBe("QUEUE_UNKNOWN");
  });

  it("is nothing if authorize fails, or says anything but true; the failure is reported.", async () => {
    const errors: unknown[] = [];
    const answers: (() => unknown)[] = [
      () => {
        throw new Error("no database");
      },
      () => Promise.reject(new Error("no database")),
      () => "yes",
      () => 1,
    ];
    const running = await serveQueue({
      queues: { authorize: () => answers.shift()!() as boolean },
      onError: (error, context) => errors.push([error.message, context.stage]),
    });
    const client = await clientOf(running);
    for (let i = 0; i < 4; i++) expect(await client.refusal("add", "mail", 1)).toBe("QUEUE_FORBIDDEN");
    expect(errors).toEqual([
      ["no database", "queue"],
      ["no database", "queue"],
    ]);
  });
});

describe("Who added a job", () => {
  it("may watch it, over any connection; others may not, unless they administer the queue.", async () => {
    const allowed = new Set(["add", "watch"]);
    const running = await serveQueue({ queues: { authorize: (_socket, action) => allowed.has(action) } });
    const [producer, later, stranger] = [
      await clientOf(running),
      await clientOf(running),
      await clientOf(running),
    ];
    const { id, grant } = await producer.ask<{ id: string; grant: string }>("add", "mail", 1, { id: "m1" });
    const other = await stranger.ask<{ grant: string }>("add", "mail", 1, { id: "m2" });
    expect(await later.ask("watch", "mail", id, grant)).toMatchObject({ id: "m1", state: "waiting" });
    for (const proof of [undefined, "", "x", other.grant, `${grant}x`, grant.slice(1)]) {
      expect(await stranger.refusal("watch", "mail", id, ...(proof ? [proof] : []))).toBe("QUEUE_FORBIDDEN");
    }
    allowed.add("admin");
    expect(await stranger.ask("watch", "mail", id)).toMatchObject({ id: "m1", state: "waiting" });
  });

  it("proves nothing of a job of another queue, whatever characters the names have.", async () => {
    const running = await serveQueue({ queues: { authorize: (_socket, action) => action !== "admin" } });
    const other = running.io.queue("mail\nold");
    await other.add(1, { id: "m1" });
    const producer = await clientOf(running);
    const { grant } = await producer.ask<{ grant: string }>("add", "mail", 1, { id: "old\nm1" });
    expect(await producer.refusal("watch", "mail\nold", "m1", grant)).toBe("QUEUE_FORBIDDEN");
  });

  it("hears of every change, behind the answer, and of nothing after the end.", async () => {
    const running = await serveQueue({}, { attempts: 2 });
    const [producer, worker] = [await clientOf(running), await clientOf(running)];
    const { id, grant } = await producer.ask<{ id: string; grant: string }>("add", "mail", 1);
    expect(await producer.ask("watch", "mail", id, grant)).toMatchObject({ state: "waiting", attempt: 0 });
    await worker.ask("work", "mail", {});
    const first = await worker.jobs.next();
    expect(await producer.states.next()).toMatchObject({ state: "running", attempt: 1, attempts: 2 });
    await worker.ask("progress", first.lease, 0.4);
    expect(await producer.states.next()).toMatchObject({ state: "running", progress: 0.4 });
    await worker.ask("fail", first.lease, { message: "no route", code: "EHOST" });
    expect(await producer.states.next()).toMatchObject({
      state: "delayed",
      error: { message: "no route", code: "EHOST" },
      dueMs: expect.any(Number),
    });
    const second = await worker.jobs.next();
    expect(second).toMatchObject({ id, attempt: 2 });
    await worker.ask("done", second.lease, { at: "ada" });
    let last = await producer.states.next();
    while (last.state !== "done") last = await producer.states.next();
    expect(last).toMatchObject({ id, queue: "mail", state: "done", result: { at: "ada" }, attempt: 2 });
    expect(await producer.ask("watch", "mail", id, grant)).toMatchObject({
      state: "done",
      result: { at: "ada" },
    });
  });

  it("is told that nothing is known of a job any more.", async () => {
    const running = await serveQueue();
    const producer = await clientOf(running);
    const { id, grant } = await producer.ask<{ id: string; grant: string }>("add", "mail", 1);
    await running.queue.remove(id);
    expect(await producer.refusal("watch", "mail", id, grant)).toBe("JOB_UNKNOWN");
  });

  it("no longer hears of it after unwatch.", async () => {
    const running = await serveQueue();
    const producer = await clientOf(running);
    const { id, grant } = await producer.ask<{ id: string; grant: string }>("add", "mail", 1);
    await producer.ask("watch", "mail", id, grant);
    await producer.ask("unwatch", "mail", id);
    await running.queue.remove(id);
    await producer.ask("admin", "mail", "counts");
    expect(producer.states.drain()).toEqual([]);
  });
});

describe("Who administers a queue", () => {
  it("counts, pauses, resumes, drains, reads dead letters, redrives, purges and removes.", async () => {
    const running = await serveQueue({}, { attempts: 1 });
    const [admin, worker] = [await clientOf(running), await clientOf(running)];
    await worker.ask("work", "mail", {});
    await admin.ask("admin", "mail", "pause");
    await admin.ask("add", "mail", "letter", { id: "m1" });
    expect(await admin.ask("admin", "mail", "counts")).toMatchObject({ waiting: 1, isPaused: true });
    await admin.ask("admin", "mail", "resume");
    const { lease } = await worker.jobs.next();
    expect(await admin.refusal("admin", "mail", "remove", "m1")).toBe("JOB_RUNNING");
    await worker.ask("fail", lease, { message: "burnt" });
    expect(await admin.ask("admin", "mail", "deadLetters", { limit: 10 })).toMatchObject([
      { id: "m1", data: "letter", error: { message: "burnt" } },
    ]);
    expect(await admin.ask("admin", "mail", "redrive", "m1")).toBe(1);
    const again = await worker.jobs.next();
    const drained = admin.ask("admin", "mail", "drain");
    await worker.ask("fail", again.lease, { message: "burnt again", final: true });
    await drained;
    expect(await admin.ask("admin", "mail", "purge")).toBe(1);
    await admin.ask("add", "mail", 1, { id: "m2", delayMs: 1e6 });
    expect(await admin.ask("admin", "mail", "get", "m2")).toMatchObject({ state: "delayed", data: 1 });
    expect(await admin.ask("admin", "mail", "remove", "m2")).toBe(true);
    expect(await admin.ask("admin", "mail", "remove", "m2")).toBe(false);
  });

  it("gets no more dead letters at a time than its connection takes binaries.", async () => {
    const running = await serveQueue();
    running.queue.work(() => {
      throw new Unrecoverable("no");
    });
    const data = [Buffer.from("a"), Buffer.from("b"), Buffer.from("c")];
    for (let i = 0; i < 4; i++) await (await running.queue.add(data)).done().catch(() => {});
    const admin = await clientOf(running);
    const first = await admin.ask<{ cursor: string; data: unknown }[]>("admin", "mail", "deadLetters");
    expect(first.map((letter) => letter.data)).toEqual([data, data, data]);
    const after = first[2]!.cursor;
    expect(await admin.ask("admin", "mail", "deadLetters", { after })).toMatchObject([{ data }]);
  });
});
