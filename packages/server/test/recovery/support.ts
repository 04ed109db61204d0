import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MemoryDisk, MemoryStore } from "@holdfast/core";
import { Server, type ServerOptions, type Socket } from "holdfast";
import { type Socket as Client, io } from "socket.io-client";
import { afterEach } from "vitest";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Report {
  readonly message: string;
  readonly stage: string;
}

/** A server whose store survives it. */
export interface Stage {
  readonly io: Server;
  readonly port: number;
  readonly store: MemoryStore;
  readonly disk: MemoryDisk;
  readonly reports: Report[];
  /** Server sides of sockets, in the order of their connection. */
  readonly sockets: Socket[];
  /** The process is killed; resolves with the next one, on the same port. */
  killed(options?: Partial<ServerOptions>): Promise<Stage>;
}

export async function stage(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const disk = new MemoryDisk();
  return open(new MemoryStore({ disk }), disk, 0, options);
}

async function open(
  store: MemoryStore,
  disk: MemoryDisk,
  port: number,
  options: Partial<ServerOptions>,
): Promise<Stage> {
  const reports: Report[] = [];
  const http = createServer();
  const server = new Server(http, {
    store,
    rooms: { "kept:*": { keep: true } },
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
    onError: (error, { stage }) => reports.push({ message: error.message, stage }),
    ...options,
  });
  await server.ready;
  await new Promise<void>((resolve) => http.listen(port, resolve));
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  let isKilled = false;
  cleanups.push(() => !isKilled && server.close());
  return {
    io: server,
    port: (http.address() as AddressInfo).port,
    store,
    disk,
    reports,
    sockets,
    killed: async (next = options) => {
      isKilled = true;
      const { port } = http.address() as AddressInfo;
      const after = store.crash();
      http.closeAllConnections();
      server.engine.close();
      await new Promise((resolve) => http.close(resolve));
      return open(after, disk, port, next);
    },
  };
}

/** A stock client and what it got. */
export interface Guest {
  readonly socket: Client;
  /** Events without the offset that recovery adds. */
  readonly got: unknown[][];
  readonly pid: string;
  /** Where it would go on. */
  readonly session: { _pid: string; _lastOffset: string | undefined };
  connected(): Promise<void>;
  count(events: number): Promise<unknown[][]>;
}

export function guest(port: number, options: object = {}): Guest {
  const socket = io(`http://localhost:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 20,
    randomizationFactor: 0,
    ...options,
  });
  return watch(socket);
}

/** Records what a client gets, and ends it with the test. */
export function watch(socket: Client): Guest {
  cleanups.push(() => socket.disconnect());
  const got: unknown[][] = [];
  socket.onAny((...event) => got.push(event.slice(0, -1)));
  const state = socket as unknown as { _pid: string; _lastOffset: string | undefined };
  return {
    socket,
    got,
    get pid() {
      return state._pid;
    },
    get session() {
      return { _pid: state._pid, _lastOffset: state._lastOffset };
    },
    connected: () => until(() => socket.connected),
    count: async (events) => {
      await until(() => got.length >= events);
      return got;
    },
  };
}

/** Another connection of a client that shows this pid and offset. */
export function resuming(port: number, session: Guest["session"], options: object = {}): Guest {
  const again = guest(port, { autoConnect: false, ...options });
  Object.assign(again.socket, session);
  again.socket.connect();
  return again;
}

/** Its network is gone: neither side says goodbye, and it does not come back by itself. */
export function cut({ socket }: Guest): void {
  socket.io.reconnection(false);
  (socket.io.engine as unknown as { transport: { ws: { terminate(): void } } }).transport.ws.terminate();
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
