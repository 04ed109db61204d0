/**
 * What the client's conformance tests stand on: the same tests for each pair of a client (stock or ours) and a
 * server (stock or ours). With the stock pair they prove that they describe Socket.IO.
 */
import { createServer, type Server as HttpServer } from "node:http";
import type { Server, ServerOptions, Socket as ServerSocket } from "socket.io";
import type * as StockClient from "socket.io-client";
import { describe } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { nextEvent } from "../../src/events.ts";
import { listen } from "../../src/servers.ts";

export type Client = StockClient.Socket;
export type Manager = StockClient.Manager;
export type ClientOptions = Partial<StockClient.ManagerOptions & StockClient.SocketOptions>;
export type { Server, ServerOptions, ServerSocket };

export interface Running {
  io: Server;
  http: HttpServer;
  port: number;
  url: string;
}

type ClientName = "socket.io-client" | "holdfast-client";
type ServerName = "socket.io" | "holdfast";

const load = async <Module>(name: string) => (await import(/* @vite-ignore */ name)) as Module;

/** What the environment asks for: CLIENT = stock | ours and SERVER = stock | ours; both by default. */
const choose = <Name>(wanted: string | undefined, stock: Name, ours: Name): Name[] =>
  wanted === "stock" ? [stock] : wanted === "ours" ? [ours] : [stock, ours];
const clientNames = choose<ClientName>(process.env.CLIENT, "socket.io-client", "holdfast-client");
const serverNames = choose<ServerName>(process.env.SERVER, "socket.io", "holdfast");

const pairs = await Promise.all(
  clientNames.flatMap((clientName) =>
    serverNames.map(async (serverName) => ({
      clientName,
      serverName,
      client: await load<typeof StockClient>(clientName),
      server: await load<{ Server: typeof Server }>(serverName),
    })),
  ),
);

/** Starts servers and clients of one pair; all are put away when the test ends. */
export class Pair {
  readonly client: typeof StockClient;
  readonly isOurClient: boolean;
  readonly isOurServer: boolean;
  readonly #Server: typeof Server;

  constructor({ clientName, serverName, client, server }: (typeof pairs)[number]) {
    this.client = client;
    this.isOurClient = clientName === "holdfast-client";
    this.isOurServer = serverName === "holdfast";
    this.#Server = server.Server;
  }

  async serve(options: Partial<ServerOptions> = {}, http: HttpServer = createServer()): Promise<Running> {
    const io = new this.#Server(http, options);
    const port = await listen(http);
    cleanUpLater(() => void io.close());
    return { io, http, port, url: `http://localhost:${port}` };
  }

  /** The same on an HTTP server that listens already; the test closes that. */
  async serveOn(http: HttpServer): Promise<{ io: Server }> {
    const io = new this.#Server(http);
    cleanUpLater(() => void io.close());
    return { io };
  }

  /** A client with a connection of its own that retries quickly. */
  connect(at: Running | string, options: ClientOptions = {}, namespace = ""): Client {
    const url = typeof at === "string" ? at : at.url;
    return this.track(
      this.client.io(url + namespace, {
        forceNew: true,
        reconnectionDelay: 10,
        reconnectionDelayMax: 30,
        ...options,
      }),
    );
  }

  /** Ends the client and its connection when the test ends. */
  track(client: Client): Client {
    cleanUpLater(() => {
      client.disconnect();
      client.io._close();
    });
    return client;
  }

  manager(at: Running | string, options: ClientOptions = {}): Manager {
    const manager = new this.client.Manager(typeof at === "string" ? at : at.url, {
      reconnectionDelay: 10,
      reconnectionDelayMax: 30,
      ...options,
    });
    cleanUpLater(() => manager._close());
    return manager;
  }

  /** A connected client, and its socket on the server. */
  joined(at: Running, options: ClientOptions = {}, namespace = ""): Promise<[Client, ServerSocket]> {
    return this.joinedAs(at, namespace, namespace || "/", options);
  }

  /** The same for what follows the port in a URL, which leads to the namespace `nsp`. */
  async joinedAs(
    at: Running,
    suffix: string,
    nsp: string,
    options: ClientOptions = {},
  ): Promise<[Client, ServerSocket]> {
    const arrival = nextEvent<[ServerSocket]>(at.io.of(nsp), "connection");
    const client = this.connect(at, options, suffix);
    const [[socket]] = await Promise.all([arrival, nextEvent(client, "connect")]);
    return [client, socket];
  }
}

/** Declares the same tests for every pair. */
export function describePairs(title: string, define: (pair: Pair) => void): void {
  for (const entry of pairs) {
    describe(`${title} [${entry.clientName} with ${entry.serverName}]`, () => define(new Pair(entry)));
  }
}

/** For what stock clients do wrong and ours must not. */
export function describeOurs(title: string, define: (pair: Pair) => void): void {
  for (const entry of pairs) {
    if (entry.clientName === "holdfast-client") {
      describe(`${title} [${entry.serverName}]`, () => define(new Pair(entry)));
    }
  }
}

/** A port of the loopback that nothing listens on. */
export async function closedPort(): Promise<number> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, resolve));
  const { port } = http.address() as { port: number };
  await new Promise((resolve) => http.close(resolve));
  return port;
}

export const transportCases: [string, string[]][] = [
  ["polling", ["polling"]],
  ["websocket", ["websocket"]],
  ["polling, then websocket", ["polling", "websocket"]],
];
