import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import { Rejection, retryLater, type Server } from "holdfast";
import { io as connect, type Socket as Stock } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";
import { describe, expect, it } from "vitest";
import { onCleanup, start } from "./support.ts";

async function stock(port: number, path = ""): Promise<Stock> {
  const client = connect(`http://localhost:${port}${path}`, { transports: ["websocket"], forceNew: true });
  onCleanup(() => client.disconnect());
  await new Promise<void>((resolve) => client.once("connect", resolve));
  return client;
}

describe("an event with a handler, from a client that knows nothing of it,", () => {
  it("is acknowledged with the reply once what was done is on disk", async () => {
    const disk = new MemoryDisk();
    const { port, io } = await start({ store: new MemoryStore({ disk }) });
    io.on("connection", (socket) => void socket.join("chat:1"));
    io.handle("say", (text, tx) => {
      tx.to("chat:1").publish("said", text, tx.sequence ?? "none", tx.isRepeat);
      return text.length;
    });
    const client = await stock(port);
    const said = new Promise((resolve) => client.on("said", (...args) => resolve(args)));
    disk.hold();
    let isAnswered = false;
    const answer = client.emitWithAck("say", "hello").finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => disk.waiting).toBe(1);
    expect(isAnswered).toBe(false);
    disk.release();
    expect(await answer).toBe(5);
    expect(await said).toEqual(["hello", "none", false]);
  });

  it("is acknowledged with an error, and no more of it than is meant", async () => {
    const { port, io, reports } = await start();
    io.handle("reject", () => {
      throw new Rejection("NOT_YOURS", "not yours", { id: 1 });
    });
    io.handle("fail", (tx) => {
      tx.to("chat:1").publish("said");
      throw new Error("secret");
    });
    io.handle("later", async () => retryLater(100, "busy"));
    io.handle("slow", () => new Promise(() => {}), { timeoutMs: 10 });
    const client = await stock(port);
    expect(await client.emitWithAck("reject")).toEqual({
      error: { code: "NOT_YOURS", message: "not yours", data: { id: 1 } },
    });
    expect(await client.emitWithAck("fail")).toEqual({
      error: { code: "HANDLER_FAILED", message: "the handler failed" },
    });
    expect(await client.emitWithAck("later")).toEqual({
      error: { code: "RETRY_LATER", message: "busy", retryMs: 100 },
    });
    expect(await client.emitWithAck("slow")).toMatchObject({ error: { code: "HANDLER_TIMEOUT" } });
    expect(reports).toMatchObject([{ message: "secret", event: "fail" }, { code: "HANDLER_TIMEOUT" }]);
    expect(await io.to("chat:1").history()).toEqual([]);
  });

  it("is told when what was done can't be stored", async () => {
    const disk = new MemoryDisk();
    const { port, io } = await start({ store: new MemoryStore({ disk }) });
    io.handle("say", (tx) => tx.to("chat:1").publish("said"));
    const client = await stock(port);
    disk.failNext(new StoreError("STORE_FULL", "full"));
    expect(await client.emitWithAck("say")).toMatchObject({ error: { code: "STORE_FULL" } });
    expect(await client.emitWithAck("say")).toBeNull();
  });

  it("is handled without an acknowledgement too", async () => {
    const { port, io } = await start();
    io.on("connection", (socket) => void socket.join("chat:1"));
    io.handle("say", (text, tx) => tx.to("chat:1").publish("said", text));
    const client = await stock(port);
    const said = new Promise((resolve) => client.on("said", resolve));
    client.emit("say", "hello");
    expect(await said).toBe("hello");
  });

  it("is answered by a server without a store, which can't publish", async () => {
    const { port, io } = await start({ store: undefined, rooms: undefined } as never);
    io.handle("say", (text) => `${text}!`);
    io.handle("publish", (tx) => {
      try {
        tx.to("chat:1").publish("said");
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    const client = await stock(port);
    expect(await client.emitWithAck("say", "hello")).toBe("hello!");
    expect(await client.emitWithAck("publish")).toBe("NO_STORE");
  });

  it("is handled in every namespace that a pattern makes", async () => {
    const { port, io } = await start();
    io.of(/^\/room-\d+$/).handle("say", function (text) {
      return `${this.nsp.name} ${text}`;
    });
    const client = await stock(port, "/room-7");
    expect(await client.emitWithAck("say", "hello")).toBe("/room-7 hello");
  });
});

describe("a reliable emit", () => {
  it.each([
    ["over long-polling", { transports: ["polling"] }, {}],
    ["with another parser", { parser: msgpack }, { parser: msgpack }],
  ])("works %s, by a client that does by hand what ours does", async (_, clientOptions, options) => {
    const { port, io } = await start(options);
    io.handle("say", (bytes) => ({ bytes }));
    const auth = { holdfast: { reliable: { key: "k".repeat(22), again: 0 } } };
    const client = connect(`http://localhost:${port}`, { forceNew: true, auth, ...clientOptions });
    onCleanup(() => client.disconnect());
    await new Promise<void>((resolve) => client.once("connect", resolve));
    const emit = (sequence: number) =>
      new Promise((resolve) => {
        const answer = (...outcome: unknown[]) => resolve(outcome);
        client.emit("holdfast:emit", sequence, 1, 0, "say", Buffer.from("hello"), answer);
      });
    expect(await emit(1)).toEqual([0, { bytes: Buffer.from("hello") }]);
    expect(await emit(1)).toEqual([0, { bytes: Buffer.from("hello") }]);
    expect(await emit(2)).toEqual([0, { bytes: Buffer.from("hello") }]);
  });
});

describe("a typed server", () => {
  it("types what handlers are given", async () => {
    interface Events {
      say: (text: string, times: number) => void;
      ask: (question: string, answer: (text: string) => void) => void;
    }
    const { port, io } = await start();
    const typed = io as unknown as Server<Events>;
    typed.handle("say", function (text, times, tx) {
      return `${text.repeat(times)} ${tx.socket === this} ${tx.sequence}`;
    });
    typed.handle("ask", (question, tx) => question.toUpperCase() + tx.event);
    const client = await stock(port);
    expect(await client.emitWithAck("say", "a", 3)).toBe("aaa true undefined");
    expect(await client.emitWithAck("ask", "why")).toBe("WHYask");
  });
});

describe("the option", () => {
  it("needs a store, and numbers", async () => {
    await expect(start({ store: undefined, rooms: undefined, reliable: {} } as never)).rejects.toMatchObject({
      code: "NO_STORE",
    });
    await expect(start({ reliable: { window: 0 } })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    await expect(start({ reliable: { keysMax: Number.NaN } })).rejects.toMatchObject({
      code: "OPTIONS_INVALID",
    });
  });
});
