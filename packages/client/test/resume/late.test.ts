import { afterEach, expect, it, vi } from "vitest";
import { next } from "../reliable/fake-server.ts";
import { type Asked, ResumeServer, TestStorage } from "./scripted.ts";

const offset = (n: number) => `mark${n.toString(36)}`;

afterEach(() => {
  vi.useRealTimers();
});

it("keeps stored events for a listener that is registered behind an await, in order", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const heard: unknown[] = [];
  const isDone = new Promise<void>((resolve) => {
    socket.on("connect", async () => {
      await next(socket, "ready");
      socket.on("chat", (n) => {
        heard.push(n);
        if (n === 3) resolve();
      });
    });
  });
  await server.grant();
  server.joined("a", offset(1));
  server.say("chat", 1, offset(2));
  server.say("chat", 2, offset(3));
  server.say("ready", "");
  server.say("chat", 3, offset(4));
  await isDone;
  expect(heard).toEqual([1, 2, 3]);
  await server.taken(socket);
  expect(await server.positions()).toEqual({ a: [offset(4), "grant of a"] });
});

it("keeps those that came before the answer to CONNECT too", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.asked();
  server.say("chat", 1, offset(2));
  server.accept();
  await server.taken(socket);
  const heard = next(socket, "chat");
  expect(await heard).toEqual([1]);
});

it("keeps no position behind what waits, whatever is heard, joined and replayed meanwhile", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const socket = server.client({ resume: { storage } });
  const heard: unknown[] = [];
  socket.on("heard", (n) => heard.push(n));
  await server.grant();
  server.joined("a", offset(1));
  server.say("chat", 1, offset(2));
  server.say("heard", 2, offset(3));
  server.joined("b", offset(1));
  server.say("replay", 1, ["b"], 1);
  server.say("heard", 3, offset(2));
  server.say("replayed", 1, 1, [["b", offset(3)]], [], 1);
  await server.taken(socket);
  expect(heard).toEqual([2, 3]);
  const before = { a: [offset(1), "grant of a"], b: [offset(1), "grant of b"] };
  // the same client still has it, and what it has handled is not to come again
  const after = { a: [offset(3), "grant of a"], b: [offset(3), "grant of b"] };
  expect(await server.positions()).toEqual(after);
  expect(storage.kept[1]).toEqual(before);
  server.accept();
  server.joined("a", offset(3));
  const chat = new Promise((resolve) => socket.on("chat", resolve));
  expect(await chat).toBe(1);
  server.connection.drop();
  await server.asked();
  expect(storage.kept[1]).toEqual(after);
});

it("gives what waits at once when the server that is there now does not speak resume", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.grant();
  server.say("chat", 1, offset(2));
  await server.taken(socket);
  await server.again();
  const any = new Promise((resolve) => socket.prependAny((...args) => resolve(args)));
  server.connection.say('40{"sid":"id"}');
  expect(await any).toEqual(["chat", 1]);
});

it("goes on with what waits when the session is recovered", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.asked();
  server.accept({ key: "K", refused: {} }, { pid: "P" });
  server.joined("a", offset(1));
  server.say("chat", 1, "text", offset(2));
  await server.taken(socket);
  expect(await server.again()).toMatchObject({ pid: "P", offset: offset(2) });
  server.accept({ key: "K", refused: {} }, { pid: "P" });
  server.joined("a", offset(9), "another grant");
  await server.taken(socket);
  expect(await next(socket, "chat")).toEqual([1, "text"]);
  await server.taken(socket);
  expect(await server.positions()).toEqual({ a: [offset(2), "grant of a"] });
});

it("does not keep what has no place in a room, nor what any listener hears", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const any: unknown[] = [];
  await server.grant();
  server.say("direct", "");
  await server.taken(socket);
  socket.on("direct", () => any.push("late"));
  socket.onAny((name) => any.push(name));
  server.say("stored", offset(1));
  await server.taken(socket);
  expect(any).toEqual(["stored", "taken"]);
});

it("gives what waits to whoever is there ten seconds after it connected", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.grant();
  server.joined("a", offset(1));
  server.say("chat", 1, offset(2));
  await server.taken(socket);
  vi.advanceTimersByTime(10_000);
  server.say("chat", 2, offset(3));
  await server.taken(socket);
  const heard: unknown[] = [];
  socket.on("chat", (n) => heard.push(n));
  await server.taken(socket);
  expect(heard).toEqual([]);
  vi.useRealTimers();
  server.connection.drop();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  socket.disconnect().connect();
  expect((await server.asked()).holdfast!.resume.positions).toEqual({ a: [offset(3), "grant of a"] });
});

