/** Our client and our server: what PROTOCOL chapter 3 is for. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerOptions, type Socket as ServerSocket } from "holdfast";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "holdfast-client";
import { expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { nextEvent } from "../../src/events.ts";

const ROOM = "chat:1";
const KEPT: Partial<ServerOptions> = { store: "memory", rooms: { "chat:*": { keep: true } } };

/** As `sessionStorage`, of a tab that is reloaded. */
class Tab {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

/** A server whose clients go on in the room. */
async function serve(options: Partial<ServerOptions> = KEPT, port = 0) {
  const http = createServer();
  const server = new Server(http, { pingInterval: 60_000, ...options });
  server.on("connection", (socket: ServerSocket) => {
    void socket.join(ROOM, { since: "last" }).then(({ gaps, resumed }) => {
      if (socket.connected) socket.emit("welcome", resumed, gaps.length);
    });
  });
  await new Promise<void>((resolve) => http.listen(port, resolve));
  cleanUpLater(() => server.close());
  return { server, port: (http.address() as AddressInfo).port };
}

function connect(port: number, options: Partial<ManagerOptions & SocketOptions> = {}, heard: unknown[] = []) {
  const socket = io(`http://localhost:${port}`, {
    forceNew: true,
    transports: ["websocket"],
    reconnectionDelay: 10,
    resume: true,
    ...options,
  });
  cleanUpLater(() => void socket.disconnect());
  socket.on("chat", (n: unknown) => heard.push(n));
  return socket;
}

/** Says numbers in the room from `from` up to before `to`. */
async function say(server: Server, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await server.to(ROOM).publish("chat", n);
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

/** Resolves when the last number has been heard. */
const hears = (socket: Socket, last: number) =>
  new Promise<void>((resolve) => {
    socket.on("chat", (n: unknown) => n === last && resolve());
  });

const welcome = (socket: Socket) => nextEvent(socket, "welcome");

/** A tab that is there for a while. */
async function visit(port: number, storage: Tab, stay = async (_client: Socket) => {}): Promise<void> {
  const client = connect(port, { resume: { storage } });
  await welcome(client);
  await stay(client);
  client.disconnect();
  // what it stores, it stores by then
  await new Promise(setImmediate);
}

test.each([
  ["alone", {}],
  ["with connection state recovery", { connectionStateRecovery: {} }],
])("nothing is missed, repeated or out of order over lost connections, %s", async (_, more) => {
  const { server, port } = await serve({ ...KEPT, ...more });
  const heard: unknown[] = [];
  const socket = connect(port, { resume: { credit: 10 } }, heard);
  await welcome(socket);
  const end = hears(socket, 399);
  for (let round = 0; round < 20; round++) {
    await say(server, round * 20, round * 20 + 10);
    if (round % 2) socket.io.engine.close();
    else (socket.io.engine.transport as unknown as { ws: { terminate(): void } }).ws.terminate();
    await say(server, round * 20 + 10, round * 20 + 20);
    if (!socket.connected) await nextEvent(socket, "connect");
  }
  await end;
  expect(heard).toEqual(numbers(0, 400));
});

test("a reload goes on where the page was: nothing missed, nothing twice", async () => {
  const { server, port } = await serve();
  const storage = new Tab();
  const heard: unknown[] = [];
  for (let round = 0; round < 5; round++) {
    const socket = connect(port, { resume: { storage } }, heard);
    const [resumed] = await welcome(socket);
    expect(resumed).toBe(round > 0);
    const end = hears(socket, round * 20 + 9);
    await say(server, round * 20, round * 20 + 10);
    await end;
    socket.disconnect();
    await new Promise(setImmediate);
    await say(server, round * 20 + 10, round * 20 + 20);
  }
  const end = connect(port, { resume: { storage } }, heard);
  await welcome(end);
  expect(heard).toEqual(numbers(0, 100));
});

test("a client is back after the server was away, with a past that is longer than its credit", async () => {
  const store = mkdtempSync(join(tmpdir(), "holdfast-resume-"));
  cleanUpLater(() => rmSync(store, { recursive: true, force: true }));
  const first = await serve({ ...KEPT, store });
  const heard: unknown[] = [];
  const socket = connect(first.port, { resume: { credit: 50 } }, heard);
  await welcome(socket);
  const end = hears(socket, 0);
  await say(first.server, 0, 1);
  await end;
  const lost = nextEvent(socket, "disconnect");
  await first.server.close();
  await lost;
  const second = await serve({ ...KEPT, store }, 0);
  await Promise.all(numbers(1, 3000).map((n) => second.server.to(ROOM).publish("chat", n)));
  await second.server.close();
  const progress: number[] = [];
  socket.recovery.on("progress", ({ events }) => progress.push(events));
  const replayed = nextEvent(socket.recovery, "replayed");
  const third = await serve({ ...KEPT, store }, first.port);
  const behind = hears(socket, 3000);
  const [done] = await replayed;
  await say(third.server, 3000, 3001);
  await behind;
  expect(done).toMatchObject({ rooms: [ROOM], events: 2999, gaps: 0 });
  expect(progress.length).toBeGreaterThan(50);
  expect(heard).toEqual(numbers(0, 3001));
});

test("what retention has taken is a gap, and the rest comes", async () => {
  const { server, port } = await serve();
  const storage = new Tab();
  await visit(port, storage, async (client) => {
    const end = hears(client, 0);
    await say(server, 0, 1);
    await end;
  });
  await say(server, 1, 90);
  await server.to(ROOM).forget();
  await say(server, 90, 100);
  const heard: unknown[] = [];
  const second = connect(port, { resume: { storage } }, heard);
  const gap = nextEvent(second.recovery, "gap");
  expect(await welcome(second)).toEqual([true, 1]);
  expect(await gap).toMatchObject([{ room: ROOM, reason: "trimmed" }]);
  expect(heard).toEqual(numbers(90, 100));
});

test("positions of somebody else are refused, and joined as new", async () => {
  const { server, port } = await serve();
  const storage = new Tab();
  await visit(port, storage, async (client) => {
    const end = hears(client, 0);
    await say(server, 0, 1);
    await end;
  });
  for (const [name, text] of storage.items) storage.setItem(name, text.replace(/^\["[^"]*"/, '["stolen"'));
  const second = connect(port, { resume: { storage } });
  const refused = nextEvent(second.recovery, "refused");
  expect(await welcome(second)).toEqual([false, 0]);
  expect(await refused).toEqual([{ room: ROOM, code: "POSITION_FORGED" }]);
});

test("two tabs of one storage each get everything, and the next goes on behind both", async () => {
  const { server, port } = await serve();
  const storage = new Tab();
  await visit(port, storage);
  const heard: unknown[][] = [[], []];
  const tabs = heard.map((own) => connect(port, { resume: { storage } }, own));
  await Promise.all(tabs.map(welcome));
  const ends = tabs.map((tab) => hears(tab, 19));
  await say(server, 0, 20);
  await Promise.all(ends);
  expect(heard).toEqual([numbers(0, 20), numbers(0, 20)]);
  for (const tab of tabs) tab.disconnect();
  await new Promise(setImmediate);
  await say(server, 20, 30);
  const own: unknown[] = [];
  await welcome(connect(port, { resume: { storage } }, own));
  expect(own).toEqual(numbers(20, 30));
});

test("a handler that is registered behind an await misses nothing", async () => {
  const { server, port } = await serve();
  const storage = new Tab();
  await visit(port, storage);
  await say(server, 0, 50);
  const heard: unknown[] = [];
  const socket = io(`http://localhost:${port}`, { forceNew: true, resume: { storage } });
  cleanUpLater(() => void socket.disconnect());
  await nextEvent(socket, "connect");
  await nextEvent(socket.recovery, "replayed");
  const end = hears(socket, 49);
  socket.on("chat", (n) => heard.push(n));
  await end;
  expect(heard).toEqual(numbers(0, 50));
});

test("a server without a store is asked nothing", async () => {
  const { Server: Stock } = await import("socket.io");
  for (const Kind of [Server, Stock] as (typeof Server)[]) {
    const http = createServer();
    const server = new Kind(http);
    await new Promise<void>((resolve) => http.listen(0, resolve));
    cleanUpLater(() => server.close());
    const arrival = nextEvent(server, "connection");
    const socket = connect((http.address() as AddressInfo).port, { auth: { token: 1 } });
    const [peer] = (await arrival) as [ServerSocket];
    expect(peer.handshake.auth).toEqual({ token: 1 });
    peer.emit("chat", "text");
    expect(await nextEvent(socket, "chat")).toEqual(["text"]);
  }
});
