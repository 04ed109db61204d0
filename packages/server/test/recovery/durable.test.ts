import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type Socket } from "holdfast";
import { type Socket as Client, io } from "socket.io-client";
import { afterEach, expect, it } from "vitest";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server on a folder, which can be stopped as a crash would: without a word to sessions. */
async function serve(store: string, port = 0, options: object = {}) {
  const http = createServer();
  const server = new Server(http, {
    store,
    rooms: { "kept:*": { keep: true } },
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
    ...options,
  });
  await server.ready;
  await new Promise<void>((resolve) => http.listen(port, resolve));
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await server.close();
    isStopped = true;
  };
  cleanups.push(stop);
  const connections: Socket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  return { server, port: (http.address() as AddressInfo).port, stop, connections };
}

function client(port: number, transports = ["websocket"]) {
  const socket = io(`http://localhost:${port}`, {
    transports,
    forceNew: true,
    reconnectionDelay: 20,
    randomizationFactor: 0,
  });
  cleanups.push(() => socket.disconnect());
  const got: unknown[][] = [];
  socket.onAny((...event) => got.push(event));
  return { socket, got };
}

const connected = (socket: Client) =>
  new Promise<void>((resolve) => (socket.connected ? resolve() : socket.once("connect", () => resolve())));
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};
/** Without the offset that recovery adds. */
const bare = (got: unknown[][]) => got.map((event) => event.slice(0, -1));

it.each([["websocket"], ["polling"]])(
  "resumes over %s after a restart: id, rooms, data and all that was missed",
  async (transport) => {
    const store = folder();
    const first = await serve(store);
    const { socket, got } = client(first.port, [transport]);
    await connected(socket);
    const { id } = socket;
    const [serverSide] = first.connections as [Socket];
    serverSide.data.name = "Ada";
    void serverSide.join(["chat", "kept:1"]);
    first.server.to("chat").emit("before", 1);
    await until(() => got.length === 1);
    await first.stop();
    const second = await serve(store, first.port);
    second.server.to("chat").emit("to the room", 2);
    second.server.to(id!).emit("direct", Buffer.of(1));
    second.server.emit("everybody");
    second.server.to("elsewhere").emit("not for it");
    await second.server.to("kept:1").publish("kept", 4);
    await until(() => socket.connected && got.length === 5);
    expect(socket.recovered).toBe(true);
    expect(socket.id).toBe(id);
    expect(bare(got)).toEqual([
      ["before", 1],
      ["to the room", 2],
      ["direct", Buffer.of(1)],
      ["everybody"],
      ["kept", 4],
    ]);
    const [resumed] = second.connections as [Socket];
    expect(resumed.recovered).toBe(true);
    expect(resumed.recovery).toEqual({ recovered: true, reason: undefined });
    expect([...resumed.rooms].sort()).toEqual([id, "chat", "kept:1"].sort());
    expect(resumed.data).toEqual({ name: "Ada" });
    second.server.to("chat").emit("live again");
    await until(() => got.length === 6);
  },
);

it("resumes a session that never received an event, again and again", async () => {
  const store = folder();
  let server = await serve(store);
  const { port } = server;
  const { socket } = client(port);
  await connected(socket);
  const { id } = socket;
  for (let i = 0; i < 3; i++) {
    await server.stop();
    await until(() => !socket.connected);
    server = await serve(store, port);
    await until(() => socket.connected);
    expect(socket.recovered).toBe(true);
    expect(socket.id).toBe(id);
  }
});

