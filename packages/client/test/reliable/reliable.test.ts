import { expect, test } from "vitest";
import { FakeServer, next, refusal } from "./fake-server.ts";

test("a client asks with its key, sends with sequence and lowest, and resolves with the reply", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const first = socket.reliable.emit("say", "hello");
  const connection = await server.connections.next();
  const { key, again } = await connection.grant();
  expect(key).toMatch(/^[\w-]{22,128}$/);
  expect(again).toBe(0);
  const sent = await connection.sent();
  expect(sent).toMatchObject({ sequence: 1, low: 1, again: 0, event: ["say", "hello"] });
  connection.answer(sent, 0, { id: 7 });
  expect(await first).toEqual({ id: 7 });
  const second = socket.reliable.emit("say", new Date(0), [undefined, { gone: undefined }]);
  const later = await connection.sent();
  expect(later).toMatchObject({
    sequence: 2,
    low: 2,
    event: ["say", "1970-01-01T00:00:00.000Z", [null, {}]],
  });
  connection.answer(later, 0);
  expect(await second).toBeUndefined();
});

test("entries are pipelined up to the server's window, in order", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const replies = Promise.all([1, 2, 3, 4, 5].map((n) => socket.reliable.emit("n", n)));
  const connection = await server.connections.next();
  await connection.grant(0, 2);
  const [one, two] = [await connection.sent(), await connection.sent()];
  expect([one.sequence, two.sequence]).toEqual([1, 2]);
  connection.say("2"); // a heartbeat: its answer would come behind a third entry
  connection.answer(two, 0, "b");
  const three = await connection.sent();
  // the first has no outcome yet
  expect(three).toMatchObject({ sequence: 3, low: 1, event: ["n", 3] });
  connection.answer(one, 0, "a");
  connection.answer(three, 0, "c");
  for (const reply of ["d", "e"]) connection.answer(await connection.sent(), 0, reply);
  expect(await replies).toEqual(["a", "b", "c", "d", "e"]);
});

test("after a lost connection all entries without outcome are sent again, in order", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const replies = Promise.all(["a", "b", "c"].map((text) => socket.reliable.emit("say", text)));
  const first = await server.connections.next();
  const { key } = await first.grant();
  const a = await first.sent();
  await first.sent();
  await first.sent();
  first.answer(a, 0, 1);
  await next(socket.outbox, "settled");
  first.drop();
  const second = await server.connections.next();
  expect(await second.grant(1)).toEqual({ key, again: 1 });
  const [b, c] = [await second.sent(), await second.sent()];
  expect(b).toMatchObject({ sequence: 2, low: 2, again: 1, event: ["say", "b"] });
  expect(c).toMatchObject({ sequence: 3, low: 2, again: 1, event: ["say", "c"] });
  second.answer(b, 0, 2);
  second.answer(c, 0, 3);
  expect(await replies).toEqual([1, 2, 3]);
});

test("what was written while offline is sent for the first time later", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false });
  const told: unknown[] = [];
  socket.outbox.on("state", (state) => told.push(state));
  socket.outbox.on("size", (size) => told.push(size));
  const reply = socket.reliable.emit("say", "hello");
  await next(socket.outbox, "added");
  expect(await socket.outbox.list()).toMatchObject([{ id: 1, event: "say", args: ["hello"], sent: false }]);
  expect(socket.outbox).toMatchObject({ size: 1, state: "waiting" });
  socket.connect();
  const connection = await server.connections.next();
  expect(await connection.grant()).toMatchObject({ again: 0 });
  const sent = await connection.sent();
  expect(sent.again).toBe(0);
  expect(await socket.outbox.list()).toMatchObject([{ id: 1, sent: true }]);
  connection.answer(sent, 0, "there");
  expect(await reply).toBe("there");
  expect(await socket.outbox.list()).toEqual([]);
  expect(socket.outbox).toMatchObject({ size: 0, bytes: 0, state: "empty" });
  expect(told).toEqual([1, "waiting", "sending", 0, "empty"]);
});

