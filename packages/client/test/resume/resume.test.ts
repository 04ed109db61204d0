import { io } from "holdfast-client";
import { expect, it } from "vitest";
import { next } from "../reliable/fake-server.ts";
import { ResumeServer } from "./scripted.ts";

const offset = (n: number) => `mark${n.toString(36)}`;

it("asks only a server with the mark, and a client without the option asks nothing", async () => {
  const stock = await ResumeServer.listen({ maxPayload: 1 });
  stock.client({ auth: { token: 1 } });
  stock.connection = await stock.fake.connections.next();
  expect(await stock.connection.packets.next()).toBe('40{"token":1}');
  const ours = await ResumeServer.listen();
  ours.client({ resume: false });
  ours.connection = await ours.fake.connections.next();
  expect(await ours.connection.packets.next()).toBe("40");
});

it("does not know other versions of the protocol", async () => {
  const server = await ResumeServer.listen({ maxPayload: 1, holdfast: 2 });
  server.client();
  expect(await server.asked()).toEqual({});
});

it("asks beside the application's payload, first with nothing to show", async () => {
  const server = await ResumeServer.listen();
  server.client({ auth: (done) => done({ token: "t" }) });
  expect(await server.asked()).toEqual({ token: "t", holdfast: { resume: { credit: 1000, positions: {} } } });
});

it("removes the last argument before anybody sees the event", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const seen: unknown[] = [];
  socket.onAny((...event) => seen.push(event));
  await server.asked();
  server.say("before the answer", "text", offset(1));
  server.accept();
  server.say("stored", { a: 1 }, offset(2));
  server.say("not stored", "text", "");
  server.connection.say('427["asked","text"]');
  server.say("taken", "");
  await next(socket, "taken");
  expect(seen.map((event) => (event as unknown[]).filter((item) => typeof item !== "function"))).toEqual([
    ["before the answer", "text"],
    ["stored", { a: 1 }],
    ["not stored", "text"],
    ["asked", "text"],
    ["taken"],
  ]);
});

it("leaves events alone where resume is refused, and tells why", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const error = next(socket.recovery, "error");
  await server.asked();
  server.accept({ error: { code: "PROTOCOL_INVALID", message: "too many" } });
  expect((await error)[0]).toMatchObject({ code: "PROTOCOL_INVALID", message: "too many" });
  const event = next(socket, "event");
  server.say("event", "text", 1);
  expect(await event).toEqual(["text", 1]);
});

it("stands where it joined until it has handled a stored event, whatever room that was of", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", offset(5));
  server.say("x", offset(6));
  server.joined("b", offset(100));
  server.say("x", "");
  await server.taken(socket);
  expect(await server.positions()).toEqual({
    a: [offset(6), "grant of a"],
    b: [offset(100), "grant of b"],
  });
  server.accept();
  server.joined("a", offset(40));
  server.joined("b", offset(120));
  server.say("x", offset(121));
  await server.taken(socket);
  expect(await server.positions()).toEqual({
    a: [offset(121), "grant of a"],
    b: [offset(121), "grant of b"],
  });
});

it("stays where it left a room", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", offset(5));
  server.joined("b", offset(5));
  server.say("x", offset(7));
  server.say("left", "a", offset(8), 1);
  server.say("x", offset(9));
  await server.taken(socket);
  expect(await server.positions()).toEqual({
    a: [offset(8), "grant of a"],
    b: [offset(9), "grant of b"],
  });
});

it("orders offsets by length first", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", "markz");
  server.say("replay", 1, ["a"], 1);
  server.say("x", "mark10");
  await server.taken(socket);
  expect(await server.positions()).toEqual({ a: ["mark10", "grant of a"] });
});

it("gets a replay: its rooms stand at its events, the others where they were, and it pays for them", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client({ resume: { credit: 4 } });
  const told: unknown[] = [];
  for (const name of ["progress", "gap", "replayed"] as const) {
    socket.recovery.on(name, (details: object) => told.push([name, structuredClone(details)]));
  }
  const heard: unknown[] = [];
  socket.on("x", (n) => heard.push(n));
  expect((await server.grant()).credit).toBe(4);
  server.joined("live", offset(100));
  server.say("x", 0, offset(101));
  server.joined("old", offset(10));
  server.joined("older", offset(20));
  server.say("replay", 1, ["old", "older"], 1);
  await server.taken(socket);
  expect(socket.recovery.replaying).toMatchObject({ rooms: ["old", "older"], events: 1 });
  server.say("x", 1, offset(11));
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",2]');
  server.say("x", 2, offset(30));
  await server.taken(socket);
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",2]');
  expect(Object.fromEntries(await shownNow(server))).toEqual({
    live: [offset(101), "grant of live"],
    old: [offset(30), "grant of old"],
    older: [offset(30), "grant of older"],
  });
  expect(heard).toEqual([0, 1, 2]);
  expect(told.map((entry) => (entry as unknown[])[0])).toEqual(["progress", "progress"]);
});

