/** Starts servers and stock clients for the tests of the Socket.IO layer, and puts them away. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Socket as ClientSocket, io as connect } from "socket.io-client";
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import { Server, type ServerOptions, type Socket } from "../src/index.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Running {
  io: Server;
  port: number;
}

/** A server on a free port. */
export async function serve(options: Partial<ServerOptions> = {}): Promise<Running> {
  const http = createServer();
  return listen(new Server(http, options), http);
}

/** @param port 0: any that is free */
export async function listen(io: Server, http: ReturnType<typeof createServer>, port = 0): Promise<Running> {
  await new Promise<void>((resolve) => http.listen(port, resolve));
  cleanups.push(async () => {
    const closed = io.close();
    http.closeAllConnections();
    http.close();
    await closed;
  });
  return { io, port: (http.address() as AddressInfo).port };
}

/** The next event's arguments. */
export function next<Args extends unknown[] = unknown[]>(
  emitter: { once(event: string, listener: (...args: never[]) => void): unknown },
  event: string,
): Promise<Args> {
  return new Promise((resolve) => {
    emitter.once(event, (...args: never[]) => resolve(args as unknown as Args));
  });
}

/** A stock client, connected, and its socket on the server. */
export async function pair({ io, port }: Running, namespace = "/"): Promise<[Socket, ClientSocket]> {
  const arrival = next<[Socket]>(io.of(namespace) as never, "connection");
  const client = connect(`http://localhost:${port}${namespace}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  cleanups.push(() => client.disconnect());
  const [[socket]] = await Promise.all([arrival, next(client as never, "connect")]);
  return [socket, client];
}

/** A WebSocket that speaks Engine.IO frames as text, and what came over it. */
export interface Raw {
  ws: WebSocket;
  /** The next message that is not a ping. */
  read(): Promise<string>;
  closed: Promise<void>;
}

/** A raw connection whose handshake has been read. */
export async function raw(port: number): Promise<Raw> {
  const ws = new WebSocket(`ws://localhost:${port}/socket.io/?EIO=4&transport=websocket`);
  cleanups.push(() => ws.terminate());
  const received: string[] = [];
  const readers: ((text: string) => void)[] = [];
  ws.on("message", (data) => {
    const text = String(data);
    if (text === "2") return;
    const reader = readers.shift();
    if (reader) reader(text);
    else received.push(text);
  });
  ws.on("error", () => {});
  const closed = new Promise<void>((resolve) => ws.once("close", () => resolve()));
  const read = () => {
    const text = received.shift();
    return text === undefined
      ? new Promise<string>((resolve) => readers.push(resolve))
      : Promise.resolve(text);
  };
  await read();
  return { ws, read, closed };
}

/** What a client hears, by name. */
export function record(client: ClientSocket): string[] {
  const heard: string[] = [];
  client.onAny((event) => heard.push(event));
  return heard;
}
