import { MemoryStore, type Socket } from "holdfast";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { STORES, signal, socketOf, start, storeOf } from "../kept/support.ts";
import { reader as resuming } from "../resume/client.ts";
import { Poller } from "./poller.ts";
import { reading, said, turns, untilBehind, upTo } from "./support.ts";

const FILLER = "x".repeat(1_000);
/** So that polling clients, of which the kernel holds nothing, are behind soon. */
const SMALL = { shedBytes: 10_000 };

it.each(STORES)("a reader that stops gets everything, once, in order, when it goes on (%s)", async (kind) => {
  const server = await start({ store: storeOf(kind) });
  const [slow, fast] = [await server.connect(), await server.connect()];
  for (const reader of [slow, fast]) void socketOf(server, reader).join("chat:1");
  const { stop, start: go } = reading(slow);
  stop();
  let count = await untilBehind(server.io, "chat:1");
  const filler = "x".repeat(16_000);
  for (let i = 0; i < 500; i++) {
    server.io.to("chat:1").emit("say", count++, filler);
    if (i % 20 === 0) await turns(3);
  }
  await fast.count(count);
  const stats = server.io.stats();
  expect(stats).toMatchObject({ behind: 1, connections: 2, sockets: 2, closedForOverflow: 0 });
  expect(stats.bufferedBytes).toBeLessThan(2_000_000);
  expect(stats.shed).toBeGreaterThan(400);
  go();
  await slow.count(count);
  expect(said(slow)).toEqual(upTo(count));
  expect(said(fast)).toEqual(upTo(count));
  await server.io.to("chat:1").publish("say", count);
  await slow.count(count + 1);
  expect(server.io.stats()).toMatchObject({ behind: 0, bufferedBytes: 0 });
  expect(server.io.stats().replayed).toBeGreaterThanOrEqual(stats.shed);
});

it("a burst that is too much for memory is read from the log, with what else was issued between", async () => {
  const server = await start({});
  const reader = await server.connect();
  const socket = socketOf(server, reader);
  void socket.join("chat:1");
  const filler = "x".repeat(100_000);
  for (let i = 0; i < 400; i++) {
    server.io.to("chat:1").emit("say", i, filler);
    if (i % 100 === 0) socket.emit("direct", i);
  }
  await reader.count(404);
  expect(said(reader)).toEqual(upTo(400));
  expect(reader.got.filter(([name]) => name === "direct")).toHaveLength(4);
});

it("works where frames are compressed", async () => {
  const server = await start({ perMessageDeflate: true });
  const slow = await server.connect();
  void socketOf(server, slow).join("chat:1");
  const { stop, start: go } = reading(slow);
  stop();
  // what does not compress
  let count = 0;
  while (server.io.stats().behind === 0) {
    const bytes = Buffer.from(Array.from({ length: 30_000 }, () => Math.random() * 256));
    await server.io.to("chat:1").publish("say", count++, bytes);
  }
  for (let i = 0; i < 100; i++) await server.io.to("chat:1").publish("say", count++, FILLER);
  go();
  await slow.count(count);
  expect(said(slow)).toEqual(upTo(count));
});

it("serves clients of Socket.IO 2", async () => {
  const server = await start({ allowEIO3: true });
  const arrival = new Promise<void>((resolve) => {
    server.io.on("connection", (socket) => {
      void socket.join("chat:1");
      resolve();
    });
  });
  const slow = new WebSocket(`ws://localhost:${server.port}/socket.io/?EIO=3&transport=websocket`);
  const got: unknown[][] = [];
  const last = new Promise<void>((resolve) => {
    slow.on("message", (data) => {
      const text = String(data);
      if (text.startsWith("42")) got.push(JSON.parse(text.slice(2)));
      if (got.at(-1)?.[2] === "end") resolve();
    });
  });
  await Promise.all([arrival, new Promise((resolve) => slow.once("open", resolve))]);
  slow.pause();
  const count = await untilBehind(server.io, "chat:1");
  await server.io.to("chat:1").publish("say", count, "end");
  slow.resume();
  await last;
  slow.close();
  expect(said({ got })).toEqual(upTo(count + 1));
});

