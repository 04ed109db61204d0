import type { Socket } from "holdfast";
import { expect, it } from "vitest";
import { cut, guest, resuming, stage, until, watch } from "./support.ts";

it("keeps data that nobody looks at through any number of resumptions", async () => {
  let server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  server.sockets[0]!.data = { name: "Ada" };
  for (let i = 0; i < 3; i++) {
    server.io.engine.close();
    await until(() => server.io.sockets.sockets.size === 0);
    await until(() => !ada.socket.connected);
    server = await server.killed();
    await ada.connected();
    expect(ada.socket.recovered).toBe(true);
  }
  expect(server.sockets[0]!.data).toEqual({ name: "Ada" });
});

it("keeps what middleware does to the rooms of a resumed session", async () => {
  const options = { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } };
  let server = await stage(options);
  const ada = guest(server.port);
  await ada.connected();
  await server.sockets[0]!.join(["old", "both"]);
  server.io.to("old").emit("first");
  await ada.count(1);
  server = await server.killed();
  server.io.use((socket, next) => {
    void socket.join("new");
    void socket.leave("old");
    next();
  });
  server.io.to("old").emit("missed");
  await ada.count(2);
  await ada.connected();
  server.io.to("new").emit("second");
  await ada.count(3);
  server = await server.killed();
  await until(() => server.sockets.length === 1);
  await ada.connected();
  expect(ada.socket.recovered).toBe(true);
  expect([...server.sockets[0]!.rooms].sort()).toEqual([ada.socket.id, "both", "new"].sort());
});

it("leaves the session of a client that middleware refused for its next try", async () => {
  const server = await stage({
    connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false },
  });
  let isOpen = true;
  server.io.use((_, next) => next(isOpen ? undefined : new Error("not now")));
  const ada = guest(server.port);
  await ada.connected();
  await server.sockets[0]!.join("chat");
  const { session } = ada;
  cut(ada);
  await until(() => server.io.sockets.sockets.size === 0);
  isOpen = false;
  const refused = resuming(server.port, session);
  await new Promise((resolve) => refused.socket.once("connect_error", resolve));
  isOpen = true;
  server.io.to("chat").emit("missed");
  const again = resuming(server.port, session);
  await again.connected();
  expect(again.socket.recovered).toBe(true);
  expect(await again.count(1)).toEqual([["missed"]]);
});

it("gives a session to the later of two who resume it, also when the first is stuck in middleware", async () => {
  const server = await stage({
    connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false },
  });
  let stuck = 0;
  let isStuck = false;
  server.io.use((_, next) => {
    if (isStuck) stuck++;
    else next();
  });
  const ada = guest(server.port);
  await ada.connected();
  const { session } = ada;
  await server.sockets[0]!.join("chat");
  cut(ada);
  isStuck = true;
  resuming(server.port, session, { reconnection: false });
  await until(() => stuck === 1);
  isStuck = false;
  const again = resuming(server.port, session);
  await again.connected();
  expect(again.socket.recovered).toBe(true);
  expect([...server.sockets.at(-1)!.rooms]).toContain("chat");
  server.io.to("chat").emit("live");
  await again.count(1);
});

it("gives a session to one of many who resume it at once", async () => {
  const server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const { session } = ada;
  await server.sockets[0]!.join("chat");
  cut(ada);
  const rivals = Array.from({ length: 10 }, () => resuming(server.port, session, { reconnection: false }));
  // each is either in, with a session of this or another id, or was sent away
  await until(() => rivals.every(({ socket }) => socket.connected || socket.io._readyState === "closed"));
  expect(server.io.sockets.sockets.has(session._pid.split(".")[0]!)).toBe(true);
  expect(server.io.sockets.adapter.rooms.get("chat")?.size).toBe(1);
  server.io.to("chat").emit("once");
  await until(() => rivals.some(({ got }) => got.length > 0));
  expect(rivals.filter(({ got }) => got.length > 0)).toHaveLength(1);
});

it("resumes a session that began under the offset of another server", async () => {
  let server = await stage();
  const ada = guest(server.port, { autoConnect: false });
  Object.assign(ada.socket, { _lastOffset: "from-elsewhere" });
  ada.socket.connect();
  await ada.connected();
  server = await server.killed();
  server.io.emit("missed", 1);
  await ada.count(1);
  expect(ada.socket.recovered).toBe(true);
});

