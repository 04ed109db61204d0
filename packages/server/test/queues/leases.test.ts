import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { Server } from "../../src/index.ts";
import { listen, next, serve } from "../support.ts";
import { type Client, clientOf, serveQueue, storeForRestarts } from "./support.ts";

const recovery = { connectionStateRecovery: {} };

describe("A worker", () => {
  it("has at most as many jobs as its prefetch says, and gets the next with each outcome.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    await running.queue.addMany([1, 2, 3, 4].map((data) => ({ data })));
    await worker.ask("work", "mail", { prefetch: 2 });
    const [first, second] = [await worker.jobs.next(), await worker.jobs.next()];
    expect([first.data, second.data]).toEqual([1, 2]);
    expect(await worker.ask("admin", "mail", "counts")).toMatchObject({ running: 2, waiting: 2 });
    expect(worker.jobs.drain()).toEqual([]);
    await worker.ask("done", first.lease);
    expect((await worker.jobs.next()).data).toBe(3);
  });

  it("that stops gets no more, and keeps what it has.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    await worker.ask("work", "mail", {});
    await running.queue.addMany([1, 2].map((data) => ({ data })));
    const job = await worker.jobs.next();
    await worker.ask("stop", "mail");
    await worker.ask("done", job.lease, "ok");
    expect(await worker.ask("admin", "mail", "counts")).toMatchObject({ waiting: 1, done: 1, workers: 0 });
    expect(worker.jobs.drain()).toEqual([]);
  });

  it("shares the jobs with others fairly.", async () => {
    const running = await serveQueue();
    const workers = [await clientOf(running), await clientOf(running), await clientOf(running)];
    for (const worker of workers) await worker.ask("work", "mail", { prefetch: 10 });
    await running.queue.addMany(Array.from({ length: 9 }, (_, data) => ({ data })));
    for (const worker of workers) for (let i = 0; i < 3; i++) await worker.jobs.next();
    expect(workers.map((worker) => worker.jobs.drain())).toEqual([[], [], []]);
  });

  it("cannot settle another's job, nor its own twice in different ways.", async () => {
    const running = await serveQueue();
    const [worker, other] = [await clientOf(running), await clientOf(running)];
    await worker.ask("work", "mail", {});
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    for (const name of ["done", "fail", "extend", "progress"]) {
      expect(await other.refusal(name, lease)).toBe("LEASE_LOST");
    }
    await worker.ask("done", lease, "first");
    // its answer may have been lost
    await worker.ask("done", lease, "first");
    expect(await worker.refusal("fail", lease, { message: "after all" })).toBe("LEASE_LOST");
    expect(await running.queue.job("m1").done()).toBe("first");
  });

  it("whose lease runs out is told so, and its outcome is refused.", async () => {
    const running = await serveQueue({}, { leaseMs: 100 });
    const [worker, other] = [await clientOf(running), await clientOf(running)];
    await worker.ask("work", "mail", {});
    await running.queue.add(1);
    const { lease } = await worker.jobs.next();
    await worker.ask("stop", "mail");
    await other.ask("work", "mail", {});
    expect(await worker.lost.next()).toEqual({ lease, reason: "expired" });
    expect(await worker.refusal("done", lease)).toBe("LEASE_LOST");
    expect(await other.jobs.next()).toMatchObject({ attempt: 2 });
  });

  it("loses a job that an administrator removes by force.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    await worker.ask("work", "mail", {});
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    await worker.ask("admin", "mail", "remove", "m1", { force: true });
    expect(await worker.lost.next()).toEqual({ lease, reason: "removed" });
  });
});

describe("A worker that leaves", () => {
  it.each([
    ["by itself", (worker: Client) => worker.socket.disconnect()],
    ["because the server says so", (worker: Client) => worker.socket.emit("leave")],
  ])("%s gives its jobs back at once.", async (_how, leave) => {
    const running = await serveQueue(recovery);
    running.io.on("connection", (socket) => socket.on("leave", () => socket.disconnect()));
    const [worker, other] = [await clientOf(running), await clientOf(running)];
    await worker.ask("work", "mail", {});
    await running.queue.add(1);
    await worker.jobs.next();
    await other.ask("work", "mail", {});
    leave(worker);
    expect(await other.jobs.next()).toMatchObject({ data: 1, attempt: 2 });
  });
});

