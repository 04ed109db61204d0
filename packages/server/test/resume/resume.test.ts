import type { Socket } from "holdfast";
import { expect, it } from "vitest";
import { connect, serve } from "../negotiation/wire.ts";
import { again, reader } from "./client.ts";
import { left, options, recovering, socketOf } from "./support.ts";

/** With and without connection state recovery. */
const both = it.each([
  ["alone", options],
  ["with recovery", recovering],
] as const);

both("gives a key, and the same one to who shows it, %s", async (_, options) => {
  const { port } = await serve(options);
  const first = await reader(port);
  expect(first.answer).toEqual({ key: expect.stringMatching(/^[\w-]{22}\.[\w-]{22}$/), refused: {} });
  const second = await reader(port, { key: first.answer.key });
  expect(second.answer.key).toBe(first.answer.key);
  const stranger = await reader(port, { key: "made up" });
  expect(stranger.answer.key).not.toBe("made up");
});

both("tells where each event stands, %s", async (_, options) => {
  const served = await serve(options);
  const client = await reader(served.port);
  const socket = socketOf(served);
  void socket.join(["kept:1", "other"]);
  socket.emit("direct", 1);
  served.io.to("other").emit("unkept", { a: 1 });
  served.io.to("kept:1").emit("kept");
  served.io.to("kept:1").emit("binary", Buffer.of(1, 2));
  await client.count(4);
  served.io.to("kept:1").volatile.emit("volatile", "text");
  await client.count(5);
  expect(client.events).toEqual([
    ["direct", 1],
    ["unkept", { a: 1 }],
    ["kept"],
    ["binary", Buffer.of(1, 2)],
    ["volatile", "text"],
  ]);
  const [direct, unkept, kept, binary, volatile] = client.ends as string[];
  expect(kept).toMatch(/^[\w-]{4}[0-9a-z]+$/);
  expect(binary!.slice(0, 4)).toBe(kept!.slice(0, 4));
  expect(binary).not.toBe(kept);
  expect([direct, unkept].map((end) => end === "")).toEqual(
    options === recovering ? [false, false] : [true, true],
  );
  // with recovery a text at the end is protected by the offset that the client has reached
  expect(typeof volatile).toBe("string");
});

both("never adds to an event that asks for an acknowledgement, %s", async (_, options) => {
  const served = await serve(options);
  const client = await reader(served.port);
  const socket = socketOf(served);
  void socket.join("kept:1");
  socket.emit("ask", "text", () => {});
  served.io
    .timeout(1_000)
    .to("kept:1")
    .emit("ask all", 1, () => {});
  await client.count(2);
  expect(client.events).toEqual([
    ["ask", "text"],
    ["ask all", 1],
  ]);
});

both("says nothing of this to a stock client beside it, %s", async (_, options) => {
  const served = await serve(options);
  const stock = await connect(served.port);
  await stock.json("40");
  const client = await reader(served.port);
  for (const socket of served.sockets) void socket.join("kept:1");
  served.io.to("kept:1").emit("one", 1);
  served.io.to("kept:1").emit("two", 2);
  await client.count(2);
  const heard = [await stock.json<unknown[]>("42"), await stock.json<unknown[]>("42")];
  if (options === recovering) for (const event of heard) expect(event.pop()).toEqual(expect.any(String));
  expect(heard).toEqual([
    ["one", 1],
    ["two", 2],
  ]);
});

both(
  "says that it has joined before any event of the room, and that it has left after them, %s",
  async (_, options) => {
    const served = await serve(options);
    const client = await reader(served.port);
    const socket = socketOf(served);
    void socket.join("kept:1");
    served.io.to("kept:1").emit("a");
    void socket.leave("kept:1");
    served.io.to("kept:1").emit("b");
    socket.emit("end");
    await client.until(() => client.events.some(([name]) => name === "end"));
    expect(client.heard.map((message) => message.slice(0, 2))).toEqual([
      ["joined", "kept:1"],
      ["event", "a"],
      ["left", "kept:1"],
      ["event", "end"],
    ]);
    const [, , at] = client.heard[2]!;
    expect(at).toBe(client.ends[0]);
  },
);

