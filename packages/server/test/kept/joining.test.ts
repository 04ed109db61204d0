import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { MemoryDisk, MemoryStore } from "@holdfast/core";
import { describe, expect, it } from "vitest";
import { onCleanup, type Recorder, STORES, signal, socketOf, start, storeOf } from "./support.ts";

/** The client of Socket.IO 2, which has no types here. */
const ioV2 = createRequire(import.meta.url)("socket.io-client-v2") as (
  url: string,
  options: object,
) => { on(event: string, listener: (...args: never[]) => void): void; close(): void };
/** The socket below a client's WebSocket. */
const wireOf = ({ client }: Recorder) =>
  (client.io.engine.transport as unknown as { ws: { _socket: Socket } }).ws._socket;
const range = (length: number) => Array.from({ length }, (_, i) => i);

describe.each(STORES)("joining with since, in %s,", (kind) => {
  it("merges the rooms of one join in the order of issue, an event of several once", async () => {
    const server = await start({ store: storeOf(kind) });
    const rooms = ["chat:a", "chat:b", "chat:c"];
    for (let i = 0; i < 3_000; i++) {
      const to = i % 7 === 0 ? ["chat:a", "chat:c"] : rooms[(i * i) % 3]!;
      server.io.to(to).emit("say", i, "x".repeat(i % 400));
    }
    const reader = await server.connect();
    const joined = socketOf(server, reader).join([...rooms, "chat:a"], { since: "1h" });
    server.io.to("chat:b").emit("say", 3_000);
    expect(await joined).toEqual({ events: 3_000, gaps: [] });
    expect((await reader.count(3_001)).map(([, i]) => i)).toEqual(range(3_001));
  });

  it("goes on across the upgrade of its transport", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 20_000; i++) server.io.to("chat:1").emit("say", i, "x".repeat(200));
    await server.io.to("chat:1").publish("say", 20_000);
    const upgraded = signal();
    server.io.on("connection", (socket) => {
      socket.conn.on("upgrade", () => upgraded.resolve());
      void socket.join("chat:1", { since: "1h" });
      socket.emit("after");
    });
    const reader = await server.connect({ transports: ["polling", "websocket"] });
    const got = await reader.count(20_002);
    expect(got.slice(0, -1).map(([, i]) => i)).toEqual(range(20_001));
    expect(got.at(-1)).toEqual(["after"]);
    await upgraded.done;
  });

  it("sends what was issued before its socket left, or was disconnected, and then no more", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 5_000; i++) server.io.to("chat:1").emit("say", i, "x".repeat(500));
    for (const end of ["leave", "disconnect"] as const) {
      const reader = await server.connect({ reconnection: false });
      const socket = socketOf(server, reader);
      const disconnected = signal();
      reader.client.on("disconnect", () => disconnected.resolve());
      const joined = socket.join("chat:1", { since: 5_000 });
      server.io.to("chat:1").emit("say", "live");
      if (end === "leave") void socket.leave("chat:1");
      else socket.disconnect();
      server.io.to("chat:1").emit("say", "too late");
      expect(await joined).toEqual({ events: 5_000, gaps: [] });
      if (end === "disconnect") await disconnected.done;
      else socket.emit("end");
      const got = await reader.count(end === "leave" ? 5_002 : 5_001);
      expect(got[5_000]).toEqual(["say", "live"]);
      expect(got[5_001]).toEqual(end === "leave" ? ["end"] : undefined);
      await server.io.in("chat:1").forget();
      for (let i = 0; i < 5_000; i++) server.io.to("chat:1").emit("say", i, "x".repeat(500));
    }
  });

  it("ends when its connection is lost in the middle", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 20_000; i++) server.io.to("chat:1").emit("say", i, "x".repeat(1_000));
    await server.io.to("chat:1").publish("end");
    const reader = await server.connect({ reconnection: false });
    const socket = socketOf(server, reader);
    const gone = signal();
    socket.on("disconnect", () => gone.resolve());
    const wire = wireOf(reader);
    wire.pause();
    const joined = socket.join("chat:1", { since: "1h" });
    await expect
      .poll(() => (socket.conn.transport as unknown as { pendingBytes: number }).pendingBytes)
      .toBeGreaterThan(0);
    wire.destroy();
    const { events } = await joined;
    await gone.done;
    expect(events).toBeLessThan(20_001);
    expect(server.io.sockets.adapter.rooms.has("chat:1")).toBe(false);
  });

  it("ends when the server is closed in the middle", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 20_000; i++) server.io.to("chat:1").emit("say", i, "x".repeat(1_000));
    await server.io.to("chat:1").publish("end");
    const reader = await server.connect({ reconnection: false });
    wireOf(reader).pause();
    const joined = socketOf(server, reader).join("chat:1", { since: "1h" });
    const late = socketOf(server, reader).join("chat:2", { since: "1h" });
    const closed = server.io.close();
    expect((await joined).events).toBeLessThan(20_001);
    expect(await late).toEqual({ events: 0, gaps: [] });
    wireOf(reader).destroy();
    await closed;
  });

  it("works before the socket is let in", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 100; i++) server.io.to("chat:1").emit("say", i);
    server.io.use(async (socket, next) => {
      const { events } = await socket.join("chat:1", { since: "1h" });
      socket.data.events = events;
      next();
    });
    const reader = await server.connect();
    expect(socketOf(server, reader).data.events).toBe(100);
    await server.io.to("chat:1").publish("say", 100);
    expect((await reader.count(101)).map(([, i]) => i)).toEqual(range(101));
  });

  it("has no hole before the socket is let in", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 100; i++) server.io.to("chat:1").emit("say", i);
    server.io.use(async (socket, next) => {
      await socket.join("chat:1", { since: 50 });
      await server.io.to("chat:1").publish("say", 100);
      next();
    });
    const reader = await server.connect();
    await server.io.to("chat:1").publish("say", 101);
    expect((await reader.count(52)).map(([, i]) => i)).toEqual(range(102).slice(50));
  });

  it("works where another library writes the frames, and for clients of Socket.IO 2", async () => {
    const server = await start({
      store: storeOf(kind),
      perMessageDeflate: { threshold: 0 },
      allowEIO3: true,
    });
    for (let i = 0; i < 5_000; i++) server.io.to("chat:1").emit("say", i, Buffer.alloc(100));
    server.io.on("connection", (socket) => {
      void socket.join("chat:1", { since: "1h" });
      server.io.to("chat:1").emit("end");
    });
    const reader = await server.connect();
    expect((await reader.count(5_001)).map(([, i]) => i)).toEqual([...range(5_000), undefined]);
    await server.io.in("chat:1").forget();
    for (let i = 0; i < 1_000; i++) server.io.to("chat:1").emit("say", i, Buffer.alloc(100));
    const got: number[] = [];
    const old = ioV2(`http://localhost:${server.port}`, { transports: ["websocket"], forceNew: true });
    onCleanup(() => old.close());
    old.on("say", (i: number) => got.push(i));
    await new Promise((resolve) => old.on("end", resolve));
    expect(got).toEqual(range(1_000));
  });

  it("lets others have their turn while it finds nothing to send", async () => {
    const server = await start({ store: storeOf(kind) });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    for (let i = 0; i < 20_000; i++) socket.to("chat:1").emit("say", i);
    await server.io.to("chat:1").publish("say", "end");
    const joined = socket.join("chat:1", { since: "1h" });
    let turns = 0;
    let isJoined = false;
    void joined.then(() => {
      isJoined = true;
    });
    while (!isJoined) {
      turns++;
      await new Promise(setImmediate);
    }
    expect(await joined).toEqual({ events: 1, gaps: [] });
    expect(turns).toBeGreaterThan(10);
  });

  it("does not let in who names no start, and goes on", async () => {
    const server = await start({ store: storeOf(kind) });
    await server.io.to("chat:1").publish("say", 1);
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    const starts = [
      "",
      "soon",
      "15 parsecs",
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      {},
      [],
      null,
      true,
    ];
    for (const since of [...starts, { epoch: 1, offset: 2 }, "x:zz:", "9999999"]) {
      await expect(socket.join("chat:1", { since: since as never }), String(since)).rejects.toMatchObject({
        code: "QUERY_INVALID",
      });
    }
    expect(socket.rooms.has("chat:1")).toBe(false);
    const head = (await server.io.in("chat:1").history())[0]!.position;
    const future = `${head.slice(0, head.lastIndexOf(":"))}:zzzz`;
    await expect(socket.join("chat:1", { since: future })).rejects.toMatchObject({ code: "QUERY_INVALID" });
    for (const since of [0, Number.MAX_SAFE_INTEGER, "0s", "99999999999999w"]) {
      const { events } = await socket.join("chat:1", { since });
      expect(events).toBe(since === 0 || since === "0s" ? 0 : 1);
    }
  });

  it("says what retention has taken", async () => {
    const server = await start({ store: storeOf(kind), rooms: { "chat:*": { keep: { events: 10 } } } });
    const first = await server.io.to("chat:1").publish("say", 0);
    for (let i = 1; i < 100; i++) server.io.to("chat:1").emit("say", i);
    await server.io.to("chat:1").publish("say", 100);
    await expect.poll(async () => (await server.io.storage()).events).toBe(10);
    const reader = await server.connect();
    const { events, gaps } = await socketOf(server, reader).join("chat:1", { since: first });
    expect(events).toBe(10);
    expect(gaps).toMatchObject([{ room: "chat:1", reason: "trimmed" }]);
  });

  it("stands in one connection's order with its other namespaces and its acknowledgements", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 2_000; i++) server.io.to("chat:1").emit("say", i);
    const reader = await server.connect();
    const order: unknown[] = [];
    reader.client.onAny((_, i) => order.push(i));
    const socket = socketOf(server, reader);
    socket.on("join", (answer) => {
      void socket.join("chat:1", { since: "1h" });
      answer("joined");
      socket.emit("direct", "direct");
    });
    const answered = signal();
    reader.client.emit("join", (text: string) => {
      order.push(text);
      answered.resolve();
    });
    await answered.done;
    await reader.count(2_001);
    expect(order).toEqual([...range(2_000), "joined", "direct"]);
  });

  it("may be asked for several times at once", async () => {
    const server = await start({ store: storeOf(kind) });
    for (let i = 0; i < 100; i++) server.io.to(i % 2 ? "chat:a" : "chat:b").emit("say", i);
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    const joins = ["chat:a", "chat:b"].map((room) => socket.join(room, { since: 50 }));
    server.io.to(["chat:a", "chat:b"]).emit("say", 100);
    expect(await Promise.all(joins)).toEqual([
      { events: 50, gaps: [] },
      { events: 50, gaps: [] },
    ]);
    const odd = range(50).map((i) => 2 * i + 1);
    expect((await reader.count(101)).map(([, i]) => i)).toEqual([...odd, ...odd.map((i) => i - 1), 100]);
  });
});

it("settles when its connection is lost before its turn has come", async () => {
  const disk = new MemoryDisk();
  const server = await start({ store: new MemoryStore({ disk }) });
  const reader = await server.connect({ reconnection: false });
  const socket = socketOf(server, reader);
  void socket.join("chat:1");
  disk.hold();
  server.io.to("chat:1").emit("say", 1);
  const joined = socket.join("chat:2", { since: 10 });
  const gone = signal();
  socket.on("disconnect", () => gone.resolve());
  reader.client.disconnect();
  reader.client.io.engine?.close();
  await gone.done;
  disk.release();
  expect(await joined).toEqual({ events: 0, gaps: [] });
});

it("replays nothing to a socket that is on its way out", async () => {
  const server = await start({});
  await server.io.to("chat:1").publish("say", 1);
  const reader = await server.connect({ reconnection: false, transports: ["polling"] });
  const socket = socketOf(server, reader);
  const late = new Promise((resolve) =>
    socket.on("disconnecting", () => resolve(socket.join("chat:1", { since: 10 }))),
  );
  reader.client.io.engine.close();
  expect(await late).toEqual({ events: 0, gaps: [] });
});
