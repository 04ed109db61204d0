import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import type { ServerOptions, Socket } from "holdfast";
import { expect, it } from "vitest";
import { connect, type Served, serve } from "../negotiation/wire.ts";
import { again, type Positions, type Reader, reader } from "./client.ts";

const rooms: ServerOptions["rooms"] = { "kept:*": { keep: true }, "early:*": { keep: { flush: false } } };
const memory = (): Partial<ServerOptions> => ({ store: new MemoryStore({ disk: new MemoryDisk() }), rooms });

const socketOf = ({ sockets }: Served): Socket => sockets.at(-1)!;

async function left(client: Reader): Promise<void> {
  client.wire.socket.terminate();
  await client.wire.closed;
}

/** A client that has joined a room, seen an event there, and gone. */
async function seen(served: Served, room = "kept:1"): Promise<Reader> {
  const client = await reader(served.port);
  void socketOf(served).join(room);
  served.io.to(room).emit("seen");
  await client.count(1);
  await left(client);
  return client;
}

const refusal = async (served: Served, key: string, positions: Positions, nsp = "/") =>
  (await reader(served.port, { key, positions }, { nsp })).answer.refused;

it("refuses positions that were given for something else", async () => {
  const served = await serve(memory());
  served.io.of("/other");
  served.io.to("kept:1").emit("before");
  const { answer, positions } = await seen(served);
  const { key } = answer;
  const [offset, grant] = positions["kept:1"]!;
  expect(await refusal(served, key, { "kept:1": [offset, grant] })).toEqual({});
  const forged = "POSITION_FORGED";
  // another room, namespace or key; none of ours; something changed
  expect(await refusal(served, key, { "kept:2": [offset, grant] })).toEqual({ "kept:2": forged });
  expect(await refusal(served, key, { "kept:1": [offset, grant] }, "/other")).toEqual({ "kept:1": forged });
  const other = await reader(served.port);
  expect(await refusal(served, other.answer.key, { "kept:1": [offset, grant] })).toEqual({
    "kept:1": forged,
  });
  expect(await refusal(served, `${key}x`, { "kept:1": [offset, grant] })).toEqual({ "kept:1": forged });
  const [mac, floor, epoch] = grant.split(".");
  const changed = [
    [offset, ""],
    [offset, "a.b.c"],
    [offset, `${mac}.0.${epoch}`],
    [offset, `${mac}.${floor}.${epoch}x`],
    [offset, `${mac!.toLowerCase()}.${floor}.${epoch}`],
    ["", grant],
    [`abcd${offset.slice(4)}`, grant],
    [`${offset.slice(0, 4)}-1`, grant],
    [`${offset.slice(0, 4)}0${offset.slice(4)}`, grant],
    [`${offset} `, grant],
  ] as [string, string][];
  for (const position of changed) {
    expect(await refusal(served, key, { "kept:1": position })).toEqual({ "kept:1": forged });
  }
});

it("refuses positions of another store", async () => {
  const { answer, positions } = await seen(await serve(memory()));
  const served = await serve(memory());
  expect(await refusal(served, answer.key, positions)).toEqual({ "kept:1": "POSITION_FORGED" });
});

it("refuses positions from before the first join, and from the future", async () => {
  const served = await serve(memory());
  served.io.to("kept:1").emit("before");
  served.io.to("kept:1").emit("before");
  const { answer, positions } = await seen(served);
  const [offset, grant] = positions["kept:1"]!;
  const move = (by: number) => {
    const moved = Number.parseInt(offset.slice(4), 36) + by;
    return refusal(served, answer.key, { "kept:1": [offset.slice(0, 4) + moved.toString(36), grant] });
  };
  expect(await move(-1)).toEqual({});
  expect(await move(-2)).toEqual({ "kept:1": "POSITION_OLD" });
  expect(await move(1)).toEqual({ "kept:1": "POSITION_FUTURE" });
});

it("keeps to the first join through any number of resumptions", async () => {
  const served = await serve(memory());
  const first = await seen(served);
  const second = await again(served.port, first);
  await socketOf(served).join("kept:1", { since: "last" });
  await second.control("replayed");
  const floorOf = (client: Reader) => client.positions["kept:1"]![1].split(".")[1];
  expect(floorOf(second)).toBe(floorOf(first));
});

it("gives a refused position no past", async () => {
  const served = await serve(memory());
  const thief = await reader(served.port, { positions: (await seen(served)).positions });
  served.io.to("kept:1").emit("secret");
  expect(thief.answer.refused).toEqual({ "kept:1": "POSITION_FORGED" });
  expect(await socketOf(served).join("kept:1", { since: "last" })).toMatchObject({
    events: 0,
    resumed: false,
  });
});

