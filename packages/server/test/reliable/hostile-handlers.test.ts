import { Rejection, type Transaction } from "holdfast";
import { describe, expect, it, vi } from "vitest";
import { Client, start } from "./support.ts";

describe("a handler", () => {
  it("may go on using what it replied with: the client gets what was stored", async () => {
    const { port, io } = await start();
    const state = { count: 0 };
    io.handle("count", () => {
      state.count++;
      return state;
    });
    const client = await Client.connect(port);
    const outcomes = await Promise.all([1, 2, 3].map((sequence) => client.emit(sequence, "count")));
    expect(outcomes).toEqual([1, 2, 3].map((count) => [0, { count }]));
  });

  it("can't reply with more binaries than clients take", async () => {
    const { port, io } = await start();
    io.handle("bytes", (count) => Array.from({ length: count }, () => Buffer.from("x")));
    const client = await Client.connect(port);
    expect(await client.emit(1, "bytes", [11])).toMatchObject([1, { code: "REPLY_TOO_LARGE" }]);
  });

  it("has no effect if its reply can't be sent, to whatever client", async () => {
    const { port, io } = await start();
    io.handle("publish", (tx) => {
      tx.to("chat:1").publish("said");
      return 1n;
    });
    io.handle("reply", () => 1n);
    const client = await Client.connect(port);
    const failed = { code: "HANDLER_FAILED", message: "the handler failed" };
    expect(await client.emit(1, "publish")).toEqual([1, failed]);
    expect(await client.call("publish")).toEqual([{ error: failed }]);
    expect(await client.call("reply")).toEqual([{ error: failed }]);
    expect(await io.to("chat:1").history()).toEqual([]);
  });

  it("that publishes what can't be stored, ever, says so with the store's code", async () => {
    const { port, io } = await start();
    io.handle("long", (tx) => tx.to("chat:1").publish("said", "x".repeat(17 * 1024 * 1024)));
    io.handle("name", (tx) => tx.to(`chat:${"x".repeat(2_000)}`).publish("said"));
    const client = await Client.connect(port);
    const refused = (code: string) => ({ code, message: "what the handler did can't be stored" });
    expect(await client.emit(1, "long")).toEqual([1, refused("EVENT_TOO_LARGE")]);
    expect(await client.emit(2, "name")).toEqual([1, refused("ROOM_INVALID")]);
    expect(await client.call("long")).toEqual([{ error: refused("EVENT_TOO_LARGE") }]);
    expect(await client.call("name")).toEqual([{ error: refused("ROOM_INVALID") }]);
  });

  it("can throw a Rejection of anything", async () => {
    const { port, io } = await start();
    io.handle("refuse", () => {
      throw new Rejection(404 as unknown as string, undefined, 10n);
    });
    const client = await Client.connect(port);
    expect(await client.emit(1, "refuse")).toEqual([1, { code: "404", message: "404" }]);
  });

  it("is refused when it is registered, if there is one, and not when a client connects", async () => {
    const { port, io } = await start();
    io.handle("say", () => 1);
    expect(() => io.handle("say", () => 2)).toThrow(expect.objectContaining({ code: "HANDLER_EXISTS" }));
    expect(() => io.handle("other", undefined as never)).toThrow(TypeError);
    const client = await Client.connect(port);
    expect(await client.emit(1, "say")).toEqual([0, 1]);
  });

  it("is one of many without a warning, also in namespaces that a pattern makes", async () => {
    const warned = vi.fn();
    process.on("warning", warned);
    const { io } = await start();
    for (let i = 0; i < 30; i++) io.of(/^\/dynamic/).handle(`event-${i}`, () => i);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect(warned).not.toHaveBeenCalled();
  });
});

it("handlers that still run when a close is tired of waiting come to nothing", async () => {
  const { port, io } = await start({ reliable: { closeTimeoutMs: 10 } });
  const txs: Transaction[] = [];
  io.handle("endless", (tx: Transaction) => {
    txs.push(tx);
    return new Promise(() => {});
  });
  const client = await Client.connect(port);
  void client.emit(1, "endless");
  void client.call("endless");
  await expect.poll(() => txs.length).toBe(2);
  await io.close();
  for (const tx of txs) {
    expect(tx.signal.aborted).toBe(true);
    expect(() => tx.to("chat:1").publish("said")).toThrow(expect.objectContaining({ code: "TX_CLOSED" }));
  }
});