describe("A worker whose transport is lost", () => {
  it("keeps its jobs for graceMs, and then they are somebody else's.", async () => {
    const running = await serveQueue({}, { graceMs: 1_000 });
    const [worker, other] = [await clientOf(running), await clientOf(running)];
    await worker.ask("work", "mail", {});
    await running.queue.add(1);
    await worker.jobs.next();
    await worker.cut();
    await other.ask("work", "mail", {});
    expect(await other.ask("admin", "mail", "counts")).toMatchObject({ running: 1, waiting: 0 });
    expect(await other.jobs.next()).toMatchObject({ data: 1, attempt: 2 });
  });

  it("goes on with them under its resumed session, and gets new ones.", async () => {
    const running = await serveQueue(recovery);
    const worker = await clientOf(running);
    // a stock client has an offset to show once it was sent an event
    const event = next(worker.socket as never, "hello");
    running.io.emit("hello", "x");
    await event;
    await worker.ask("work", "mail", { prefetch: 2 });
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    await worker.cut();
    const back = next(worker.socket as never, "connect");
    worker.socket.connect();
    await back;
    expect(worker.socket.recovered).toBe(true);
    await worker.ask("done", lease, "ok");
    expect(await running.queue.job("m1").done()).toBe("ok");
    await running.queue.add(2);
    expect(await worker.jobs.next()).toMatchObject({ data: 2, attempt: 1 });
    expect(worker.jobs.drain()).toEqual([]);
  });

  it("goes on with them if it shows who it is, over a connection of its own.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", { prefetch: 2 });
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    await worker.cut();
    const back = await clientOf(running);
    expect(await back.refusal("done", lease)).toBe("LEASE_LOST");
    const answer = await back.ask("work", "mail", { worker: secret, leases: [lease, "gone"] });
    expect(answer).toEqual({ worker: secret, leaseMs: 30_000, lost: ["gone"] });
    await back.ask("done", lease, "ok");
    expect(await running.queue.job("m1").done()).toBe("ok");
  });

  it("gets jobs of no queue but those that it asks for over that connection, and may work on.", async () => {
    let mayWork = (_queue: string) => true;
    const running = await serveQueue({ queues: { authorize: (_socket, _action, queue) => mayWork(queue) } });
    const other = running.io.queue("other");
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", { prefetch: 2 });
    await worker.ask("work", "other", {});
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    const [known] = running.io.sockets.sockets.values();
    const gone = next(known!, "disconnect");
    await worker.cut();
    await gone;
    mayWork = (queue) => queue === "other";
    await running.queue.add("secret");
    const back = await clientOf(running);
    await back.ask("work", "other", { worker: secret });
    expect(await back.refusal("work", "mail", { prefetch: 2 })).toBe("QUEUE_FORBIDDEN");
    await other.add("for it");
    expect(await back.jobs.next()).toMatchObject({ data: "for it" });
    // what it has is its own until the outcome
    await back.ask("done", lease, "ok");
    expect(await running.queue.job("m1").done()).toBe("ok");
    expect(back.jobs.drain()).toEqual([]);
    expect(running.queue.counts()).toMatchObject({ waiting: 1, running: 0 });
  });

  it("may speak under its leases behind its introduction, without waiting for the answer.", async () => {
    const running = await serveQueue({
      queues: { authorize: () => new Promise((resolve) => setTimeout(resolve, 20, true)) },
    });
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", {});
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    await worker.cut();
    const back = await clientOf(running);
    const introduced = back.ask("work", "mail", { worker: secret, leases: [lease] });
    expect(await back.refusal("done", lease, "ok")).toBe(undefined);
    await introduced;
    expect(await running.queue.job("m1").done()).toBe("ok");
  });

  it("hands back what never reached it, and the attempt does not count.", async () => {
    const running = await serveQueue({}, { attempts: 1 });
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", { prefetch: 2 });
    await running.queue.add(1);
    await worker.jobs.next();
    await worker.cut();
    const back = await clientOf(running);
    await back.ask("work", "mail", { worker: secret, leases: [] });
    expect(await back.jobs.next()).toMatchObject({ data: 1, attempt: 1 });
  });

  it("goes on under its resumed session if that is the one it showed itself on.", async () => {
    const running = await serveQueue(recovery);
    const first = await clientOf(running);
    const { worker: secret } = await first.ask<{ worker: string }>("work", "mail", {});
    const worker = await clientOf(running);
    const event = next(worker.socket as never, "hello");
    running.io.emit("hello", "x");
    await event;
    await worker.ask("work", "mail", { worker: secret });
    await running.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    await worker.cut();
    const back = next(worker.socket as never, "connect");
    worker.socket.connect();
    await back;
    expect(worker.socket.recovered).toBe(true);
    await worker.ask("done", lease, "ok");
    expect(await running.queue.job("m1").done()).toBe("ok");
  });

  it("goes on watching what it watches when it shows who it is.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", {});
    await worker.cut();
    const back = await clientOf(running);
    const { id, grant } = await back.ask<{ id: string; grant: string }>("add", "mail", 1, { delayMs: 1e9 });
    await back.ask("watch", "mail", id, grant);
    await back.ask("work", "mail", { worker: secret, leases: [] });
    await running.queue.remove(id);
    expect(await back.states.next()).toMatchObject({ id, state: "removed" });
  });

  it("begins anew at a server with another store.", async () => {
    const [before, after] = [await serveQueue(), await serveQueue()];
    const { worker: secret } = await (await clientOf(before)).ask<{ worker: string }>("work", "mail", {});
    const worker = await clientOf(after);
    const answer = await worker.ask("work", "mail", { worker: secret, leases: ["gone"] });
    expect(answer).toMatchObject({ lost: ["gone"] });
    expect(answer.worker).not.toBe(secret);
    await after.queue.add(1);
    expect(await worker.jobs.next()).toMatchObject({ data: 1 });
  });

  it("leaves a connection that is still there to the one that it shows itself on.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", {});
    await running.queue.add(1);
    const { lease } = await worker.jobs.next();
    const second = await clientOf(running);
    await second.ask("work", "mail", { worker: secret, leases: [lease] });
    expect(await worker.refusal("done", lease)).toBe("LEASE_LOST");
    worker.socket.disconnect();
    await second.ask("done", lease);
    expect(await second.ask("admin", "mail", "counts")).toMatchObject({ done: 1, running: 0 });
  });

  it("keeps its jobs over a restart of the server too.", async () => {
    const store = storeForRestarts();
    const before = await serveQueue({ store });
    const worker = await clientOf(before);
    const { worker: secret } = await worker.ask<{ worker: string }>("work", "mail", {});
    await before.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    // gone without a word, as by a crash
    const after = await serveQueue({ store: store.crash() });
    const [back, other] = [await clientOf(after), await clientOf(after)];
    await other.ask("work", "mail", {});
    expect(await back.ask("work", "mail", { worker: secret, leases: [lease] })).toMatchObject({ lost: [] });
    await back.ask("done", lease, "ok");
    expect(await after.queue.job("m1").done()).toBe("ok");
    expect(other.jobs.drain()).toEqual([]);
  });
});

