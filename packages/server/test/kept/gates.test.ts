import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import { expect, it } from "vitest";
import { reports, socketOf, start } from "./support.ts";

it("shows nobody an event before its flush, and everything else in order behind it", async () => {
  const disk = new MemoryDisk();
  const server = await start({ store: new MemoryStore({ disk }) });
  const reader = await server.connect();
  void socketOf(server, reader).join("chat:1");
  disk.hold();
  let isPublished = false;
  const published = server.io
    .to("chat:1")
    .publish("say", "kept")
    .then(() => {
      isPublished = true;
    });
  socketOf(server, reader).emit("direct", 1);
  const other = await server.connect();
  socketOf(server, other).emit("elsewhere");
  await other.count(1);
  expect(reader.got).toEqual([]);
  expect(isPublished).toBe(false);
  disk.release();
  await published;
  expect(await reader.count(2)).toEqual([
    ["say", "kept"],
    ["direct", 1],
  ]);
});

it("drops and reports what could not be stored, and delivers the rest", async () => {
  const disk = new MemoryDisk();
  const errors: unknown[] = [];
  const server = await start({
    store: new MemoryStore({ disk }),
    onError: (error, context) => errors.push({ code: (error as { code?: string }).code, ...context }),
  });
  const reader = await server.connect();
  void socketOf(server, reader).join("chat:1");
  disk.failNext(new StoreError("STORE_FULL", "the disk is full"));
  server.io.to("chat:1").emit("lost");
  await expect(server.io.to("chat:1").publish("refused")).rejects.toMatchObject({ code: "STORE_FULL" });
  await server.io.to("chat:1").publish("kept");
  expect(await reader.count(1)).toEqual([["kept"]]);
  expect(errors).toEqual([
    { code: "STORE_FULL", stage: "keep", namespace: "/", rooms: ["chat:1"], event: "lost" },
  ]);
});

it("shows a stored event no earlier because one behind it was refused", async () => {
  const disk = new MemoryDisk();
  const { seen, onError } = reports();
  const server = await start({ store: new MemoryStore({ disk }), onError, maxHttpBufferSize: 1e8 });
  const reader = await server.connect();
  void socketOf(server, reader).join("chat:1");
  disk.hold();
  const published = server.io.to("chat:1").publish("kept");
  server.io.to("chat:1").emit("too large", "x".repeat(17 * 1024 * 1024));
  const other = await server.connect();
  socketOf(server, other).emit("elsewhere");
  await other.count(1);
  expect(reader.got).toEqual([]);
  disk.release();
  await published;
  socketOf(server, reader).emit("end");
  expect(await reader.count(2)).toEqual([["kept"], ["end"]]);
  expect(seen).toMatchObject([{ code: "EVENT_TOO_LARGE", event: "too large" }]);
});

it("refuses what more than may wait for the disk, and delivers the rest once it goes on", async () => {
  const disk = new MemoryDisk();
  const { seen, onError } = reports();
  const store = new MemoryStore({ disk, pendingBytesMax: 100_000 });
  const server = await start({ store, onError });
  const reader = await server.connect();
  void socketOf(server, reader).join("chat:1");
  disk.hold();
  const text = "x".repeat(1_000);
  for (let i = 0; i < 200; i++) server.io.to("chat:1").emit("say", i, text);
  await expect(server.io.to("chat:1").publish("say", text)).rejects.toMatchObject({
    code: "STORE_BUSY",
  });
  expect(seen.length).toBeGreaterThan(50);
  expect(seen[0]).toMatchObject({ code: "STORE_BUSY", stage: "keep", rooms: ["chat:1"], event: "say" });
  disk.release();
  const accepted = 200 - seen.length;
  await server.io.to("chat:1").publish("end");
  const got = await reader.count(accepted + 1);
  expect(got.slice(0, -1).map(([, i]) => i)).toEqual(Array.from({ length: accepted }, (_, i) => i));
  expect((await server.io.storage()).events).toBe(accepted + 1);
});

it("closes a connection for which too much waits behind a disk that hangs, and no other", async () => {
  const disk = new MemoryDisk();
  const server = await start({ store: new MemoryStore({ disk }), outboxBytesMax: 1_000_000 });
  const [reader, other] = [await server.connect({ reconnection: false }), await server.connect()];
  const socket = socketOf(server, reader);
  for (const { client } of [reader, other]) void server.io.sockets.sockets.get(client.id!)!.join("chat:1");
  const closed = new Promise<unknown[]>((resolve) => socket.on("disconnect", (...why) => resolve(why)));
  disk.hold();
  server.io.to("chat:1").emit("kept");
  const text = "x".repeat(100_000);
  for (let i = 0; i < 20; i++) {
    socket.emit("direct", text);
    await new Promise(setImmediate);
  }
  expect(await closed).toMatchObject(["transport error", { code: "OUTBOX_FULL" }]);
  disk.release();
  expect(await other.count(1)).toEqual([["kept"]]);
});

it("writes what was kept before it closes", async () => {
  const server = await start({});
  const reader = await server.connect({ reconnection: false });
  void socketOf(server, reader).join("chat:1");
  server.io.to("chat:1").emit("last words");
  const published = server.io.to("chat:1").publish("the very last");
  await server.io.close();
  await published;
  expect(await reader.count(2)).toEqual([["last words"], ["the very last"]]);
});

it("tells nobody of an event before its flush because its room is replayed", async () => {
  const disk = new MemoryDisk();
  const server = await start({ store: new MemoryStore({ disk }) });
  const reader = await server.connect();
  const socket = socketOf(server, reader);
  disk.hold();
  server.io.to("chat:1").emit("say", 1);
  const joined = socket.join("chat:1", { since: 10 });
  server.io.to("chat:1").emit("say", 2);
  const other = await server.connect();
  socketOf(server, other).emit("elsewhere");
  await other.count(1);
  expect(reader.got).toEqual([]);
  disk.release();
  expect(await joined).toEqual({ events: 1, gaps: [] });
  expect(await reader.count(2)).toEqual([
    ["say", 1],
    ["say", 2],
  ]);
});