it("a client that is lost while it is behind recovers all of it", async () => {
  const server = await start({ ...SMALL, connectionStateRecovery: {} });
  const reader = await Poller.connect(server, { hasStamps: true });
  const { sid, pid } = reader.connected!;
  const socket = server.io.sockets.sockets.get(sid)!;
  void socket.join("chat:1");
  const emitSome = async (first: number, count: number) => {
    for (let i = first; i < first + count; i++) {
      if (i % 3 === 0) socket.emit("say", i, FILLER);
      else if (i % 3 === 1) server.io.emit("say", i, FILLER);
      else await server.io.to("chat:1").publish("say", i, FILLER);
    }
    await turns(5);
  };
  await emitSome(0, 300);
  for (let i = 0; i < 3; i++) await reader.poll();
  // what asks for an answer is not stored, and overtakes
  socket.emit("ask", "text", () => {});
  await emitSome(300, 100);
  expect(server.io.stats().behind).toBe(1);
  const seen = said(reader);
  socket.conn.close(true);
  await emitSome(400, 20);
  const auth = { pid, offset: reader.offset };
  const again = await Poller.connect(server, { hasStamps: true, auth });
  expect(again.connected!.sid).toBe(sid);
  while (again.got.length < 420 - seen.length) await again.poll();
  expect([...seen, ...said(again)]).toEqual(upTo(420));
});

it("a busy room can be joined with its past by a slow client", async () => {
  const server = await start({ ...SMALL, outboxBytesMax: 300_000 });
  for (let i = 0; i < 1_000; i++) server.io.to("chat:1").emit("say", i, FILLER);
  await server.io.to("chat:1").publish("say", 1_000, FILLER);
  const reader = await Poller.connect(server);
  const joined = server.io.sockets.sockets.get(reader.connected!.sid)!.join("chat:1", { since: 5_000 });
  for (let i = 1_001; i < 3_000; i++) {
    server.io.to("chat:1").emit("say", i, FILLER);
    if (i % 20 === 0) await turns(2);
  }
  while (reader.got.length < 3_000) await reader.poll();
  expect(await joined).toMatchObject({ events: 1_001, gaps: [] });
  expect(said(reader)).toEqual(upTo(3_000));
});

it("what can't be had again closes a connection that is not read, after the broadcast that was too much", async () => {
  const server = await start({ ...SMALL, outboxBytesMax: 100_000, connectionStateRecovery: {} });
  const reader = await Poller.connect(server, { hasStamps: true });
  const socket = server.io.sockets.sockets.get(reader.connected!.sid)!;
  let isEmitting = false;
  const closed = signal();
  let why: unknown[] = [];
  socket.on("disconnect", (...args) => {
    expect(isEmitting).toBe(false);
    why = args;
    closed.resolve();
  });
  for (let i = 0; i < 50; i++) {
    isEmitting = true;
    server.io.timeout(10_000).emit("ask", "x".repeat(300_000), () => {});
    isEmitting = false;
    await turns(1);
  }
  await closed.done;
  expect(why).toMatchObject(["transport error", { code: "OUTBOX_FULL" }]);
  expect(server.io.stats()).toMatchObject({
    closedForOverflow: 1,
    connections: 0,
    behind: 0,
    bufferedBytes: 0,
  });
  // its session is not lost
  const { sid, pid } = reader.connected!;
  const again = await Poller.connect(server, { hasStamps: true, auth: { pid } });
  expect(again.connected!.sid).toBe(sid);
});

it("when all together hold too much, those who hold most are closed", async () => {
  const server = await start({ outboxTotalBytesMax: 1_000_000 });
  const [modest, greedy] = [await Poller.connect(server), await Poller.connect(server)];
  const [first, second] = [modest, greedy].map(
    ({ connected }) => server.io.sockets.sockets.get(connected!.sid)!,
  );
  const closed = signal();
  second!.on("disconnect", (_reason, details) => {
    expect(details).toMatchObject({ code: "OUTBOX_FULL" });
    closed.resolve();
  });
  first!.emit("say", 0, "x".repeat(100_000));
  for (let i = 0; i < 12; i++) {
    second!.emit("say", i, "x".repeat(100_000));
    await turns(1);
  }
  await closed.done;
  expect(server.io.stats()).toMatchObject({ connections: 1, closedForOverflow: 1 });
  await modest.poll();
  expect(modest.got).toHaveLength(1);
});

it("volatile events are dropped for who is behind, and counted", async () => {
  const server = await start(SMALL);
  const reader = await Poller.connect(server);
  void server.io.sockets.sockets.get(reader.connected!.sid)!.join("chat:1");
  for (let i = 0; i < 30; i++) await server.io.to("chat:1").publish("say", i, FILLER);
  server.io.volatile.emit("typing");
  while (reader.got.length < 30) await reader.poll();
  expect(said(reader)).toEqual(upTo(30));
  expect(server.io.stats()).toMatchObject({ droppedVolatile: 1, storePendingBytes: 0 });
});

