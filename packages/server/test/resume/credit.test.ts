import { MemoryStore } from "@holdfast/core";
import type { ServerOptions, Socket } from "holdfast";
import { expect, it } from "vitest";
import { type Served, serve } from "../negotiation/wire.ts";
import { again, type Reader, reader } from "./client.ts";

const options: Partial<ServerOptions> = { store: "memory", rooms: { "kept:*": { keep: true } } };

const socketOf = ({ sockets }: Served): Socket => sockets.at(-1)!;

/** A client that has missed so many events of "kept:1", and comes back with so much credit. */
async function behind(served: Served, missed: number, credit: number): Promise<Reader> {
  const first = await reader(served.port);
  void socketOf(served).join("kept:1");
  await first.control("joined");
  first.wire.socket.terminate();
  await first.wire.closed;
  for (let i = 0; i < missed; i++) served.io.to("kept:1").emit("n", i);
  return again(served.port, first, { credit });
}

/** Everything that is on its way to the client has come. */
async function settled(client: Reader): Promise<void> {
  const { socket, heard } = client.wire;
  for (let turn = 0; turn < 5; turn++) {
    await new Promise<unknown>((resolve) => {
      socket.once("pong", resolve);
      socket.ping();
    });
  }
  await client.until(() => heard.length === 0);
}

const numbers = (client: Reader) => client.events.map(([, i]) => i);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

it("replays as many events as the client takes, and the next as it has handled them", async () => {
  const served = await serve(options);
  const client = await behind(served, 100, 10);
  const result = socketOf(served).join("kept:1", { since: "last" });
  served.io.to("kept:1").emit("n", 100);
  await client.count(10);
  await settled(client);
  expect(numbers(client)).toEqual(upTo(10));
  client.emit("holdfast:credit", 3);
  await client.count(13);
  await settled(client);
  expect(numbers(client)).toEqual(upTo(13));
  // more than it asked for is not on the way at once, whatever it says
  client.emit("holdfast:credit", 1_000);
  await client.count(23);
  await settled(client);
  expect(numbers(client)).toEqual(upTo(23));
  for (let n = 23; n < 100; n += 10) {
    client.emit("holdfast:credit", 10);
    await client.count(Math.min(n + 10, 100));
  }
  await client.count(101);
  expect(numbers(client)).toEqual(upTo(101));
  expect(await result).toEqual({ events: 100, gaps: [], resumed: true });
});

it("reads no more than the client takes", async () => {
  const store = new MemoryStore();
  const served = await serve({ ...options, store });
  const client = await behind(served, 500, 7);
  const read: number[] = [];
  const { events } = store;
  store.events = async (query) => {
    const chunk = await events.call(store, query);
    read.push(chunk.events.length);
    return chunk;
  };
  const result = socketOf(served).join("kept:1", { since: "last" });
  await client.count(7);
  await settled(client);
  expect(read).toEqual([7]);
  for (let n = 7; n < 500; n += 7) {
    client.emit("holdfast:credit", 7);
    await client.count(Math.min(n + 7, 500));
  }
  expect(await result).toMatchObject({ events: 500 });
  expect(Math.max(...read)).toBe(7);
});

it("merges rooms at the client's pace", async () => {
  const served = await serve(options);
  const first = await reader(served.port);
  const rooms = ["kept:1", "kept:2", "kept:3"];
  void socketOf(served).join(rooms);
  await first.control("joined", 3);
  first.wire.socket.terminate();
  await first.wire.closed;
  for (let i = 0; i < 60; i++) served.io.to(i % 4 === 3 ? rooms : rooms[i % 4]!).emit("n", i);
  const client = await again(served.port, first, { credit: 4 });
  void socketOf(served).join(rooms, { since: "last" });
  for (let n = 4; n <= 60; n += 4) {
    await client.count(n);
    await settled(client);
    expect(client.events).toHaveLength(n);
    client.emit("holdfast:credit", 4);
  }
  await client.control("replayed");
  expect(numbers(client)).toEqual(upTo(60));
});

it("lets nobody wait for a reader that gives no credit", async () => {
  const served = await serve(options);
  const other = await reader(served.port);
  void socketOf(served).join("kept:1");
  await other.control("joined");
  await behind(served, 50, 1);
  void socketOf(served).join("kept:1", { since: "last" });
  served.io.to("kept:1").emit("live");
  await other.count(51);
  expect(other.events.at(-1)).toEqual(["live"]);
});