it("joins nothing by itself, and replays nothing that the application does not join", async () => {
  const served = await serve(memory());
  const first = await seen(served);
  served.io.to("kept:1").emit("missed");
  const second = await again(served.port, first);
  socketOf(served).emit("end");
  expect(await second.count(1)).toEqual([["end"]]);
  expect([...socketOf(served).rooms]).toEqual([socketOf(served).id]);
});

it("gives positions to the user that the application names", async () => {
  const identify: NonNullable<ServerOptions["resume"]>["identify"] = (socket) => socket.data.user ?? null;
  const served = await serve({ ...memory(), resume: { identify } });
  served.io.use((socket, next) => {
    socket.data.user = socket.handshake.auth.user;
    next();
  });
  const as = (user: string | undefined, asking: { key?: string; positions?: Positions } = {}) =>
    reader(served.port, asking, { auth: user ? { user } : {} });
  const ada = await as("ada");
  void socketOf(served).join("kept:1");
  await ada.control("joined");
  const { positions } = ada;
  // on another device, with another key or none
  expect((await as("ada", { positions })).answer.refused).toEqual({});
  // somebody else on the same device
  const { key } = ada.answer;
  expect((await as("bob", { key, positions })).answer.refused).toEqual({ "kept:1": "POSITION_FORGED" });
  expect((await as(undefined, { key, positions })).answer.refused).toEqual({ "kept:1": "POSITION_FORGED" });
  // what a client was given before it logged in is still its own
  const guest = await as(undefined);
  void socketOf(served).join("kept:2");
  await guest.control("joined");
  const login = await as("ada", { key: guest.answer.key, positions: guest.positions });
  expect(login.answer.refused).toEqual({});
});

it("waits for the name of the user, and takes nothing for one that is none", async () => {
  const users: Record<string, unknown> = {
    ada: Promise.resolve("ada"),
    bob: Promise.resolve("bob"),
    odd: {},
  };
  const identify = (socket: { handshake: { auth: Record<string, string> } }) =>
    users[socket.handshake.auth.user!] as Promise<string>;
  const reports: string[] = [];
  const onError: ServerOptions["onError"] = (error, { stage }) => reports.push(`${stage}: ${error.message}`);
  const served = await serve({ ...memory(), resume: { identify }, onError });
  const as = (user: string, asking: { positions?: Positions } = {}) =>
    reader(served.port, asking, { auth: { user } });
  const ada = await as("ada");
  void socketOf(served).join("kept:1");
  await ada.control("joined");
  const { positions } = ada;
  expect((await as("bob", { positions })).answer.refused).toEqual({ "kept:1": "POSITION_FORGED" });
  expect((await as("ada", { positions })).answer.refused).toEqual({});
  expect((await as("odd", { positions })).answer.error).toMatchObject({ code: "INTERNAL" });
  expect(reports).toEqual(["negotiate: resume.identify returned object; it must return text or null"]);
});

it("tells of what retention has taken", async () => {
  const served = await serve({ ...memory(), rooms: { "kept:*": { keep: { events: 3 } } } });
  const first = await seen(served);
  for (let i = 0; i < 5; i++) served.io.to("kept:1").emit("missed", i);
  await served.io.to("kept:1").forget();
  served.io.to("kept:1").emit("missed", 5);
  const second = await again(served.port, first);
  expect(second.answer.refused).toEqual({});
  const { gaps, ...result } = await socketOf(served).join("kept:1", { since: "last" });
  expect(result).toEqual({ events: 1, resumed: true });
  expect(gaps).toMatchObject([{ room: "kept:1", reason: "trimmed" }]);
  const [, , events, , told] = (await second.control("replayed")) as [
    string,
    number,
    number,
    unknown,
    object[],
  ];
  expect(events).toBe(0);
  expect(await second.count(1)).toEqual([["missed", 5]]);
  expect(told).toEqual([
    { room: "kept:1", from: first.positions["kept:1"]![0], to: expect.any(String), reason: "trimmed" },
  ]);
});

it("tells of an unclean stop of a room that does not wait for the disk, and of no other", async () => {
  const options = memory();
  const served = await serve(options);
  const first = await reader(served.port);
  void socketOf(served).join(["kept:1", "early:1"]);
  served.io.to("kept:1").emit("seen");
  served.io.to("early:1").emit("seen");
  await first.count(2);
  // what was shown and is not on disk
  served.io.to("early:1").emit("lost");
  await first.count(3);
  const store = (options.store as MemoryStore).crash();
  await left(first);
  const next = await serve({ ...options, store });
  next.io.to("kept:1").emit("missed");
  next.io.to("early:1").emit("missed");
  const second = await again(next.port, first);
  expect(second.answer.refused).toEqual({});
  const socket = socketOf(next);
  expect(await socket.join("kept:1", { since: "last" })).toEqual({ events: 1, gaps: [], resumed: true });
  expect(await socket.join("early:1", { since: "last" })).toMatchObject({
    gaps: [{ room: "early:1", reason: "epoch" }],
    resumed: true,
  });
});