describe("a reader that is behind", () => {
  it("is told why it is closed when retention has passed it by", async () => {
    const server = await start(SMALL);
    const reader = await Poller.connect(server);
    const socket = server.io.sockets.sockets.get(reader.connected!.sid)!;
    void socket.join("chat:1");
    for (let i = 0; i < 300; i++) await server.io.to("chat:1").publish("say", i, FILLER);
    expect(server.io.stats().behind).toBe(1);
    const closed = new Promise<unknown[]>((resolve) => socket.on("disconnect", (...why) => resolve(why)));
    await server.io.to("chat:1").forget();
    while (await reader.poll());
    expect(await closed).toMatchObject(["transport error", { code: "OUTBOX_GAP" }]);
    // and nothing was skipped in silence
    expect(said(reader)).toEqual(upTo(reader.got.length));
  });

  it("is told of the gap if it speaks resume", async () => {
    const server = await start({ shedBytes: 10_000 });
    const reader = await resuming(server.port);
    const [socket] = [...server.io.sockets.sockets.values()];
    void socket!.join("chat:1");
    await reader.control("joined");
    reader.wire.socket.pause();
    const count = await untilBehind(server.io, "chat:1");
    for (let i = 0; i < 200; i++) await server.io.to("chat:1").publish("say", count + i, FILLER);
    void socket!.join("chat:2");
    await server.io.to("chat:1").forget();
    await server.io.to("chat:2").publish("say", -1);
    reader.wire.socket.resume();
    const [, , events, , gaps] = await reader.control("replayed");
    expect(events).toBe(0);
    expect(gaps).toMatchObject([{ room: "chat:1", reason: "trimmed" }]);
    await reader.until(({ events: got }) => got.at(-1)?.[1] === -1);
    // who has seen an event of a room has been told before that it joined it
    const heard = reader.heard.map(([name, room]) => (name === "joined" ? room : name));
    expect(heard.lastIndexOf("chat:2")).toBeLessThan(heard.lastIndexOf("event"));
    expect(heard.indexOf("chat:2")).toBeGreaterThan(heard.indexOf("replayed"));
  });

  it("is closed with the store's code if the log can't be read", async () => {
    const store = new MemoryStore();
    const events = store.events.bind(store);
    let isBroken = false;
    store.events = (query) =>
      isBroken ? Promise.reject(Object.assign(new Error("no disk"), { code: "EIO" })) : events(query);
    const server = await start({ store, ...SMALL });
    const reader = await Poller.connect(server);
    const socket = server.io.sockets.sockets.get(reader.connected!.sid)!;
    void socket.join("chat:1");
    for (let i = 0; i < 300; i++) await server.io.to("chat:1").publish("say", i, FILLER);
    const closed = new Promise<unknown[]>((resolve) => socket.on("disconnect", (...why) => resolve(why)));
    isBroken = true;
    while (await reader.poll());
    expect(await closed).toMatchObject(["transport error", { code: "STORE_IO" }]);
  });

  it("gets nothing of a namespace without what came before, once it has been disconnected from it", async () => {
    const server = await start(SMALL);
    const reader = await Poller.connect(server);
    const socket = server.io.sockets.sockets.get(reader.connected!.sid)!;
    void socket.join("chat:1");
    for (let i = 0; i < 100; i++) await server.io.to("chat:1").publish("say", i, FILLER);
    expect(server.io.stats().behind).toBe(1);
    server.io.to("chat:1").emit("say", 100, FILLER);
    socket.disconnect();
    while (await reader.poll());
    expect(said(reader)).toEqual(upTo(reader.got.length));
    expect(server.io.stats().behind).toBe(0);
  });

  it("can come back to the namespace over the same connection", async () => {
    const server = await start(SMALL);
    const reader = await Poller.connect(server);
    void server.io.sockets.sockets.get(reader.connected!.sid)!.join("chat:1");
    for (let i = 0; i < 100; i++) await server.io.to("chat:1").publish("say", i, FILLER);
    reader.got.length = 0;
    const arrival = new Promise<void>((resolve) => {
      server.io.on("connection", (socket) => {
        void socket.join("chat:1");
        resolve();
      });
    });
    await reader.send("41");
    await reader.send("40");
    await arrival;
    for (let i = 100; i < 200; i++) await server.io.to("chat:1").publish("say", i, FILLER);
    while (reader.got.at(-1)?.[1] !== 199) await reader.poll();
    const after = said(reader).filter((i) => (i as number) >= 100);
    expect(after).toEqual(upTo(200).slice(100));
  });

  it("does not keep its other namespaces back", async () => {
    const server = await start(SMALL);
    server.io.of("/other").on("connection", (socket) => void socket.join("chat:1"));
    const reader = await Poller.connect(server);
    void server.io.sockets.sockets.get(reader.connected!.sid)!.join("chat:1");
    const arrival = new Promise((resolve) => server.io.of("/other").on("connection", resolve));
    await reader.send("40/other,");
    await arrival;
    for (let i = 0; i < 100; i++) {
      await server.io.to("chat:1").publish("say", i, FILLER);
      await server.io.of("/other").to("chat:1").publish("say", i, FILLER);
    }
    while (reader.got.length < 100 || reader.others.length < 100) await reader.poll();
    expect(said(reader)).toEqual(upTo(100));
    expect(reader.others.map(([, i]) => i)).toEqual(upTo(100));
  });

  it("is served from the log also after an upgrade of its transport", async () => {
    const server = await start({ ...SMALL, transports: ["polling", "websocket"] });
    const arrival = new Promise<void>((resolve) => {
      server.io.on("connection", (socket) => {
        void socket.join("chat:1");
        resolve();
      });
    });
    const connecting = server.connect({ transports: ["polling", "websocket"] });
    await arrival;
    for (let i = 0; i < 500; i++) {
      server.io.to("chat:1").emit("say", i, FILLER);
      if (i % 50 === 0) await turns(1);
    }
    const reader = await connecting;
    await reader.count(500);
    expect(said(reader)).toEqual(upTo(500));
  });
});

