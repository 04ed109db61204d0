import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Queue, type QueueOptions, Server, type ServerOptions } from "holdfast";
import { io as connect, type Socket } from "holdfast-client";
import { cleanUpLater } from "../../src/cleanup.ts";

export interface Running {
  io: Server;
  queue: Queue;
  url: string;
  port: number;
}

/** A server with the queue "mail", where everybody may do everything. */
export async function serve(
  queueOptions: QueueOptions = {},
  options: Partial<ServerOptions> = {},
  port = 0,
): Promise<Running> {
  const http = createServer();
  const io = new Server(http, { store: "memory", queues: { authorize: () => true }, ...options });
  const queue = io.queue("mail", { backoff: [1], ...queueOptions });
  await new Promise<void>((resolve) => http.listen(port, resolve));
  cleanUpLater(async () => {
    http.closeAllConnections();
    await io.close();
  });
  const bound = (http.address() as AddressInfo).port;
  return { io, queue, port: bound, url: `http://localhost:${bound}` };
}

/** Our client, which reconnects at once. */
export function client({ url }: Pick<Running, "url">): Socket {
  const socket = connect(url, {
    forceNew: true,
    transports: ["websocket"],
    reconnectionDelay: 5,
    reconnectionDelayMax: 20,
  });
  cleanUpLater(() => socket.disconnect());
  return socket;
}

/** Breaks every connection, as a network does. */
export function cut({ io }: Running): void {
  for (const socket of io.sockets.sockets.values()) socket.conn.close(true);
}

/** A promise to be settled by hand. */
export function deferred<Value = void>(): {
  promise: Promise<Value>;
  resolve(value: Value): void;
} {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