both("goes on where the client stood, %s", async (_, options) => {
  const served = await serve(options);
  const first = await reader(served.port);
  void socketOf(served).join("kept:1");
  served.io.to("kept:1").emit("seen", 1);
  await first.count(1);
  await left(first);
  for (let i = 2; i <= 4; i++) served.io.to("kept:1").emit("missed", i);
  const second = await again(served.port, first);
  expect(second.answer.refused).toEqual({});
  const result = socketOf(served).join("kept:1", { since: "last" });
  served.io.to("kept:1").emit("live", 5);
  await second.count(4);
  expect(second.events).toEqual([
    ["missed", 2],
    ["missed", 3],
    ["missed", 4],
    ["live", 5],
  ]);
  expect(await result).toEqual({ events: 3, gaps: [], resumed: true });
  expect(second.heard.map(([name]) => name)).toEqual([
    "joined",
    "replay",
    "event",
    "event",
    "event",
    "replayed",
    "event",
  ]);
  const [, id, events, positions, gaps] = await second.control("replayed");
  expect([id, events, gaps]).toEqual([1, 3, []]);
  expect(positions).toEqual([["kept:1", second.ends[2]]]);
  // and again, from what it was told meanwhile
  await left(second);
  served.io.to("kept:1").emit("missed", 6);
  const third = await again(served.port, second);
  void socketOf(served).join("kept:1", { since: "last" });
  expect(await third.count(1)).toEqual([["missed", 6]]);
});

it("joins as new where it has never been", async () => {
  const served = await serve(options);
  const client = await reader(served.port);
  served.io.to("kept:1").emit("before");
  expect(await socketOf(served).join("kept:1", { since: "last" })).toEqual({
    events: 0,
    gaps: [],
    resumed: false,
  });
  served.io.to("kept:1").emit("live");
  expect(await client.count(1)).toEqual([["live"]]);
  expect(client.heard.map(([name]) => name)).toEqual(["joined", "event"]);
});

