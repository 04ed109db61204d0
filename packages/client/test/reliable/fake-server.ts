import type { AddressInfo } from "node:net";
import { io } from "holdfast-client";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { Options } from "../../src/io.ts";

/** What PROTOCOL §4.3 sends. */
export interface Sent {
  ack: number;
  sequence: number;
  low: number;
  again: number;
  event: unknown[];
}

/** Something to await the next of. */
class Queue<Item> {
  readonly #items: Item[] = [];
  #wake: (() => void) | undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  get length(): number {
    return this.#items.length;
  }

  async next(): Promise<Item> {
    while (!this.#items.length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#items.shift() as Item;
  }
}

/** One WebSocket of a client: what it says is read packet by packet, and answered by hand. */
export class FakeConnection {
  readonly packets = new Queue<string>();
  readonly #ws: WebSocket;

  constructor(ws: WebSocket, handshake: object) {
    this.#ws = ws;
    ws.on("message", (data, isBinary) => {
      const text = isBinary ? `b${(data as Buffer).toString("base64")}` : String(data);
      if (text !== "3") this.packets.push(text);
    });
    ws.send(
      `0${JSON.stringify({ sid: "s", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, ...handshake })}`,
    );
  }

  say(text: string): void {
    this.#ws.send(text);
  }

  /** The payload of its CONNECT. */
  async connect(): Promise<{ holdfast?: { reliable?: { key: string; again: number } } }> {
    const text = await this.packets.next();
    if (!text.startsWith("40")) throw new Error(`expected CONNECT, got ${text}`);
    return JSON.parse(text.slice(2) || "{}");
  }

  /** Answers CONNECT; `reliable` undefined grants nothing. */
  accept(reliable?: object): void {
    this.say(`40${JSON.stringify({ sid: "id", ...(reliable && { holdfast: { reliable } }) })}`);
  }

  async grant(through = 0, window = 100): Promise<{ key: string; again: number }> {
    const { holdfast } = await this.connect();
    this.accept({ through, window });
    return holdfast!.reliable!;
  }

  /** What the client asks for after CONNECT. */
  async asked(): Promise<{ ack: number; reliable: { key: string; again: number } }> {
    const { ack, event } = await this.event();
    const [name, asked] = event as [string, { reliable: { key: string; again: number } }];
    if (name !== "holdfast:ask") throw new Error(`expected holdfast:ask, got ${name}`);
    return { ack, reliable: asked.reliable };
  }

  /** As {@link grant}, after CONNECT. */
  async grantLate(through = 0, window = 100): Promise<{ key: string; again: number }> {
    const asked = await this.asked();
    this.answer(asked, { reliable: { through, window } });
    return asked.reliable;
  }

  /** The next event of the client, with its acknowledgement id. */
  async event(): Promise<{ ack: number; event: unknown[] }> {
    const [, ack, json] = /^42(\d+)(.*)$/s.exec(await this.packets.next())!;
    return { ack: Number(ack), event: JSON.parse(json!) };
  }

  async sent(): Promise<Sent> {
    const { ack, event } = await this.event();
    const [name, sequence, low, again, ...rest] = event;
    if (name !== "holdfast:emit") throw new Error(`expected holdfast:emit, got ${name}`);
    return { ack, sequence, low, again, event: rest } as Sent;
  }

  answer({ ack }: { ack: number }, ...outcome: unknown[]): void {
    this.say(`43${ack}${JSON.stringify(outcome)}`);
  }

  /** As if the network were cut. */
  drop(): void {
    this.#ws.terminate();
  }
}

/** A server that does nothing by itself but the handshake of Engine.IO. */
export class FakeServer {
  readonly connections = new Queue<FakeConnection>();
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer, handshake: object) {
    this.#server = server;
    server.on("connection", (ws) => this.connections.push(new FakeConnection(ws, handshake)));
    onTestFinished(() => {
      for (const ws of server.clients) ws.terminate();
      server.close();
    });
  }

  static async listen(handshake: object = { holdfast: 1, maxPayload: 1_000_000 }): Promise<FakeServer> {
    const server = new WebSocketServer({ port: 0 });
    await new Promise((resolve) => server.once("listening", resolve));
    return new FakeServer(server, handshake);
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A client of it, which disconnects when the test ends. */
  client(options: Options = {}, nsp = "/") {
    const socket = io(this.url + nsp, {
      transports: ["websocket"],
      reconnectionDelay: 1,
      forceNew: true,
      ...options,
    });
    onTestFinished(() => {
      socket.disconnect();
    });
    return socket;
  }
}

/** Resolves with the arguments of the next event. */
export function next(
  emitter: { once(event: never, listener: never): unknown },
  event: string,
): Promise<unknown[]> {
  return new Promise((resolve) => {
    emitter.once(event as never, ((...args: unknown[]) => resolve(args)) as never);
  });
}

/** What a promise rejects with, as code or message. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error) => error.code ?? error.message ?? error,
  );