it("does not bring back who was disconnected, nor who left, nor who comes too late or with a forged pid", async () => {
  const store = folder();
  const first = await serve(store, 0, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
  const kicked = client(first.port);
  await connected(kicked.socket);
  const pidOf = ({ socket }: { socket: Client }) => (socket as unknown as { _pid: string })._pid;
  const kickedPid = pidOf(kicked);
  first.connections[0]!.disconnect();
  await until(() => !kicked.socket.connected);
  const left = client(first.port);
  await connected(left.socket);
  const leftPid = pidOf(left);
  left.socket.disconnect();
  const late = client(first.port);
  await connected(late.socket);
  const latePid = pidOf(late);
  late.socket.io.reconnection(false);
  late.socket.io.engine.close();
  await until(() => first.server.sockets.sockets.size === 0);
  const clock = Date.now;
  cleanups.push(() => {
    Date.now = clock;
  });
  Date.now = () => clock() + 61_000;
  const reasons: unknown[] = [];
  for (const pid of [kickedPid, leftPid, latePid, `${latePid.slice(0, -2)}AA`, "nonsense"]) {
    const socket = io(`http://localhost:${first.port}`, {
      transports: ["websocket"],
      forceNew: true,
      auth: { pid, offset: "" },
    });
    cleanups.push(() => socket.disconnect());
    await connected(socket);
    expect(socket.recovered).toBe(false);
    reasons.push(first.connections.at(-1)!.recovery.reason);
  }
  expect(reasons).toEqual(["disconnected", "disconnected", "expired", "unknown", "unknown"]);
});

it("takes over a connection that is half open", async () => {
  const server = await serve(folder());
  const { socket, got } = client(server.port);
  await connected(socket);
  const [serverSide] = server.connections as [Socket];
  void serverSide.join("chat");
  server.server.to("chat").emit("seen");
  await until(() => got.length === 1);
  const { _pid: pid, _lastOffset: offset } = socket as unknown as { _pid: string; _lastOffset: string };
  const reason = new Promise((resolve) => serverSide.on("disconnect", resolve));
  socket.io.reconnection(false);
  const other = io(`http://localhost:${server.port}`, {
    transports: ["websocket"],
    forceNew: true,
    autoConnect: false,
  });
  // as the same client, on a new connection
  Object.assign(other, { _pid: pid, _lastOffset: offset });
  other.connect();
  cleanups.push(() => other.disconnect());
  await connected(other);
  expect(await reason).toBe("forced close");
  expect(other.recovered).toBe(true);
  expect(other.id).toBe(serverSide.id);
  expect([...server.connections.at(-1)!.rooms].sort()).toEqual(["chat", serverSide.id].sort());
});

it("protects the offset from texts that are not stored", async () => {
  const store = folder();
  const first = await serve(store);
  const { socket, got } = client(first.port);
  await connected(socket);
  void first.connections[0]!.join("chat");
  first.server.to("chat").emit("stored", 1);
  await until(() => got.length === 1);
  first.server.to("chat").volatile.emit("typing", "Ada");
  await until(() => got.length === 2);
  await first.stop();
  const second = await serve(store, first.port);
  second.server.to("chat").emit("missed", "a text");
  await until(() => socket.connected && got.length === 3);
  expect(socket.recovered).toBe(true);
  expect(got.map(([name]) => name)).toEqual(["stored", "typing", "missed"]);
});

it("replays many missed events in order, and live ones behind them", async () => {
  const store = folder();
  const first = await serve(store);
  const { socket, got } = client(first.port);
  await connected(socket);
  void first.connections[0]!.join("chat");
  first.server.to("chat").emit("n", -1);
  await until(() => got.length === 1);
  await first.stop();
  const second = await serve(store, first.port);
  const text = "x".repeat(500);
  for (let i = 0; i < 5_000; i++) second.server.to("chat").emit("n", i, text);
  second.server.on("connection", () => second.server.to("chat").emit("n", 5_000));
  await until(() => got.length >= 5_002);
  expect(got.map(([, n]) => n)).toEqual(Array.from({ length: 5_002 }, (_, i) => i - 1));
  expect(socket.recovered).toBe(true);
}, 30_000);

it("a server with a store that is closed before anybody came reports nothing", async () => {
  const reports: string[] = [];
  const io = new Server({
    store: folder(),
    rooms: { "chat:*": { keep: true } },
    connectionStateRecovery: {},
    onError: (error, { stage }) => reports.push(`${stage}: ${error.message}`),
  });
  await io.ready;
  await io.close();
  await new Promise(setImmediate);
  expect(reports).toEqual([]);
});
