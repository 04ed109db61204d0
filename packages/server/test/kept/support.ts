import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerOptions } from "holdfast";
import { type Socket as Client, io, type ManagerOptions, type SocketOptions } from "socket.io-client";
import { afterEach } from "vitest";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Run after the test, last first. */
export function onCleanup(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export interface Running {
  io: Server;
  port: number;
  /** A stock client, connected. */
  connect(options?: Partial<ManagerOptions & SocketOptions>, nsp?: string): Promise<Recorder>;
}

/** A client and everything it received, in order. */
export interface Recorder {
  client: Client;
  got: unknown[][];
  /** Resolves once this many events have come. */
  count(events: number): Promise<unknown[][]>;
}

/** Whatever a server can keep its rooms in: each test runs with both. */
export const STORES = ["memory", "lmdb"] as const;
export type StoreKind = (typeof STORES)[number];

/** A new store, as the option of a server. */
export function storeOf(kind: StoreKind): string {
  return kind === "memory" ? "memory" : folder();
}

/** A new folder, removed after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-kept-"));
  onCleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function start(options: Partial<ServerOptions>): Promise<Running> {
  const http = createServer();
  const server = new Server(http, { store: "memory", rooms: { "chat:*": { keep: true } }, ...options });
  await new Promise<void>((resolve) => http.listen(0, resolve));
  onCleanup(() => server.close());
  const { port } = http.address() as AddressInfo;
  const connect: Running["connect"] = async (clientOptions, nsp = "/") => {
    const client = io(`http://localhost:${port}${nsp}`, {
      forceNew: true,
      transports: ["websocket"],
      ...clientOptions,
    });
    onCleanup(() => client.disconnect());
    const got: unknown[][] = [];
    let waiting: { events: number; resolve: (got: unknown[][]) => void } | undefined;
    client.onAny((...event) => {
      got.push(event);
      if (waiting && got.length >= waiting.events) waiting.resolve(got);
    });
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("connect_error", reject);
    });
    const count = (events: number) =>
      new Promise<unknown[][]>((resolve) => {
        if (got.length >= events) resolve(got);
        else waiting = { events, resolve };
      });
    return { client, got, count };
  };
  return { io: server, port, connect };
}

/** The server's side of a client. */
export function socketOf({ io: server }: Running, { client }: Recorder, nsp = "/") {
  return server.of(nsp).sockets.get(client.id!)!;
}

/** What was reported through `onError`. */
export function reports(): { seen: unknown[]; onError: ServerOptions["onError"] } {
  const seen: unknown[] = [];
  const onError: ServerOptions["onError"] = (error, context) => {
    seen.push({ code: (error as { code?: string }).code, ...context });
  };
  return { seen, onError };
}

/** A promise, and what settles it. */
export function signal(): { done: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const done = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { done, resolve };
}