test("a refusal rejects, with its code and data, and is told through the outbox", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const settled = next(socket.outbox, "settled");
  const reply = socket.reliable.emit("say", "rude");
  const connection = await server.connections.next();
  await connection.grant();
  connection.answer(await connection.sent(), 1, { code: "RUDE", message: "Be kind", data: [1] });
  await expect(reply).rejects.toMatchObject({
    name: "ReliableError",
    code: "RUDE",
    message: "Be kind",
    data: [1],
  });
  expect(await settled).toMatchObject([{ id: 1, event: "say", args: ["rude"], error: { code: "RUDE" } }]);
});

test("what the server can't take now is sent again later, and everything behind it", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const replies = Promise.all([1, 2, 3].map((n) => socket.reliable.emit("n", n)));
  const connection = await server.connections.next();
  await connection.grant();
  const [one, two, three] = [await connection.sent(), await connection.sent(), await connection.sent()];
  connection.answer(one, 0, "a");
  // crosses the answers
  const fourth = socket.reliable.emit("n", 4);
  const four = await connection.sent();
  for (const entry of [two, three, four]) connection.answer(entry, 2, 5, { code: "LATER", message: "busy" });
  const again = [await connection.sent(), await connection.sent(), await connection.sent()];
  expect(again.map(({ sequence, low, again }) => [sequence, low, again])).toEqual([
    [2, 2, 1],
    [3, 2, 1],
    [4, 2, 1],
  ]);
  for (const [i, entry] of again.entries()) connection.answer(entry, 0, "bcd"[i]);
  expect(await replies).toEqual(["a", "b", "c"]);
  expect(await fourth).toBe("d");
});

test("a signal gives up what was not sent, and nothing else", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false });
  const [early, late, done] = [new AbortController(), new AbortController(), AbortSignal.abort("over")];
  const given = socket.reliable.with({ signal: early.signal }).emit("say", 1);
  const kept = socket.reliable.with({ signal: late.signal }).emit("say", 2);
  await next(socket.outbox, "added");
  expect(await refusal(socket.reliable.with({ signal: done }).emit("say", 3))).toBe("over");
  const removed = next(socket.outbox, "removed");
  early.abort(new Error("changed my mind"));
  expect(await refusal(given)).toBe("changed my mind");
  expect(await removed).toMatchObject([{ id: 1 }]);
  socket.connect();
  const connection = await server.connections.next();
  await connection.grant();
  const sent = await connection.sent();
  expect(sent).toMatchObject({ sequence: 2, low: 2 });
  late.abort();
  connection.answer(sent, 0, "done");
  expect(await kept).toBe("done");
});

test("a signal that comes in the same turn stores nothing", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false });
  const controller = new AbortController();
  const given = socket.reliable.with({ signal: controller.signal }).emit("say", 1);
  controller.abort("no");
  expect(await refusal(given)).toBe("no");
  expect(await socket.outbox.list()).toEqual([]);
});

test("an outbox that is full says so", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false, outboxMax: 2, outboxBytesMax: 1000 });
  const [a, b] = [socket.reliable.emit("a"), socket.reliable.emit("b")];
  expect(await refusal(socket.reliable.emit("c"))).toBe("OUTBOX_FULL");
  await socket.outbox.clear();
  expect([await refusal(a), await refusal(b)]).toEqual(["NOT_SENT", "NOT_SENT"]);
  expect(await refusal(socket.reliable.emit("d", new Uint8Array(1001)))).toBe("OUTBOX_FULL");
  expect(socket.outbox.size).toBe(0);
});

test("data that would not arrive is refused at once", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false });
  const circle: unknown[] = [];
  circle.push({ circle });
  const files = Array.from({ length: 11 }, () => new Uint8Array(1));
  for (const data of [() => {}, { deep: [Symbol("s")] }, 1n, circle, new Blob([]), files]) {
    expect(await refusal(socket.reliable.emit("say", data))).toBe("DATA_INVALID");
  }
});

