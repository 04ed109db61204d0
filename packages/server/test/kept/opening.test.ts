import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryStore } from "@holdfast/core";
import { LmdbStore } from "@holdfast/store-lmdb";
import { Adapter, Server } from "holdfast";
import { expect, it } from "vitest";
import { folder, reports, socketOf, start } from "./support.ts";

it("finds everything again in the folder, in the same process", async () => {
  const store = folder();
  const positions: string[] = [];
  for (let round = 0; round < 3; round++) {
    const server = await start({ store });
    for (let i = 0; i < 10; i++)
      positions.push(await server.io.to("chat:1").publish("say", positions.length));
    server.io.to("chat:1").emit("say", positions.length);
    positions.push("");
    await server.io.close();
  }
  const server = await start({ store });
  const reader = await server.connect();
  const joined = await socketOf(server, reader).join("chat:1", { since: positions[4]! });
  expect(joined).toEqual({ events: 28, gaps: [] });
  expect((await reader.count(28)).map(([, i]) => i)).toEqual(Array.from({ length: 28 }, (_, i) => i + 5));
});

it("loses nothing that was acknowledged, or issued, when it is closed at once", async () => {
  const store = folder();
  const server = await start({ store });
  const published = Array.from({ length: 500 }, (_, i) => server.io.to("chat:1").publish("say", i));
  server.io.to("chat:1").emit("say", 500);
  const closed = server.io.close();
  const outcomes = await Promise.allSettled(published);
  expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
  await closed;
  await expect(server.io.to("chat:1").publish("late")).rejects.toMatchObject({ code: "STORE_CLOSED" });
  const next = await start({ store });
  const history = await next.io.in("chat:1").history({ limit: 1_000 });
  expect(history.map(({ args }) => args[0])).toEqual(Array.from({ length: 501 }, (_, i) => i));
});

it("flushes a store that was handed over, and leaves it open", async () => {
  const store = new MemoryStore();
  const server = await start({ store });
  const published = server.io.to("chat:1").publish("say");
  await server.io.close();
  await published;
  expect((await store.storage()).events).toBe(1);
});

/** What a server whose store can't be opened does: it serves, and refuses what needs the store. */
async function expectToServeWithout(store: string, code: string): Promise<void> {
  const { seen, onError } = reports();
  const server = await start({ store, onError });
  server.io.to("chat:1").emit("before it is known");
  const early = Promise.allSettled([server.io.ready, server.io.to("chat:1").publish("early")]);
  const reader = await server.connect();
  const socket = socketOf(server, reader);
  expect(await early).toMatchObject([{ reason: { code } }, { reason: { code } }]);
  const joined = socket.join("chat:1", { since: "nonsense" });
  await expect(joined).rejects.toMatchObject({ code: "QUERY_INVALID" });
  void socket.join(["chat:1", "open"]);
  await expect(server.io.to("chat:1").publish("say")).rejects.toMatchObject({ code });
  await expect(server.io.in("chat:1").history()).rejects.toMatchObject({ code });
  await expect(server.io.in("chat:1").forget()).rejects.toMatchObject({ code });
  await expect(server.io.storage()).rejects.toMatchObject({ code });
  await expect(socket.join("chat:2", { since: 1 })).rejects.toMatchObject({ code });
  expect(socket.rooms.has("chat:2")).toBe(false);
  server.io.to("chat:1").emit("after");
  server.io.to("open").emit("not kept");
  expect(await reader.count(1)).toEqual([["not kept"]]);
  expect(seen).toHaveLength(3);
  expect(seen).toEqual(
    expect.arrayContaining([
      { code, stage: "open" },
      { code, stage: "keep", namespace: "/", rooms: ["chat:1"], event: "before it is known" },
      { code, stage: "keep", namespace: "/", rooms: ["chat:1"], event: "after" },
    ]),
  );
}

it("serves without its store while another server has the folder", async () => {
  const store = folder();
  const holder = await start({ store });
  await holder.io.to("chat:1").publish("say", 1);
  await expectToServeWithout(store, "STORE_LOCKED");
  await holder.io.to("chat:1").publish("say", 2);
  expect(await holder.io.in("chat:1").history()).toHaveLength(2);
});

it("serves without its store, and touches nothing, where that is damaged", async () => {
  const store = folder();
  const first = await start({ store });
  await first.io.to("chat:1").publish("say", 1);
  await first.io.close();
  const file = join(store, readdirSync(store).find((name) => name.endsWith(".mdb"))!);
  writeFileSync(file, "not a store at all ".repeat(1_000));
  await expectToServeWithout(store, "STORE_DAMAGED");
});

it("serves without its store where the folder can't be made", async () => {
  const parent = folder();
  const file = join(parent, "file");
  mkdirSync(join(parent, "other"));
  writeFileSync(file, "");
  await expectToServeWithout(join(file, "data"), "STORE_IO");
});

it("refuses more rooms than its store may hold, and goes on with those it has", async () => {
  for (const store of [new MemoryStore({ logsMax: 2 }), new LmdbStore({ path: folder(), logsMax: 2 })]) {
    const { seen, onError } = reports();
    const server = await start({ store, onError });
    await server.io.ready;
    await server.io.to(["chat:1", "chat:2"]).publish("say");
    await expect(server.io.to("chat:3").publish("say")).rejects.toMatchObject({ code: "TOO_MANY_LOGS" });
    server.io.to("chat:4").emit("say");
    expect(seen).toMatchObject([{ code: "TOO_MANY_LOGS", rooms: ["chat:4"] }]);
    await server.io.to("chat:2").publish("say");
    await server.io.in("chat:1").forget();
    await server.io.to("chat:3").publish("say");
    expect((await server.io.storage()).rooms).toBe(2);
    await server.io.close();
    await store.close();
  }
});

it("refuses options that it can't honour", async () => {
  const make = (options: object) => () => new Server(options);
  expect(make({ rooms: { a: { keep: true } } })).toThrow(expect.objectContaining({ code: "NO_STORE" }));
  expect(make({ store: "memory", adapter: Adapter })).toThrow(
    expect.objectContaining({ code: "OPTIONS_CONFLICT" }),
  );
  expect(make({ store: 7 })).toThrow(expect.objectContaining({ code: "OPTIONS_CONFLICT" }));
  expect(make({ store: "memory", rooms: { a: { keep: { age: "soon" } } } })).toThrow(
    expect.objectContaining({ code: "POLICY_INVALID" }),
  );
  const server = new Server({ store: "memory" });
  expect(() => server.adapter(Adapter)).toThrow(expect.objectContaining({ code: "OPTIONS_CONFLICT" }));
  await server.close();
});

it("takes the limits of the embedded store beside its path", async () => {
  const server = await start({
    store: { path: folder(), bytesMax: "10mb", logsMax: 1, pendingBytesMax: 100_000 },
  });
  const publish = (room: string, text: string) => server.io.to(room).publish("say", text);
  await publish("chat:1", "hello");
  await expect(publish("chat:2", "hello")).rejects.toMatchObject({ code: "TOO_MANY_LOGS" });
  const outcomes = await Promise.allSettled([1, 2].map(() => publish("chat:1", "x".repeat(60_000))));
  expect(outcomes).toMatchObject([{ status: "fulfilled" }, { reason: { code: "STORE_BUSY" } }]);
});