it("closes the connection of a reader that gives none for too long", async () => {
  const served = await serve({ ...options, resume: { creditTimeoutMs: 20 } });
  const client = await behind(served, 2, 1);
  const socket = socketOf(served);
  const closed = new Promise((resolve) => socket.on("disconnect", (...args) => resolve(args)));
  const result = socket.join("kept:1", { since: "last" });
  expect(await closed).toEqual(["transport error", expect.objectContaining({ code: "CREDIT_TIMEOUT" })]);
  expect(await result).toMatchObject({ events: 1 });
  await client.count(1);
  await client.wire.closed;
  // and takes it up again where it got to
  const next = await again(served.port, client);
  void socketOf(served).join("kept:1", { since: "last" });
  expect(await next.count(1)).toEqual([["n", 1]]);
});

it("ends the replay of a socket that leaves its namespace, and frees the connection", async () => {
  const served = await serve(options);
  const client = await behind(served, 50, 1);
  const socket = socketOf(served);
  const others: Socket[] = [];
  served.io.of("/other").on("connection", (other) => others.push(other));
  void socket.join("kept:1", { since: "last" });
  await client.count(1);
  client.wire.say("40/other,");
  client.wire.say("41");
  const answer = async () => {
    for (;;) {
      const text = String(await client.wire.next());
      if (text.startsWith("40/other,")) return text;
    }
  };
  expect(await answer()).toContain("sid");
});

it.each(["", ",0", ",-1", ",1.5", ',"7"', ",null", ",100001"])(
  'closes the connection of who sends ["holdfast:credit"%s]',
  async (args) => {
    const served = await serve(options);
    const client = await reader(served.port);
    const reason = new Promise((resolve) => socketOf(served).on("disconnect", resolve));
    client.wire.say(`42["holdfast:credit"${args}]`);
    expect(await reason).toBe("parse error");
    await client.wire.closed;
  },
);

it("bounds what waits behind a replay", async () => {
  const served = await serve({ ...options, outboxBytesMax: 100_000 });
  const client = await behind(served, 2, 1);
  const socket = socketOf(served);
  const closed = new Promise((resolve) => socket.on("disconnect", (...args) => resolve(args)));
  void socket.join("kept:1", { since: "last" });
  await client.count(1);
  for (let i = 0; i < 20; i++) {
    served.io.to(["other", socket.id]).emit("live", "x".repeat(10_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await closed).toEqual(["transport error", expect.objectContaining({ code: "OUTBOX_FULL" })]);
});

it("leaves stored events that are issued meanwhile to the log", async () => {
  const served = await serve({ ...options, outboxBytesMax: 200_000, shedBytes: 50_000 });
  const client = await behind(served, 10, 1);
  const socket = socketOf(served);
  const result = socket.join("kept:1", { since: "last" });
  await client.count(1);
  const text = "x".repeat(10_000);
  for (let i = 10; i < 110; i++) {
    await served.io.to("kept:1").publish("n", i, text);
  }
  expect(served.io.stats().bufferedBytes).toBeLessThan(200_000);
  for (let n = 1; n < 10; n++) {
    client.emit("holdfast:credit", 1);
    await client.count(n + 1);
  }
  await client.count(110);
  expect(numbers(client)).toEqual(upTo(110));
  expect(await result).toMatchObject({ events: 10 });
});

it("tells of a gap before what is behind it, so that nobody who is cut off on the way misses it", async () => {
  const served = await serve(options);
  const client = await behind(served, 5, 2);
  await served.io.to("kept:1").forget();
  for (let i = 5; i < 10; i++) served.io.to("kept:1").emit("n", i);
  void socketOf(served).join("kept:1", { since: "last" });
  await client.count(2);
  const names = client.heard.map(([name]) => name);
  expect(names).toEqual(["joined", "replay", "replayed", "joined", "replay", "event", "event"]);
  expect(client.heard[2]![4]).toMatchObject([{ room: "kept:1", reason: "trimmed" }]);

  // it has been told, and goes on where it stands
  client.wire.socket.terminate();
  await client.wire.closed;
  const back = await again(served.port, client, { credit: 10 });
  const { events, gaps } = await socketOf(served).join("kept:1", { since: "last" });
  await back.count(3);
  expect([events, gaps, numbers(back)]).toEqual([3, [], [7, 8, 9]]);
});