test("what a server would close the connection for, again and again, does not get into the outbox", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ autoConnect: false });
  for (const event of ["connect", "disconnecting", "holdfast:emit", 5 as unknown as string]) {
    expect(await refusal(socket.reliable.emit(event))).toBe("DATA_INVALID");
  }
  expect(await refusal(socket.reliable.emit("say", ...Array(10_000).fill(1)))).toBe("DATA_INVALID");
  expect(await socket.outbox.list()).toEqual([]);
});

test("bytes go out as they were when they were emitted", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const reply = socket.reliable.emit("file", bytes.subarray(1, 3), bytes.buffer);
  bytes.fill(0);
  const connection = await server.connections.next();
  await connection.grant();
  expect(await connection.packets.next()).toBe(
    '452-0["holdfast:emit",1,1,0,"file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
  );
  expect(await connection.packets.next()).toBe("bAgM=");
  expect(await connection.packets.next()).toBe("bAQIDBA==");
  connection.answer({ ack: 0 }, 0);
  await reply;
});

test("what the server would close the connection for is not sent", async () => {
  const server = await FakeServer.listen({ holdfast: 1, maxPayload: 10_000 });
  const socket = server.client();
  const tooLong = socket.reliable.emit("say", "€".repeat(3300));
  const tooManyBytes = socket.reliable.emit("say", new Uint8Array(10_001));
  const fits = socket.reliable.emit("say", "x".repeat(9000), new Uint8Array(10_000));
  const connection = await server.connections.next();
  await connection.grant();
  expect(await refusal(tooLong)).toBe("EVENT_TOO_LARGE");
  expect(await refusal(tooManyBytes)).toBe("EVENT_TOO_LARGE");
  expect(await connection.packets.next()).toMatch(/^451-0/);
  connection.answer({ ack: 0 }, 0, "ok");
  expect(await fits).toBe("ok");
});

test("bytes count as base64 where a connection may begin by polling", async () => {
  const server = await FakeServer.listen({ holdfast: 1, maxPayload: 10_000 });
  const socket = server.client({ transports: ["websocket", "polling"] });
  const tooManyBytes = socket.reliable.emit("file", new Uint8Array(9_000));
  const fits = socket.reliable.emit("file", new Uint8Array(7_000));
  const connection = await server.connections.next();
  await connection.grant();
  expect(await refusal(tooManyBytes)).toBe("EVENT_TOO_LARGE");
  expect(await connection.packets.next()).toMatch(/^451-0/);
  connection.answer({ ack: 0 }, 0, "ok");
  expect(await fits).toBe("ok");
});

test("what was sent can't be removed, but forgotten", async () => {
  const server = await FakeServer.listen();
  const socket = server.client();
  const reply = socket.reliable.emit("say", 1);
  const connection = await server.connections.next();
  await connection.grant();
  await connection.sent();
  expect(await socket.outbox.remove(1)).toBe(false);
  expect(await socket.outbox.remove(2)).toBe(false);
  await socket.outbox.clear();
  expect(socket.outbox.size).toBe(1);
  await socket.outbox.clear({ sent: true });
  expect(await refusal(reply)).toBe("OUTCOME_UNKNOWN");
  expect(await socket.outbox.list()).toEqual([]);
});

test("the application's auth, retries and acknowledgement time-outs stay its own", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ auth: { token: "t" }, retries: 3, ackTimeout: 1 });
  const reply = socket.reliable.emit("say", 1);
  const connection = await server.connections.next();
  expect(await connection.connect()).toMatchObject({ token: "t", holdfast: { reliable: { again: 0 } } });
  connection.accept({ through: 0, window: 10 });
  const sent = await connection.sent();
  // an answer to this comes behind the time-out
  await refusal(socket.timeout(2).emitWithAck("plain"));
  connection.answer(sent, 0, "slow");
  expect(await reply).toBe("slow");
});
