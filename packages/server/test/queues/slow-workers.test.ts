import { describe, expect, it } from "vitest";
import { next } from "../support.ts";
import { clientOf, serveQueue } from "./support.ts";

describe("A worker", () => {
  it("whose connection does not take what it is sent gets no further jobs.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    const [socket] = running.io.sockets.sockets.values();
    const data = "x".repeat(200_000);
    let isStuck = true;
    Object.defineProperty(socket!.conn.transport, "pendingBytes", { get: () => (isStuck ? 1e6 : 0) });
    await running.queue.addMany(Array.from({ length: 20 }, () => ({ data })));
    await worker.ask("work", "mail", { prefetch: 20 });
    await worker.jobs.next();
    await worker.jobs.next();
    for (let i = 0; i < 5; i++) await worker.ask("admin", "mail", "counts");
    expect(worker.jobs.drain().length).toBe(0);
    isStuck = false;
    for (let i = 0; i < 18; i++) await worker.jobs.next();
  });

  it("whose connection does not take what it is sent loses no attempt of what was not sent when it leaves.", async () => {
    const running = await serveQueue();
    const worker = await clientOf(running);
    const [socket] = running.io.sockets.sockets.values();
    Object.defineProperty(socket!.conn.transport, "pendingBytes", { get: () => 1e6 });
    const data = "x".repeat(300_000);
    await running.queue.addMany([{ data }, { data, id: "m2" }]);
    await worker.ask("work", "mail", { prefetch: 2 });
    await worker.jobs.next();
    const other = await clientOf(running);
    await other.ask("work", "mail", { prefetch: 2 });
    worker.socket.disconnect();
    const jobs = [await other.jobs.next(), await other.jobs.next()];
    expect(jobs.find(({ id }) => id === "m2")).toMatchObject({ attempt: 1 });
    expect(jobs.find(({ id }) => id !== "m2")).toMatchObject({ attempt: 2 });
  });

  it("whose connection takes nothing hands back what was not sent, before its lease runs out.", async () => {
    const running = await serveQueue({}, { leaseMs: 2_000 });
    const worker = await clientOf(running);
    const [socket] = running.io.sockets.sockets.values();
    Object.defineProperty(socket!.conn.transport, "pendingBytes", { get: () => 1e6 });
    await running.queue.addMany([{ data: "x".repeat(300_000) }, { data: "second" }]);
    await worker.ask("work", "mail", { prefetch: 2 });
    await worker.jobs.next();
    const other = await clientOf(running);
    await other.ask("work", "mail", {});
    expect(await other.jobs.next()).toMatchObject({ data: "second", attempt: 1 });
  });

  it("whose connection took nothing gets jobs again once its session is resumed.", async () => {
    const running = await serveQueue({ connectionStateRecovery: {} });
    const worker = await clientOf(running);
    const event = next(worker.socket as never, "hello");
    running.io.emit("hello", "x");
    await event;
    const [socket] = running.io.sockets.sockets.values();
    Object.defineProperty(socket!.conn.transport, "pendingBytes", { get: () => 1e6 });
    await worker.ask("work", "mail", { prefetch: 20 });
    await running.queue.addMany([{ data: "x".repeat(300_000) }, { data: "second" }]);
    await worker.jobs.next();
    await worker.cut();
    const back = next(worker.socket as never, "connect");
    worker.socket.connect();
    await back;
    expect(worker.socket.recovered).toBe(true);
    expect(await worker.jobs.next()).toMatchObject({ data: "second" });
  });
});