it.each([["zzzzzzzzzzzzzzz"], ["!"], ["-1"], [""]])(
  "does not resume from an offset with our mark that can't be ours (%s)",
  async (offset) => {
    const server = await stage();
    const ada = guest(server.port);
    await ada.connected();
    server.io.emit("seen");
    await ada.count(1);
    const { _pid, _lastOffset } = ada.session;
    cut(ada);
    const again = resuming(server.port, { _pid, _lastOffset: _lastOffset!.slice(0, 4) + offset });
    await again.connected();
    expect(again.socket.recovered).toBe(false);
    expect(server.sockets.at(-1)!.recovery).toEqual({ recovered: false, reason: "unknown" });
  },
);

it("sends what was issued to a room that was left before the connection broke", async () => {
  let server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const [socket] = server.sockets as [Socket];
  await socket.join("chat");
  server.io.to("chat").emit("seen");
  await ada.count(1);
  // issued, and lost with the connection
  server.disk.hold();
  server.io.to("chat").emit("owed");
  void socket.leave("chat");
  server.io.to("chat").emit("not for it");
  cut(ada);
  server.disk.release();
  await until(() => server.io.sockets.sockets.size === 0);
  await server.io._kept!.settled();
  const { session } = ada;
  server = await server.killed();
  const again = resuming(server.port, session);
  await again.connected();
  expect(again.socket.recovered).toBe(true);
  server.io.emit("last");
  expect(await again.count(2)).toEqual([["owed"], ["last"]]);
  expect([...server.sockets[0]!.rooms]).toEqual([again.socket.id]);
});

it("does not guess at what it owes of a room that was left and joined again", async () => {
  const server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const [socket] = server.sockets as [Socket];
  await socket.join("chat");
  server.disk.hold();
  server.io.to("chat").emit("owed");
  void socket.leave("chat");
  server.io.to("chat").emit("not for it");
  void socket.join("chat");
  cut(ada);
  server.disk.release();
  const again = resuming(server.port, ada.session);
  await again.connected();
  expect(again.socket.recovered).toBe(false);
  expect(server.sockets.at(-1)!.recovery.reason).toBe("rejoined");
});

it("resumes in rooms that were left and joined again when that lies behind the client", async () => {
  const server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const [socket] = server.sockets as [Socket];
  await socket.join("chat");
  server.io.to("chat").emit("one");
  void socket.leave("chat");
  void socket.join("chat");
  server.io.to("chat").emit("two");
  await ada.count(2);
  cut(ada);
  const again = resuming(server.port, ada.session);
  await again.connected();
  expect(again.socket.recovered).toBe(true);
  expect([...server.sockets.at(-1)!.rooms]).toContain("chat");
});

it("resumes in rooms with names too long for a key, and in numbers", async () => {
  let server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const rooms = ["x".repeat(900), "ü".repeat(3_000), 17, "\0everybody"] as string[];
  await server.sockets[0]!.join(rooms);
  await server.io._kept!.settled();
  server = await server.killed();
  for (const room of rooms) server.io.to(room).emit("to", rooms.indexOf(room));
  server.io.to("ü".repeat(2_999)).emit("other");
  server.io.to("17").emit("other");
  expect(await ada.count(4)).toEqual([0, 1, 2, 3].map((i) => ["to", i]));
  await ada.connected();
  expect(ada.socket.recovered).toBe(true);
  expect([...server.sockets[0]!.rooms]).toEqual(expect.arrayContaining(rooms));
  expect(server.reports).toEqual([]);
  server.io.to(rooms).emit("live");
  await ada.count(5);
});

it("does not resume a session in a room that can't be written down, and says so", async () => {
  const server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  void server.sockets[0]!.join({ not: "a name" } as unknown as string);
  expect(server.reports).toMatchObject([{ stage: "recover" }]);
  cut(ada);
  const again = resuming(server.port, ada.session);
  await again.connected();
  expect(server.sockets.at(-1)!.recovery.reason).toBe("storage fault");
});

