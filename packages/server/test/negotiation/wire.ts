import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions, type Socket } from "holdfast";
import { afterEach } from "vitest";
import { WebSocket } from "ws";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function onCleanup(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export interface Served {
  readonly io: Server;
  readonly port: number;
  /** Server sides of sockets, in the order of their connection. */
  readonly sockets: Socket[];
}

export async function serve(options: Partial<ServerOptions>, port = 0): Promise<Served> {
  const http = createServer();
  const io = new Server(http, options);
  await io.ready;
  await new Promise<void>((resolve) => http.listen(port, resolve));
  onCleanup(() => io.close());
  const sockets: Socket[] = [];
  io.on("connection", (socket) => sockets.push(socket));
  return { io, port: (http.address() as AddressInfo).port, sockets };
}

/** A WebSocket, and what it says and hears: literally, except that heartbeats are answered. */
export class Wire {
  /** The handshake. */
  open: Record<string, unknown> = {};
  readonly heard: (string | Buffer)[] = [];
  readonly closed: Promise<void>;
  readonly socket: WebSocket;
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = new WebSocket(`ws://localhost:${port}/socket.io/?EIO=4&transport=websocket`);
    this.socket.on("error", () => {});
    this.socket.on("message", (data, isBinary) => {
      const text = String(data);
      if (!isBinary && text === "2") this.say("3");
      else this.heard.push(isBinary ? (data as Buffer) : text);
      this.#wakeAll();
    });
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
    void this.closed.then(() => this.#wakeAll());
    onCleanup(() => this.socket.terminate());
  }

  say(text: string): void {
    this.socket.send(text);
  }

  /** The next message that was not asked for yet; "closed" if none will come. */
  async next(): Promise<string | Buffer> {
    for (;;) {
      const message = this.heard.shift();
      if (message !== undefined) return message;
      if (this.socket.readyState === WebSocket.CLOSED) return "closed";
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The next message, of this kind, as what it holds. */
  async json<T = unknown>(prefix: string): Promise<T> {
    const text = String(await this.next());
    if (!text.startsWith(prefix)) throw new Error(`heard ${text}`);
    return JSON.parse(text.slice(prefix.length)) as T;
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A connection that has said CONNECT with this payload. */
export async function connect(port: number, payload?: unknown): Promise<Wire> {
  const wire = new Wire(port);
  wire.open = await wire.json<Record<string, unknown>>("0");
  wire.say(`40${payload === undefined ? "" : JSON.stringify(payload)}`);
  return wire;
}