it("gives events of several rooms once, in the order of their issue", async () => {
  const served = await serve(options);
  const rooms = ["kept:a", "kept:b", "kept:c"];
  const first = await reader(served.port);
  void socketOf(served).join(rooms);
  await first.control("joined", 3);
  await left(first);
  for (let i = 0; i < 9; i++) served.io.to([rooms[i % 3]!, rooms[(i + 1) % 3]!]).emit("n", i);
  const second = await again(served.port, first);
  const socket = socketOf(served);
  const results = [
    socket.join(["kept:a", "kept:b"], { since: "last" }),
    socket.join("kept:c", { since: "last" }),
  ];
  await Promise.all(results);
  await second.control("replayed", 2);
  expect(second.events.map(([, i]) => i)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it("goes on in a room that it left and joined again, for any client", async () => {
  const served = await serve(options);
  const stock = await connect(served.port);
  await stock.json("40");
  const client = await reader(served.port);
  for (const socket of served.sockets) {
    void socket.join("kept:1");
    void socket.leave("kept:1");
  }
  served.io.to("kept:1").emit("missed");
  for (const socket of served.sockets) {
    expect(await socket.join("kept:1", { since: "last" })).toEqual({ events: 1, gaps: [], resumed: true });
  }
  expect(await stock.json("42")).toEqual(["missed"]);
  expect(await client.count(1)).toEqual([["missed"]]);
});

it("replays what the server says, and tells where that leaves the client", async () => {
  const served = await serve(options);
  for (let i = 0; i < 5; i++) served.io.to("kept:1").emit("past", i);
  const client = await reader(served.port);
  void socketOf(served).join("kept:1", { since: 3 });
  await client.control("replayed");
  expect(client.events.map(([, i]) => i)).toEqual([2, 3, 4]);
  expect(client.heard.map(([name]) => name)).toEqual([
    "joined",
    "replay",
    "event",
    "event",
    "event",
    "replayed",
  ]);
  expect(client.positions["kept:1"]![0]).toBe(client.ends[2]);
});

it("works in any namespace, for rooms with any name", async () => {
  const served = await serve({ ...options, rooms: { "*": { keep: true } } });
  const rooms = ["__proto__", "constructor", '"quoted"', "ünï,[]"];
  const sockets: Socket[] = [];
  served.io.of("/chat").on("connection", (socket) => sockets.push(socket));
  const first = await reader(served.port, {}, { nsp: "/chat" });
  void sockets[0]!.join(rooms);
  await first.control("joined", 4);
  const positions = Object.fromEntries(
    first.heard.map(([, room, offset, grant]) => [room, [offset, grant] as [string, string]]),
  );
  await left(first);
  for (const room of rooms) served.io.of("/chat").to(room).emit("missed", room);
  const second = await reader(served.port, { key: first.answer.key, positions }, { nsp: "/chat" });
  expect(second.answer.refused).toEqual({});
  expect(await sockets[1]!.join(rooms, { since: "last" })).toMatchObject({ events: 4, resumed: true });
  await second.count(4);
  expect(second.events.map(([, room]) => room)).toEqual(rooms);
});

it("does not give a client what it said itself, under whatever id it comes back", async () => {
  const served = await serve(options);
  let client = await reader(served.port);
  void socketOf(served).join("kept:1");
  await client.control("joined");
  for (let round = 0; round < 3; round++) {
    const socket = socketOf(served);
    await left(client);
    const other = await reader(served.port);
    void socketOf(served).join("kept:1");
    await other.control("joined");
    // both were on their way when it was lost
    served.io.to("kept:1").except(socket.id).emit("lost", round);
    client = await again(served.port, client);
    const next = socketOf(served);
    next.to("kept:1").emit("said", round);
    other.wire.socket.terminate();
    const { events } = await next.join("kept:1", { since: "last" });
    expect(events).toBe(1);
    await client.control("replayed");
    // its socket was gone: only then did nobody know who was left out
    expect(client.events).toEqual([["lost", round]]);
  }
});

it("gives what it said itself to others of the same user", async () => {
  const served = await serve({ ...options, resume: { identify: () => "ada" } });
  const phone = await reader(served.port);
  void socketOf(served).join("kept:1");
  await phone.control("joined");
  const { positions } = phone;
  socketOf(served).to("kept:1").emit("said");
  const laptop = await reader(served.port, { positions });
  void socketOf(served).join("kept:1", { since: "last" });
  expect(await laptop.count(1)).toEqual([["said"]]);
});

it("repeats no event that it had in another room", async () => {
  const served = await serve(options);
  const first = await reader(served.port);
  const socket = socketOf(served);
  void socket.join(["kept:a", "kept:b"]);
  await first.control("joined", 2);
  void socket.leave("kept:a");
  served.io.to(["kept:a", "kept:b"]).emit("both", 1);
  served.io.to("kept:a").emit("missed", 2);
  await first.until(() => first.events.length === 1 && first.heard.some(([name]) => name === "left"));
  void socket.leave("kept:b");
  await first.control("left", 2);
  // on the same connection
  expect(await socket.join("kept:a", { since: "last" })).toMatchObject({ events: 1 });
  expect(await first.count(2)).toEqual([
    ["both", 1],
    ["missed", 2],
  ]);
  await left(first);
  served.io.to(["kept:b", "kept:a"]).emit("both", 3);
  // and on the next: it stands at different places in the two
  const second = await again(served.port, first);
  void socketOf(served).join("kept:b", { since: "last" });
  void socketOf(served).join("kept:a", { since: "last" });
  await second.control("replayed", 2);
  expect(second.events).toEqual([["both", 3]]);
});

it("replays to who asks for it what it had before", async () => {
  const served = await serve(options);
  const first = await reader(served.port);
  void socketOf(served).join(["kept:a", "kept:b"]);
  served.io.to(["kept:a", "kept:b"]).emit("both", 1);
  await first.count(1);
  await left(first);
  await again(served.port, first);
  expect(await socketOf(served).join("kept:a", { since: 10 })).toMatchObject({ events: 1 });
});