it("never tells an offset that a crash may give to another event", async () => {
  const disk = new MemoryDisk();
  const store = new MemoryStore({ disk });
  const served = await serve({ store, rooms });
  const client = await reader(served.port);
  const socket = socketOf(served);
  disk.hold();
  served.io.to("kept:1").emit("on its way to the disk");
  void socket.join("kept:1");
  void socket.join("kept:2");
  void socket.leave("kept:2");
  // another namespace of the connection is not held up for ever: what is told waits, nothing is refused
  await new Promise((resolve) => setImmediate(resolve));
  expect(client.wire.heard).toEqual([]);
  const after = store.crash();
  disk.release();
  await left(client);
  expect(client.wire.heard).toEqual([]);
  const next = await serve({ store: after, rooms });
  const second = await again(next.port, client);
  expect(second.answer.refused).toEqual({});
});

it("tells where it stands once the disk has taken what lies before", async () => {
  const disk = new MemoryDisk();
  const served = await serve({ store: new MemoryStore({ disk }), rooms });
  const client = await reader(served.port);
  disk.hold();
  served.io.to("kept:1").emit("before");
  void socketOf(served).join("kept:1");
  disk.release();
  const [, , offset] = await client.control("joined");
  served.io.to("kept:1").emit("after");
  await client.count(1);
  expect(client.events).toEqual([["after"]]);
  expect(client.heard.filter(([name]) => name === "joined")).toHaveLength(1);
  expect((offset as string) < (client.ends[0] as string)).toBe(true);
});

it("tells where it stood before, if the disk refuses what lies before", async () => {
  const disk = new MemoryDisk();
  const served = await serve({ store: new MemoryStore({ disk }), rooms, onError: () => {} });
  served.io.to("kept:1").emit("stored");
  const client = await reader(served.port);
  disk.hold();
  served.io.to("kept:1").emit("refused");
  void socketOf(served).join("kept:1");
  disk.failNext(new StoreError("STORE_FULL", "no space"));
  disk.release();
  await client.control("joined");
  served.io.to("kept:1").emit("after");
  await client.count(1);
  expect(client.heard.filter(([name]) => name === "joined")).toHaveLength(1);
  await left(client);
  served.io.to("kept:1").emit("missed");
  const second = await again(served.port, client);
  await socketOf(served).join("kept:1", { since: "last" });
  expect(await second.count(1)).toEqual([["missed"]]);
});

it.each([
  ["no object", 7],
  ["no credit", {}],
  ["a credit of nothing", { credit: 0 }],
  ["a credit of half an event", { credit: 1.5 }],
  ["a credit of too many", { credit: 100_001 }],
  ["a key that is no text", { credit: 1, key: 5 }],
  ["a key without end", { credit: 1, key: "k".repeat(129) }],
  ["a list of positions", { credit: 1, positions: [] }],
  ["a position that is none", { credit: 1, positions: { a: "b" } }],
  ["half a position", { credit: 1, positions: { a: ["b"] } }],
])("refuses %s with a code, and connects", async (_, resume) => {
  const { port } = await serve(memory());
  const wire = await connect(port, { holdfast: { resume } });
  expect(await wire.json("40")).toMatchObject({
    holdfast: { resume: { error: { code: "PROTOCOL_INVALID", message: expect.any(String) } } },
  });
  // and speaks as to any client
  wire.say('42["holdfast:credit",1]');
  expect(wire.socket.readyState).toBe(1);
});

it("takes the positions of so many rooms as it may, those that the client joined last", async () => {
  const served = await serve({ ...memory(), resume: { positionsMax: 2 } });
  const first = await reader(served.port);
  const rooms = ["kept:1", "kept:2", "kept:3"];
  for (const room of rooms) void served.sockets[0]!.join(room);
  await first.control("joined", 3);
  const second = await again(served.port, first);
  expect(second.answer.refused).toEqual({ "kept:1": "POSITION_LIMIT" });
  const joins = rooms.map((room) => served.sockets[1]!.join(room, { since: "last" }));
  expect((await Promise.all(joins)).map(({ resumed }) => resumed)).toEqual([false, true, true]);
});

it("says what an application has named wrongly", async () => {
  await expect(serve({ ...memory(), resume: { creditMax: 0 } })).rejects.toMatchObject({
    code: "OPTIONS_INVALID",
  });
  await expect(serve({ resume: {} })).rejects.toMatchObject({ code: "NO_STORE" });
});
