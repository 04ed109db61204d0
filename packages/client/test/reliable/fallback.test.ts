import { expect, onTestFinished, test, vi } from "vitest";
import { FakeServer, next, refusal } from "./fake-server.ts";

test.each([
  ["without the mark", { holdfast: undefined, maxPayload: 1000 }],
  ["that does not speak of it", { holdfast: 1, maxPayload: 1000 }],
])("a server %s gets plain events, and the outbox says so once", async (_, handshake) => {
  const server = await FakeServer.listen(handshake);
  const socket = server.client();
  const errors: string[] = [];
  socket.outbox.on("error", ({ code }) => errors.push(code));
  const reply = socket.reliable.emit("say", "hello");
  const first = await server.connections.next();
  const { holdfast } = await first.connect();
  expect(holdfast === undefined).toBe(handshake.holdfast === undefined);
  first.accept();
  const sent = await first.event();
  expect(sent.event).toEqual(["say", "hello"]);
  first.answer(sent, "there", "ignored");
  expect(await reply).toBe("there");
  first.drop();
  const second = await server.connections.next();
  await second.connect();
  second.accept();
  await next(socket, "connect");
  expect(errors).toEqual(["NOT_RELIABLE"]);
});

test("what such a server may have seen is never sent twice", async () => {
  const server = await FakeServer.listen({ maxPayload: 1000 });
  const socket = server.client();
  const lost = socket.reliable.emit("say", 1);
  const first = await server.connections.next();
  await first.connect();
  first.accept();
  await first.event();
  first.drop();
  expect(await refusal(lost)).toBe("OUTCOME_UNKNOWN");
  const second = await server.connections.next();
  await second.connect();
  const reply = socket.reliable.emit("say", 2);
  second.accept();
  const sent = await second.event();
  expect(sent.event).toEqual(["say", 2]);
  second.answer(sent, "ok");
  expect(await reply).toBe("ok");
});

test("an outbox that comes late falls back at once", async () => {
  const server = await FakeServer.listen({ maxPayload: 1000 });
  const socket = server.client();
  const connection = await server.connections.next();
  await connection.connect();
  connection.accept();
  await next(socket, "connect");
  const reply = socket.reliable.emit("say", 1);
  connection.answer(await connection.event(), "ok");
  expect(await reply).toBe("ok");
});

const FOREIGN = { error: { code: "KEY_FOREIGN", message: "another user" } };

test("a key that belongs to another user sends nothing, and takes nothing more", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: "memory" });
  const granted = await server.connections.next();
  await granted.grant();
  granted.drop();
  const held = socket.reliable.emit("say", "mine");
  const error = next(socket.outbox, "error");
  const refused = await server.connections.next();
  await refused.connect();
  refused.accept(FOREIGN);
  expect(await error).toMatchObject([{ code: "KEY_FOREIGN" }]);
  expect(socket.outbox.state).toBe("refused");
  expect(await refusal(socket.reliable.emit("say", "hers"))).toBe("KEY_FOREIGN");
  refused.say("2");
  refused.drop();
  // the owner is back
  const last = await server.connections.next();
  await last.grant();
  const sent = await last.sent();
  expect(sent.event).toEqual(["say", "mine"]);
  last.answer(sent, 0, "ok");
  expect(await held).toBe("ok");
  expect(refused.packets.length).toBe(0);
});

test("what was emitted before an outbox turned out to be another user's is not sent as hers", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const reply = refusal(socket.reliable.emit("say", "not hers"));
  const connection = await server.connections.next();
  await connection.connect();
  connection.accept(FOREIGN);
  expect(await reply).toBe("KEY_FOREIGN");
  expect(await socket.outbox.list()).toEqual([]);
});

test("a server that has no room for another client is asked again, if something waits", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const server = await FakeServer.listen();
  const socket = server.client();
  const error = next(socket.outbox, "error");
  const first = await server.connections.next();
  await first.connect();
  first.accept({ error: { code: "TOO_MANY_KEYS", message: "later" } });
  expect(await error).toMatchObject([{ code: "TOO_MANY_KEYS" }]);
  vi.advanceTimersByTime(40_000);
  const reply = socket.reliable.emit("say", 1);
  await next(socket.outbox, "added");
  expect(socket.outbox.state).toBe("refused");
  vi.advanceTimersByTime(20_000);
  const second = await server.connections.next();
  await second.grant();
  second.answer(await second.sent(), 0, "ok");
  expect(await reply).toBe("ok");
});

test("what is on its way into storage as the user changes stays there, and its emitter is told", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ user: "ann", autoConnect: false });
  for (let turns = 0; turns < 20; turns++) {
    const reply = refusal(socket.reliable.emit("say", turns));
    for (let i = 0; i < turns; i++) await undefined;
    socket.outbox.use("bob");
    expect(await reply).toBe("USER_CHANGED");
    socket.outbox.use("ann");
  }
  expect(await socket.outbox.list()).toHaveLength(20);
});

test("each user has an outbox and a key apart", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ user: "ann" });
  const anns = socket.reliable.emit("say", "ann's");
  const first = await server.connections.next();
  const { key } = await first.grant();
  await first.sent();
  socket.outbox.use("bob");
  expect(await refusal(anns)).toBe("USER_CHANGED");
  const second = await server.connections.next();
  const bobs = socket.reliable.emit("say", "bob's");
  const bob = await second.grant();
  expect(bob.key).not.toBe(key);
  expect(bob.again).toBe(0);
  const sent = await second.sent();
  expect(sent).toMatchObject({ sequence: 1, again: 0, event: ["say", "bob's"] });
  second.answer(sent, 0, "b");
  expect(await bobs).toBe("b");
  socket.outbox.use("ann");
  const settled = next(socket.outbox, "settled");
  const third = await server.connections.next();
  expect(await third.grant()).toEqual({ key, again: 1 });
  third.answer(await third.sent(), 0, "a");
  expect(await settled).toMatchObject([{ event: "say", args: ["ann's"], reply: "a" }]);
});

test("a user who changes between CONNECT and its answer is asked for anew", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ user: "ann" });
  void socket.outbox;
  const first = await server.connections.next();
  const { holdfast } = await first.connect();
  socket.outbox.use("bob");
  first.accept({ through: 0, window: 10 });
  const second = await server.connections.next();
  expect((await second.grant()).key).not.toBe(holdfast!.reliable!.key);
});

test("each namespace has an outbox apart", async () => {
  const server = await FakeServer.listen();
  const [one, two] = [server.client(), server.client({}, "/two")];
  const entries = Promise.all([
    refusal(one.reliable.emit("a")),
    refusal(two.reliable.emit("b")),
    next(one.outbox, "added"),
    next(two.outbox, "added"),
  ]);
  await Promise.all([next(one.outbox, "size"), next(two.outbox, "size")]);
  expect(await one.outbox.list()).toMatchObject([{ event: "a" }]);
  expect(await two.outbox.list()).toMatchObject([{ event: "b" }]);
  await Promise.all([one.outbox.clear(), two.outbox.clear()]);
  await entries;
});
