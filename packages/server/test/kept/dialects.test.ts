import * as msgpack from "socket.io-msgpack-parser";
import { describe, expect, it } from "vitest";
import { reports, STORES, signal, socketOf, start, storeOf } from "./support.ts";

describe.each(STORES)("what is kept, in %s,", (kind) => {
  it("keeps attachments, more than a client may send", async () => {
    const server = await start({ store: storeOf(kind) });
    const many = Array.from({ length: 25 }, (_, i) => Buffer.alloc(i * 1_000, i));
    await server.io.to("chat:1").publish("many", { many }, "text \u0000 \u{1f600}");
    await server.io.to("chat:1").publish("none");
    const [event] = await server.io.in("chat:1").history();
    expect(event!.args).toEqual([{ many }, "text \u0000 \u{1f600}"]);
    // a stock client takes ten
    const few = many.slice(0, 10);
    await server.io.to("chat:1").publish("many", { many: few }, "text");
    for (const transports of [["websocket"], ["polling"]]) {
      const reader = await server.connect({ transports });
      await socketOf(server, reader).join("chat:1", { since: 2 });
      expect(await reader.count(2)).toEqual([["none"], ["many", { many: few }, "text"]]);
    }
  });

  it("keeps what another parser made", async () => {
    const server = await start({ store: storeOf(kind), parser: msgpack });
    await server.io.to("chat:1").publish("say", "hello", Buffer.of(1, 2, 3), { deep: [1, null, true] });
    const args = ["hello", Buffer.of(1, 2, 3), { deep: [1, null, true] }];
    expect((await server.io.in("chat:1").history())[0]).toMatchObject({ event: "say", args });
    const reader = await server.connect({ parser: msgpack });
    await socketOf(server, reader).join("chat:1", { since: 1 });
    server.io.to("chat:1").emit("live");
    expect(await reader.count(2)).toEqual([["say", ...args], ["live"]]);
  });

  it("keeps an event as it was issued where recovery adds its offset", async () => {
    const server = await start({ store: storeOf(kind), connectionStateRecovery: {} });
    const reader = await server.connect();
    void socketOf(server, reader).join("chat:1");
    await server.io.to("chat:1").publish("say", "hello", Buffer.of(1));
    await server.io.to("chat:1").publish("bare");
    const history = await server.io.in("chat:1").history();
    expect(history.map(({ event, args }) => [event, ...args])).toEqual([
      ["say", "hello", Buffer.of(1)],
      ["bare"],
    ]);
    expect(await reader.count(2)).toEqual([
      ["say", "hello", Buffer.of(1), expect.any(String)],
      ["bare", expect.any(String)],
    ]);
    const late = await server.connect();
    await socketOf(server, late).join("chat:1", { since: 10 });
    expect(await late.count(2)).toEqual([
      ["say", "hello", Buffer.of(1)],
      // a text at the end, here the name, would be taken for an offset
      ["bare", expect.any(String)],
    ]);
  });

  it("keeps the events of each namespace that a pattern made, whoever issued them", async () => {
    const server = await start({ store: storeOf(kind), cleanupEmptyChildNamespaces: true });
    const parent = server.io.of(/^\/team-\w+$/);
    const reader = await server.connect({}, "/team-a");
    void socketOf(server, reader, "/team-a").join("chat:1");
    parent.to("chat:1").emit("to all teams");
    await server.io.of("/team-a").to("chat:1").publish("to one");
    expect(await reader.count(2)).toEqual([["to all teams"], ["to one"]]);
    const gone = signal();
    socketOf(server, reader, "/team-a").on("disconnect", () => gone.resolve());
    reader.client.disconnect();
    await gone.done;
    const again = await server.connect({}, "/team-a");
    await socketOf(server, again, "/team-a").join("chat:1", { since: 10 });
    expect(await again.count(2)).toEqual([["to all teams"], ["to one"]]);
    await expect(parent.to("chat:1").publish("where?")).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(parent.in("chat:1").history()).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("takes its place between what is not kept, for members of both", async () => {
    const server = await start({ store: storeOf(kind) });
    const [both, open] = [await server.connect(), await server.connect()];
    void socketOf(server, both).join(["chat:1", "open"]);
    void socketOf(server, open).join("open");
    server.io.to("open").emit("n", 1);
    server.io.to(["open", "chat:1"]).emit("n", 2);
    server.io.emit("n", 3);
    socketOf(server, both).emit("n", 4);
    await server.io.to("chat:1").publish("n", 5);
    server.io.to("open").emit("n", 6);
    expect((await both.count(6)).map(([, n]) => n)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await open.count(4)).map(([, n]) => n)).toEqual([1, 2, 3, 6]);
    expect((await server.io.in("chat:1").history()).map(({ args }) => args[0])).toEqual([2, 5]);
  });

  it("answers a broadcast behind what is kept", async () => {
    const server = await start({ store: storeOf(kind) });
    const reader = await server.connect();
    const order: unknown[] = [];
    reader.client.on("say", (n) => order.push(n));
    reader.client.on("ask", (answer) => {
      order.push("asked");
      answer("yes");
    });
    void socketOf(server, reader).join("chat:1");
    for (let n = 0; n < 100; n++) server.io.to("chat:1").emit("say", n);
    expect(await server.io.to("chat:1").timeout(5_000).emitWithAck("ask")).toEqual(["yes"]);
    expect(order).toEqual([...Array.from({ length: 100 }, (_, n) => n), "asked"]);
    expect((await server.io.storage()).events).toBe(100);
  });

  it("delivers events that need no flush at once, and keeps them", async () => {
    const server = await start({ store: storeOf(kind), rooms: { "chat:*": { keep: { flush: false } } } });
    const reader = await server.connect();
    void socketOf(server, reader).join("chat:1");
    const positions = [
      await server.io.to("chat:1").publish("say", 0),
      await server.io.to("chat:1").publish("say", 1),
    ];
    for (let i = 2; i < 100; i++) server.io.to("chat:1").emit("say", i);
    expect((await reader.count(100)).map(([, i]) => i)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const late = await server.connect();
    const joined = await socketOf(server, late).join("chat:1", { since: positions[0]! });
    expect(joined).toEqual({ events: 99, gaps: [] });
  });

  it("finds no gap in a room without flush because an event went to one with flush too", async () => {
    const rooms = { "chat:*": { keep: { flush: false } }, "log:*": { keep: true } };
    const server = await start({ store: storeOf(kind), rooms });
    const position = await server.io.to("chat:1").publish("say", 0);
    await server.io.to(["chat:1", "log:1"]).publish("say", 1);
    const reader = await server.connect();
    const joined = await socketOf(server, reader).join("chat:1", { since: position });
    expect(joined).toEqual({ events: 1, gaps: [] });
  });

  it("refuses with the store's codes, and delivers to nobody what it refused", async () => {
    const { seen, onError } = reports();
    const server = await start({ store: storeOf(kind), rooms: { "*": { keep: true } }, onError });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    const long = "r".repeat(2_000);
    void socket.join([long, "open"]);
    await expect(server.io.to(long).publish("say")).rejects.toMatchObject({ code: "ROOM_INVALID" });
    server.io.to(long).emit("say");
    server.io.to("open").emit("large", "x".repeat(17 * 1024 * 1024));
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    await expect(server.io.to("open").publish("cyclic", cyclic)).rejects.toThrow();
    await expect(server.io.to("open").publish("connect")).rejects.toThrow("reserved");
    await expect(server.io.to("open").volatile.publish("say")).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(server.io.to("open").publish("say", () => {})).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
    await expect(server.io.to([]).publish("say")).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    await expect(server.io.to(socket.id).publish("say")).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    await server.io.to("open").publish("end");
    expect(await reader.count(1)).toEqual([["end"]]);
    expect(seen).toEqual([
      { code: "ROOM_INVALID", stage: "keep", namespace: "/", rooms: [long], event: "say" },
      { code: "EVENT_TOO_LARGE", stage: "keep", namespace: "/", rooms: ["open"], event: "large" },
    ]);
  });

  it("delivers what publish refuses, since no pattern keeps it, to nobody", async () => {
    const server = await start({ store: storeOf(kind) });
    const reader = await server.connect();
    void socketOf(server, reader).join("open");
    await expect(server.io.to("open").publish("say")).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    server.io.to("open").emit("end");
    expect(await reader.count(1)).toEqual([["end"]]);
  });

  it("leaves rooms alone whose names are no text", async () => {
    const server = await start({
      store: storeOf(kind),
      rooms: { "*": { keep: true }, "a*b": { keep: true } },
    });
    const reader = await server.connect();
    for (const room of [42, undefined, Symbol.iterator] as never[]) {
      void socketOf(server, reader).join(room);
      server.io.to(room).emit("say");
    }
    expect(await reader.count(3)).toEqual([["say"], ["say"], ["say"]]);
    expect((await server.io.storage()).events).toBe(0);
  });
});
