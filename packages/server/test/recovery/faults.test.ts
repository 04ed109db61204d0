import { StoreError } from "@holdfast/core";
import { expect, it } from "vitest";
import { cut, type Guest, guest, resuming, type Stage, stage, until } from "./support.ts";

const fault = () => new StoreError("STORE_IO", "the disk is broken");

async function settled(server: Stage): Promise<void> {
  await server.io._kept!.settled();
}

/** What a client that shows this session is told. */
async function outcome(server: Stage, session: Guest["session"]): Promise<unknown> {
  const again = resuming(server.port, session, { reconnection: false });
  await again.connected();
  const { recovered, reason } = server.sockets.at(-1)!.recovery;
  again.socket.disconnect();
  return recovered ? "recovered" : reason;
}

it.each<[string, () => unknown]>([
  [
    "a cycle",
    () => {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      return cycle;
    },
  ],
  ["a BigInt", () => ({ n: 1n })],
  ["what has no JSON", () => () => {}],
  ["more than a megabyte", () => ({ text: "x".repeat(2 ** 20) })],
])(
  "reports data that holds %s, and does not resume the session as if nothing had happened",
  async (_, make) => {
    const server = await stage();
    const ada = guest(server.port);
    await ada.connected();
    server.sockets[0]!.data = make();
    await until(() => server.reports.length === 1);
    expect(server.reports[0]).toMatchObject({
      stage: "recover",
      message: expect.stringContaining("socket.data can't be stored"),
    });
    cut(ada);
    expect(await outcome(server, ada.session)).toBe("storage fault");
  },
);

it("does not resume a session of which a join could not be stored, also not after a crash", async () => {
  let server = await stage();
  const ada = guest(server.port);
  await ada.connected();
  const { session } = ada;
  await settled(server);
  server.disk.failNext(fault());
  await server.sockets[0]!.join("chat");
  await settled(server);
  expect(server.reports).toMatchObject([{ stage: "recover" }]);
  server.io.to("chat").emit("live", 1);
  await ada.count(1);
  cut(ada);
  await until(() => server.io.sockets.sockets.size === 0);
  expect(await outcome(server, session)).toBe("storage fault");
  await settled(server);
  server = await server.killed();
  expect(await outcome(server, session)).toBe("storage fault");
});

it("does not bring back who was sent away although that could not be stored", async () => {
  const server = await stage();
  const ada = guest(server.port, { reconnection: false });
  await ada.connected();
  const { session } = ada;
  await settled(server);
  server.disk.failNext(fault());
  server.sockets[0]!.disconnect();
  await until(() => !ada.socket.connected);
  expect(await outcome(server, session)).toBe("disconnected");
});

it("resumes nobody who may have missed an event that could not be stored, now and after a crash", async () => {
  let server = await stage();
  const [away, live] = [guest(server.port), guest(server.port)];
  await Promise.all([away.connected(), live.connected()]);
  server.io.emit("stored");
  await Promise.all([away.count(1), live.count(1)]);
  cut(away);
  await until(() => server.io.sockets.sockets.size === 1);
  await settled(server);
  server.disk.failNext(fault());
  server.io.emit("not stored");
  expect(await live.count(2)).toEqual([["stored"], ["not stored"]]);
  expect(server.reports).toMatchObject([{ stage: "keep" }]);
  // who begins now has nothing to do with it
  const fresh = guest(server.port);
  await fresh.connected();
  cut(fresh);
  expect(await outcome(server, fresh.session)).toBe("recovered");
  expect(await outcome(server, away.session)).toBe("storage fault");
  // what is owed is stored with the next sign of life
  server.io._recovery!.close();
  await settled(server);
  server = await server.killed();
  expect(await outcome(server, away.session)).toBe("storage fault");
});

