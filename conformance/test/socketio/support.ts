/**
 * What every Socket.IO conformance test stands on: a kit that starts servers and stock clients for one
 * implementation and puts them away after the test, and ways to wait for something without sleeping.
 */
import { createServer, type Server as HttpServer } from "node:http";
import type { Namespace, Server, ServerOptions, Socket } from "socket.io";
import {
  type Socket as ClientSocket,
  io as connectStockClient,
  type ManagerOptions,
  type SocketOptions,
} from "socket.io-client";
import { cleanUpLater } from "../../src/cleanup.ts";
import { within } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { listen } from "../../src/servers.ts";
import { describeEachServer, type Target } from "../../src/targets.ts";
import { WsClient, type WsOptions } from "../../src/ws-client.ts";

export type { ClientSocket, HttpServer, Namespace, Server, ServerOptions, Socket };
export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

/** The three ways in which a client's packets travel. */
export const transportCases = [
  { title: "polling", transports: ["polling"] },
  { title: "websocket", transports: ["websocket"] },
  { title: "upgrading", transports: ["polling", "websocket"] },
];

export interface Running {
  readonly io: Server;
  readonly http: HttpServer;
  readonly port: number;
  readonly url: string;
}

/** A client's socket on the server, and the client. */
export type Pair = [socket: Socket, client: ClientSocket];
type Pairs = { 1: [Pair]; 2: [Pair, Pair]; 3: [Pair, Pair, Pair]; 4: [Pair, Pair, Pair, Pair] };

/** Starts servers and clients for one target; everything started is put away after the test. */
export class Kit {
  readonly isStock: boolean;
  readonly Server: typeof Server;
  readonly Namespace: typeof Namespace;
  readonly Socket: typeof Socket;

  constructor({ name, io }: Target) {
    this.isStock = name === "stock";
    this.Server = io.Server;
    this.Namespace = io.Namespace;
    this.Socket = io.Socket;
  }

  /** A server of the target on its own HTTP server and a free port. */
  async serve(options: Partial<ServerOptions> = {}): Promise<Running> {
    const http = createServer();
    const io = new this.Server(http, options);
    return this.listen(io, http);
  }

  /** Listens with an HTTP server that a Socket.IO server is already attached to. */
  async listen(io: Server, http: HttpServer): Promise<Running> {
    this.track(io);
    const port = await this.listenHttp(http);
    return { io, http, port, url: `http://localhost:${port}` };
  }

  /** Listens on a free port with any server made by the test. */
  listenHttp(http: HttpServer): Promise<number> {
    return listen(http);
  }

  /** Closes `io` after the test. */
  track(io: Server): Server {
    cleanUpLater(() => {
      if (!io.engine) return;
      void io.close();
      httpServerOf(io)?.closeAllConnections?.();
    });
    return io;
  }

  /** A stock client of its own connection, websocket unless told otherwise. Does not wait. */
  client(at: Running | string, namespace = "/", options: ClientOptions = {}): ClientSocket {
    const url = typeof at === "string" ? at : at.url;
    const socket = connectStockClient(url + namespace, {
      forceNew: true,
      transports: ["websocket"],
      reconnectionDelay: 10,
      ...options,
    });
    cleanUpLater(() => socket.io._close());
    return socket;
  }

  /** As `client`, and waits until it is connected. */
  async connected(at: Running | string, namespace = "/", options: ClientOptions = {}): Promise<ClientSocket> {
    const socket = this.client(at, namespace, options);
    await settled(socket);
    return socket;
  }

  /** A connected client together with its socket on the server. */
  async pair(at: Running, namespace = "/", options: ClientOptions = {}): Promise<Pair> {
    const arrival = once<[Socket]>(at.io.of(namespace), "connection");
    const [client, [socket]] = await Promise.all([this.connected(at, namespace, options), arrival]);
    return [socket, client];
  }

  /** Several pairs, in the order in which they connected. */
  async pairs<Count extends 1 | 2 | 3 | 4>(
    count: Count,
    at: Running,
    namespace = "/",
    options: ClientOptions = {},
  ): Promise<Pairs[Count]> {
    const pairs: Pair[] = [];
    for (let i = 0; i < count; i++) pairs.push(await this.pair(at, namespace, options));
    return pairs as Pairs[Count];
  }

  /** A WebSocket that has read the Engine.IO handshake and speaks Socket.IO by hand. */
  rawWebSocket(at: Running, options: WsOptions = {}): ReturnType<typeof WsClient.handshake> {
    return WsClient.handshake(at.port, { path: "/socket.io/", ...options });
  }

  /** A long-polling session after the Engine.IO handshake, spoken by hand. */
  rawPolling(at: Running, query: Record<string, string> = {}): Promise<PollingClient> {
    return PollingClient.connect(at.port, { path: "/socket.io/", query });
  }
}

/** Declares the same tests once per implementation. */
export function conformance(title: string, body: (kit: Kit) => void): void {
  describeEachServer(title, (target) => body(new Kit(target)));
}

/** The HTTP server that `io` is attached to; untyped in stock. */
export function httpServerOf(io: Server): HttpServer {
  return (io as unknown as { httpServer: HttpServer }).httpServer;
}

interface Emitter {
  once(event: string, listener: (...args: never[]) => void): unknown;
}

const PATIENCE_MS = 8_000;

/** Resolves with the arguments of the next `event`. Fails by name when it does not come. */
export function once<Args extends unknown[] = unknown[]>(emitter: object, event: string): Promise<Args> {
  return awaited(`the event "${event}"`, (resolve) => {
    (emitter as Emitter).once(event, (...args: never[]) => resolve(args as unknown as Args));
  });
}

/** A promise that `start` settles, or that fails saying what was awaited. */
export function awaited<T>(what: string, start: (resolve: (value: T) => void) => void): Promise<T> {
  return within(new Promise<T>(start), what, PATIENCE_MS);
}

/** Resolves once the client is connected; rejects with the server's refusal. */
export function settled(client: ClientSocket): Promise<void> {
  if (client.connected) return Promise.resolve();
  const outcome = new Promise<void>((resolve, reject) => {
    client.once("connect", resolve);
    client.once("connect_error", reject);
  });
  return within(outcome, "the connection", PATIENCE_MS);
}

/** Resolves with the reason that the server gives for refusing the client. */
export async function refusal(client: ClientSocket): Promise<Error & { data?: unknown }> {
  const [error] = await once<[Error & { data?: unknown }]>(client, "connect_error");
  return error;
}

/** Collects what a client or socket is told: `[event, ...args]` each, fences left out. */
export function record(receiver: { onAny(listener: (...args: unknown[]) => void): unknown }): unknown[][] {
  const heard: unknown[][] = [];
  receiver.onAny((...args) => {
    if (!String(args[0]).startsWith("fence-")) heard.push(args);
  });
  return heard;
}

let fences = 0;

/**
 * Waits until everything that the server sent to these clients so far has arrived: delivery is in order, so a
 * last event per client proves that whatever did not come before it never will.
 */
export async function flushed(
  io: { emit(event: string, ...args: unknown[]): unknown },
  ...clients: ClientSocket[]
): Promise<void> {
  const name = `fence-${++fences}`;
  const arrivals = clients.map((client) => once(client, name));
  io.emit(name);
  await Promise.all(arrivals);
}

/** Resolves after everything that is due in this turn of the event loop, immediates included. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** Waits for a condition that no event announces. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`${what} did not hold in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