it("a reader that is sent away while another namespace waits for it comes back to where it stood", async () => {
  const server = await start({});
  server.io.of("/other");
  const reader = await resuming(server.port);
  const { wire } = reader;
  wire.say("40/other,");
  const arrived = new Promise<Socket>((resolve) => server.io.of("/other").once("connection", resolve));
  const [socket] = [...server.io.sockets.sockets.values()] as [Socket];
  void socket.join("chat:1");
  await reader.control("joined");
  const other = await arrived;
  wire.socket.pause();
  const count = await untilBehind(server.io, "chat:1");
  // what is shed comes before this
  void other.join("chat:2", { since: 1 });
  for (let i = count; i < count + 10; i++) server.io.to("chat:1").emit("say", i);
  await server.io.to("chat:1").publish("say", count + 10);
  socket.disconnect();
  wire.socket.resume();
  const { answer, positions } = reader;
  wire.say('40{"holdfast":{"resume":{"credit":1}}}');
  await reader.until((it) => it.answer !== answer);
  const had = reader.events.map(([, i]) => i);
  expect(had).toEqual(upTo(had.length));
  wire.socket.terminate();
  await wire.closed;
  const back = await resuming(server.port, { key: answer.key, positions, credit: 5_000 });
  void [...server.io.sockets.sockets.values()].at(-1)!.join("chat:1", { since: "last" });
  await back.control("replayed");
  expect([...had, ...back.events.map(([, i]) => i)]).toEqual(upTo(count + 11));
});

it.each([[false], [true]])(
  "a reader that is behind and sent away comes back to where it stood (closing its connection: %s)",
  async (closes) => {
    const server = await start({});
    const reader = await resuming(server.port);
    const { wire } = reader;
    const [socket] = [...server.io.sockets.sockets.values()] as [Socket];
    void socket.join("chat:1");
    await reader.control("joined");
    wire.socket.pause();
    const count = await untilBehind(server.io, "chat:1");
    // not on disk yet
    server.io.to("chat:1").emit("say", count);
    socket.disconnect(closes);
    wire.socket.resume();
    const { answer } = reader;
    if (closes) await expect(reader.until(() => false)).rejects.toThrow("closed");
    else {
      wire.say('40{"holdfast":{"resume":{"credit":1}}}');
      await reader.until((it) => it.answer !== answer);
      wire.socket.terminate();
      await wire.closed;
    }
    const had = reader.events.map(([, i]) => i);
    expect(had).toEqual(upTo(had.length));
    const back = await resuming(server.port, { key: answer.key, positions: reader.positions, credit: 5_000 });
    void [...server.io.sockets.sockets.values()].at(-1)!.join("chat:1", { since: "last" });
    await back.control("replayed");
    expect([...had, ...back.events.map(([, i]) => i)]).toEqual(upTo(count + 1));
  },
);