describe("A worker whose session is resumed after a restart of the server", () => {
  it("goes on with its jobs without saying who it is.", async () => {
    const store = storeForRestarts();
    const before = await serveQueue({ store, ...recovery });
    const worker = await clientOf(before);
    const event = next(worker.socket as never, "hello");
    before.io.emit("hello");
    await event;
    await worker.ask("work", "mail", {});
    await before.queue.add(1, { id: "m1" });
    const { lease } = await worker.jobs.next();
    const lost = next(worker.socket as never, "disconnect");
    await before.io.close();
    await lost;
    const http = createServer();
    const io = new Server(http, { store, queues: { authorize: () => true }, ...recovery });
    const mail = io.queue("mail", { backoff: [1] });
    await listen(io, http, before.port);
    const back = next(worker.socket as never, "connect");
    worker.socket.connect();
    await back;
    expect(worker.socket.recovered).toBe(true);
    await worker.ask("done", lease, "ok");
    expect(await mail.job("m1").done()).toBe("ok");
    expect((await mail.get("m1"))!.attempt).toBe(1);
  });
});

describe("A server that closes", () => {
  it("hands back the jobs of its own workers, which somebody does after the restart.", async () => {
    const store = storeForRestarts();
    const before = await serveQueue({ store });
    const started = new Promise<AbortSignal>((resolve) => {
      before.queue.work(async (job) => {
        resolve(job.signal);
        await new Promise((_, reject) => {
          job.signal.addEventListener("abort", () => reject(job.signal.reason));
        });
      });
    });
    await before.queue.add(1);
    await started;
    await before.io._queues!.close({ timeoutMs: 1 });
    await before.io.close();
    const after = await serve({ store });
    const done = new Promise((resolve) =>
      after.io.queue("mail", { backoff: [1] }).work((job) => resolve(job.attempt)),
    );
    expect(await done).toBe(2);
  });

  it("gives remote workers nothing more while it waits for its own, and hears how their jobs went.", async () => {
    const store = storeForRestarts();
    const before = await serveQueue({ store }, { attempts: 1 });
    const { queue } = before;
    let finish = () => {};
    const begun = new Promise<void>((resolve) => {
      queue.work(() => {
        resolve();
        return new Promise<void>((done) => {
          finish = done;
        });
      });
    });
    await queue.add("its own", { id: "own" });
    await begun;
    const [worker, leaving] = [await clientOf(before), await clientOf(before)];
    for (const each of [worker, leaving]) await each.ask("work", "mail", { prefetch: 3 });
    await queue.addMany([{ data: 1 }, { data: 2 }]);
    const [{ lease }] = [await worker.jobs.next(), await leaving.jobs.next()];
    const [socket] = [...before.io.sockets.sockets.values()].filter(({ id }) => id === leaving.socket.id);
    const closed = before.io.close();
    await queue.add("for later", { id: "later" });
    await worker.ask("done", lease);
    const gone = next(socket!, "disconnect");
    leaving.socket.disconnect();
    await gone;
    finish();
    await closed;
    expect(worker.jobs.drain()).toEqual([]);
    const after = (await serve({ store })).io.queue("mail", { attempts: 1 });
    await after.opened;
    expect(after.counts()).toMatchObject({ waiting: 1, running: 0, done: 2, dead: 1 });
    expect(await after.get("later")).toMatchObject({ state: "waiting", attempt: 0 });
  });
});