it("keeps no more than 1,000", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.grant();
  server.joined("a", offset(1));
  for (let n = 0; n <= 1000; n++) server.say("chat", n, offset(n + 2));
  await server.taken(socket);
  await server.taken(socket);
  expect(await server.positions()).toEqual({ a: [offset(1002), "grant of a"] });
});

it("goes on with the next event when a listener throws", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  await server.grant();
  server.say("chat", 1, offset(2));
  server.say("chat", 2, offset(3));
  await server.taken(socket);
  const uncaught = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
  const second = new Promise((resolve) => {
    socket.on("chat", (n) => {
      if (n === 1) throw new Error("mine");
      resolve(n);
    });
  });
  expect(await thrown).toMatchObject({ message: "mine" });
  expect(await second).toBe(2);
  for (const listener of uncaught) process.on("uncaughtException", listener);
});

it("drops what an old connection brought too late: it is behind the positions that are shown", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const heard: unknown[] = [];
  socket.on("chat", (n) => heard.push(n));
  await server.grant();
  server.joined("a", offset(1));
  await server.taken(socket);
  // decoded, and handed on behind the end of the connection
  socket.once("disconnect", () => {
    socket.receiveBuffer.push(["chat", 1, offset(2)]);
  });
  expect(await server.positions()).toEqual({ a: [offset(1), "grant of a"] });
  server.accept();
  server.say("chat", 1, offset(2));
  await server.taken(socket);
  expect(heard).toEqual([1]);
});

it("drops what an old session left on its way, but nothing that may be of the new one", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client();
  const heard: unknown[] = [];
  socket.onAny((...event) => heard.push(event.slice(0, 2)));
  await server.grant();
  server.joined("a", offset(1));
  // keeps the connection
  socket.io.socket("/other");
  expect(await server.connection.packets.next()).toBe("40/other,");
  server.connection.say('40/other,{"sid":"other"}');
  await server.taken(socket);
  socket.disconnect();
  socket.connect();
  expect(await server.connection.packets.next()).toBe("41");
  const { holdfast } = (await server.connection.connect()) as { holdfast: { resume: Asked } };
  expect(holdfast.resume.positions).toEqual({ a: [offset(1), "grant of a"] });
  server.say("chat", 1, offset(2));
  server.say("left", "a", offset(2), 1);
  server.say("early", 2, "");
  server.connection.say('427["asked",3]');
  server.accept();
  server.joined("a", offset(1));
  server.say("replay", 1, ["a"], 1);
  server.say("chat", 1, offset(2));
  server.say("replayed", 1, 1, [["a", offset(2)]], [], 1);
  await server.taken(socket);
  expect(heard).toEqual([["taken"], ["early", 2], ["asked", 3], ["chat", 1], ["taken"]]);
  expect([...socket.recovery.positions!.keys()]).toEqual(["a"]);
});

it("pays for what waited, and keeps where it stands then, without another event", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const socket = server.client({ resume: { storage, credit: 10 } });
  await server.grant();
  server.joined("a", offset(1));
  server.say("replay", 1, ["a"], 1);
  server.say("chat", 1, offset(2));
  server.say("chat", 2, offset(3));
  // the position before them is written
  await vi.waitUntil(() => storage.writes === 1);
  socket.on("chat", () => {});
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",2]');
  await vi.waitUntil(() => storage.writes === 2);
  expect(storage.kept).toEqual(["K", { a: [offset(3), "grant of a"] }]);
});

it("tells no progress of a replay that is over when what waited of it is given", async () => {
  const server = await ResumeServer.listen();
  const socket = server.client({ resume: { credit: 2 } });
  const progress: unknown[] = [];
  socket.recovery.on("progress", (replay) => progress.push(replay));
  await server.grant();
  server.joined("a", offset(1));
  server.say("replay", 1, ["a"], 1);
  server.say("chat", 1, offset(2));
  server.say("replayed", 1, 1, [["a", offset(2)]], [], 1);
  await server.taken(socket);
  expect(await next(socket, "chat")).toEqual([1]);
  expect(await server.connection.packets.next()).toBe('42["holdfast:credit",1]');
  expect(progress).toEqual([]);
});