it("resumes each namespace of a connection by itself", async () => {
  let server = await stage();
  server.io.of("/a");
  const main = guest(server.port);
  const side = watch(main.socket.io.socket("/a", {}));
  await main.connected();
  side.socket.connect();
  await side.connected();
  server.io.emit("in main");
  server.io.of("/a").emit("in a");
  await Promise.all([main.count(1), side.count(1)]);
  const ids = [main.socket.id, side.socket.id];
  server = await server.killed();
  server.io.emit("missed in main");
  server.io.of("/a").emit("missed in a");
  await Promise.all([main.count(2), side.count(2)]);
  await Promise.all([main.connected(), side.connected()]);
  expect([main.socket.recovered, side.socket.recovered]).toEqual([true, true]);
  expect([main.socket.id, side.socket.id]).toEqual(ids);
  expect(side.got).toEqual([["in a"], ["missed in a"]]);
});

it.each<[string, (socket: Socket, server: { disconnectSockets(close: boolean): void }) => void]>([
  ["disconnect()", (socket) => socket.disconnect()],
  ["disconnect(true)", (socket) => socket.disconnect(true)],
  ["disconnectSockets(true)", (_, io) => io.disconnectSockets(true)],
])("never brings back who was sent away by %s, also after a crash", async (_, send) => {
  let server = await stage();
  const ada = guest(server.port, { reconnection: false });
  await ada.connected();
  await server.sockets[0]!.join("chat");
  const { session } = ada;
  send(server.sockets[0]!, server.io);
  await until(() => !ada.socket.connected);
  server = await server.killed();
  const again = resuming(server.port, session);
  await again.connected();
  expect(server.sockets[0]!.recovery).toEqual({ recovered: false, reason: "disconnected" });
  expect([...server.sockets[0]!.rooms]).toEqual([again.socket.id]);
});

it("goes on when a replay is cut in the middle, again and again", async () => {
  const server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  await server.sockets[0]!.join("chat");
  cut(ada);
  await until(() => server.io.sockets.sockets.size === 0);
  const text = "x".repeat(1_000);
  const events = 3_000;
  for (let i = 0; i < events; i++) server.io.to("chat").emit("n", i, text);
  let { session } = ada;
  const got: unknown[] = [];
  while (got.length < events) {
    const again = resuming(server.port, session);
    again.socket.on("n", (i) => {
      got.push(i);
      if (got.length % 700 === 0) cut(again);
    });
    again.socket.on("connect", () => expect(again.socket.recovered).toBe(true));
    await until(() => again.socket.io._readyState === "closed" || got.length === events);
    session = again.session;
  }
  expect(got).toEqual(Array.from({ length: events }, (_, i) => i));
});

it("neither loses nor doubles what is issued while a session is on its way back", async () => {
  const server = await stage({
    connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false },
  });
  let n = 0;
  server.io.use((socket, next) => {
    if (socket.recovered) server.io.to("chat").emit("n", n++);
    setImmediate(next);
    setImmediate(() => server.io.to("chat").emit("n", n++));
  });
  server.io.on("connection", (socket) => {
    void socket.join("chat");
    server.io.to("chat").emit("n", n++);
  });
  const ada = guest(server.port);
  await ada.connected();
  const got: unknown[] = [];
  let last = ada;
  for (let i = 0; i < 5; i++) {
    await last.count(1);
    got.push(...last.got.map(([, value]) => value));
    cut(last);
    server.io.to("chat").emit("n", n++);
    last = resuming(server.port, last.session);
    await last.connected();
    expect(last.socket.recovered).toBe(true);
  }
  await until(() => last.got.at(-1)?.[1] === n - 1);
  got.push(...last.got.map(([, value]) => value));
  const first = got[0] as number;
  expect(got).toEqual(Array.from({ length: n - first }, (_, i) => first + i));
});

it("is resumed only where it was issued", async () => {
  const [here, there] = [await stage(), await stage()];
  there.io.of("/other");
  const ada = guest(here.port);
  await ada.connected();
  const stranger = resuming(there.port, ada.session);
  await stranger.connected();
  expect(there.sockets[0]!.recovery.reason).toBe("unknown");
});