it("holds the answer back that names an offset until that is on disk", async () => {
  const server = await stage();
  const first = guest(server.port);
  await first.connected();
  await settled(server);
  server.disk.hold();
  server.io.emit("pending");
  const second = guest(server.port);
  await until(() => server.sockets.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(second.socket.connected).toBe(false);
  server.disk.release();
  await second.connected();
  await first.count(1);
  expect(second.got).toEqual([]);
});

it("forgets sessions past sessionsMax, and those that ended, but resumes none of them", async () => {
  const connectionStateRecovery = { maxDisconnectionDuration: 60_000, sessionsMax: 3 };
  let server = await stage({ connectionStateRecovery });
  const stays = guest(server.port);
  await stays.connected();
  const sessions: Guest["session"][] = [];
  for (let i = 0; i < 6; i++) {
    const visitor = guest(server.port);
    await visitor.connected();
    sessions.push(visitor.session);
    cut(visitor);
    await until(() => server.io.sockets.sockets.size === 1);
  }
  await settled(server);
  const ended: Guest["session"][] = [];
  for (let i = 0; i < 6; i++) {
    const visitor = guest(server.port);
    await visitor.connected();
    ended.push(visitor.session);
    visitor.socket.disconnect();
    await until(() => server.io.sockets.sockets.size === 1);
  }
  await settled(server);
  // one may be under way, which counts what was there when it began
  const count = async () => (await server.store.records({ kind: "recovery:session" })).records.length;
  do await server.io._recovery!.sweep();
  while ((await count()) > 6);
  server = await server.killed();
  await stays.connected();
  await until(() => server.sockets.length === 1);
  expect(server.sockets[0]!.recovered).toBe(true);
  const outcomes = [];
  for (const session of [...sessions, ...ended]) outcomes.push(await outcome(server, session));
  expect(outcomes.slice(0, 3)).toEqual(["recovered", "recovered", "recovered"]);
  expect(outcomes.slice(3)).not.toContain("recovered");
});

it("leaves nothing of strangers behind once their time is over", async () => {
  const connectionStateRecovery = { maxDisconnectionDuration: 1 };
  const server = await stage({ connectionStateRecovery });
  server.io.on("connection", (socket) => {
    void socket.join("lobby");
    void socket.leave("lobby");
    void socket.join("room");
  });
  for (let i = 0; i < 3; i++) {
    const stranger = guest(server.port);
    await stranger.connected();
    if (i % 2) stranger.socket.disconnect();
    else cut(stranger);
    await until(() => server.io.sockets.sockets.size === 0);
  }
  const now = Date.now();
  const clock = Date.now;
  // two sweeps: first they expire, then it is forgotten that they ever were
  for (const hours of [1, 3]) {
    await settled(server);
    Date.now = () => now + hours * 3_600_000;
    await server.io._recovery!.sweep();
  }
  Date.now = clock;
  for (const kind of ["recovery:session", "recovery:room", "recovery:left"]) {
    expect((await server.store.records({ kind })).records).toEqual([]);
  }
});

it("serves clients that know no recovery", async () => {
  const server = await stage({ allowEIO3: true });
  const { default: connect } = await import("socket.io-client-v2" as string);
  const old = connect(`http://localhost:${server.port}`, { transports: ["websocket"], forceNew: true });
  const got: unknown[] = [];
  old.on("hello", (...args: unknown[]) => got.push(args));
  await until(() => server.sockets.length === 1);
  await server.sockets[0]!.join("chat");
  server.io.to("chat").emit("hello", 1);
  await until(() => got.length === 1);
  old.close();
  await until(() => server.io.sockets.sockets.size === 0);
  await settled(server);
  expect((await server.store.records({ kind: "recovery:room" })).records).toEqual([]);
  expect((await server.store.records({ kind: "recovery:session" })).records).toEqual([]);
});

it("gives a new session to who misses what retention takes while it is read", async () => {
  const server = await stage();
  const { io, store } = server;
  const ada = guest(server.port);
  await ada.connected();
  await server.sockets[0]!.join("kept:1");
  await io.to("kept:1").publish("n", 0);
  await ada.count(1);
  cut(ada);
  await until(() => io.sockets.sockets.size === 0);
  for (let i = 1; i < 4; i++) await io.to("kept:1").publish("n", i);
  const read = store.events.bind(store);
  store.events = async (query) => {
    store.events = read;
    await io.to("kept:1").forget();
    return read(query);
  };
  const again = resuming(server.port, ada.session);
  await until(() => again.socket.connected && server.sockets.length === 3);
  expect(server.sockets[2]!.recovery).toEqual({ recovered: false, reason: "trimmed" });
  expect(again.got).toEqual([]);
  expect(server.reports).toEqual([]);
});