/** The positions that it shows at its next connection. */
async function shownNow(server: ResumeServer): Promise<[string, unknown][]> {
  return Object.entries((await server.positions()) ?? {});
}

it("tells the gaps of a replay, and stands where it ended", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const gap = next(socket.recovery, "gap");
  const replayed = next(socket.recovery, "replayed");
  const progress = next(socket.recovery, "progress");
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", offset(1));
  server.say("replay", 1, ["a"], 1);
  server.say("x", offset(8));
  const told = { room: "a", from: offset(1), to: offset(7), reason: "trimmed" };
  server.say("replayed", 1, 1, [["a", offset(20)]], [told], 1);
  expect((await progress)[0]).toMatchObject({ rooms: ["a"], events: 1 });
  expect(await gap).toEqual([told]);
  expect(await replayed).toEqual([{ rooms: ["a"], events: 1, at: offset(8), gaps: 1 }]);
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",1]');
  expect(socket.recovery.replaying).toBeUndefined();
  expect(await server.positions()).toEqual({ a: [offset(20), "grant of a"] });
  server.accept();
  server.joined("a", offset(20));
  server.say("x", offset(21));
  await server.taken(socket);
  expect(await server.positions()).toEqual({ a: [offset(21), "grant of a"] });
});

it("pays what it owes when the server sends less ahead than it was asked for", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client({ resume: { credit: 100_000 } });
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", offset(1));
  server.say("replay", 1, ["a"], 1);
  server.say("x", offset(2));
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",1]');
});

it("forgets positions that are refused", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const refused = next(socket.recovery, "refused");
  await server.grant();
  server.joined("a", offset(1));
  server.joined("b", offset(1));
  await server.taken(socket);
  await server.positions();
  server.accept({ key: "K2", refused: { a: "POSITION_FORGED" } });
  expect(await refused).toEqual([{ room: "a", code: "POSITION_FORGED" }]);
  const { holdfast } = await server.again();
  expect(holdfast!.resume).toEqual({ key: "K2", credit: 1000, positions: { b: [offset(1), "grant of b"] } });
});

it("shows at most 1,000 positions, those of the rooms joined last", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.grant();
  for (let n = 0; n < 1002; n++) server.joined(`room ${n}`, offset(n + 1));
  server.say("left", "room 0", offset(1003), 1);
  server.joined("room 0", offset(1004));
  await server.taken(socket);
  const rooms = Object.keys((await server.positions())!);
  expect(rooms).toHaveLength(1000);
  expect(rooms).not.toContain("room 1");
  expect(rooms).toContain("room 0");
});

it("is its own server's guest again in every namespace", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client({}, "/chat");
  server.connection = await server.fake.connections.next();
  expect(await server.connection.packets.next()).toBe(
    '40/chat,{"holdfast":{"resume":{"credit":1000,"positions":{}}}}',
  );
  server.connection.say('40/chat,{"sid":"id","holdfast":{"resume":{"key":"K","refused":{}}}}');
  const event = next(socket, "event");
  server.connection.say(`42/chat,["event",1,"${offset(1)}"]`);
  expect(await event).toEqual([1]);
});

it("connects once however often the connection is lost while it asks a slow storage", async () => {
  const server = await ResumeServer.listen();
  let answer!: (text: null) => void;
  const storage = { getItem: () => new Promise<null>((resolve) => (answer = resolve)), setItem() {} };
  const socket = server.client({ resume: { storage } });
  (await server.fake.connections.next()).drop();
  const second = await server.fake.connections.next();
  answer(null);
  expect(await second.packets.next()).toMatch(/^40\{"holdfast"/);
  second.say('40{"sid":"id"}');
  await next(socket, "connect");
  socket.emit("first");
  expect(await second.packets.next()).toBe('42["first"]');
});

it("the option works with a manager of one's own, and twice on one page", async () => {
  const server = await ResumeServer.listen();
  const one = io(server.fake.url, { resume: true, forceNew: true, transports: ["websocket"] });
  await server.grant();
  await next(one, "connect");
  one.disconnect();
  const two = io(server.fake.url, { resume: true, forceNew: true, transports: ["websocket"] });
  // memory is the socket's own
  expect(await server.grant()).toEqual({ credit: 1000, positions: {} });
  two.disconnect();
});

it("stands in the replay that goes on behind a gap, whatever it has heard in other rooms", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  socket.on("chat", () => {});
  await server.grant();
  server.joined("live", offset(40));
  server.say("chat", 1, offset(50));
  server.joined("past", offset(1));
  server.say("replay", 1, ["past"], 1);
  const gap = { room: "past", from: offset(1), to: offset(9), reason: "trimmed" };
  server.say("replayed", 1, 0, [["past", offset(9)]], [gap], 1);
  server.joined("past", offset(9));
  server.say("replay", 2, ["past"], 1);
  server.say("chat", 2, offset(10));
  await server.taken(socket);
  expect(await server.positions()).toEqual({
    live: [offset(50), "grant of live"],
    past: [offset(10), "grant of past"],
  });
});
