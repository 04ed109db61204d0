/** Starts servers with queues, and speaks to them as any Socket.IO client may. */
import { type Socket as ClientSocket, io as connect } from "socket.io-client";
import { onTestFinished } from "vitest";
import { MemoryStore, type Queue, type QueueOptions, type ServerOptions } from "../../src/index.ts";
import { next, type Running, serve } from "../support.ts";

export interface WithQueue extends Running {
  queue: Queue;
}

export interface JobMessage {
  queue: string;
  id: string;
  lease: string;
  data: unknown;
  attempt: number;
  attempts: number;
  leaseMs: number;
}

/** A server with one queue, "mail", where everybody may do everything unless `options` say otherwise. */
export async function serveQueue(
  options: Partial<ServerOptions> = {},
  queueOptions: QueueOptions = {},
): Promise<WithQueue> {
  const running = await serve({ store: "memory", queues: { authorize: () => true }, ...options });
  return { ...running, queue: running.io.queue("mail", { backoff: [1], ...queueOptions }) };
}

/** A store that several servers, one after the other, have in this test. */
export function storeForRestarts(): MemoryStore {
  const store = new MemoryStore();
  onTestFinished(() => store.close());
  return store;
}

/** A stock client. */
export class Client {
  readonly socket: ClientSocket;
  readonly jobs = new Inbox<JobMessage>();
  readonly states = new Inbox<{ state: string; [more: string]: unknown }>();
  readonly lost = new Inbox<{ lease: string; reason: string }>();

  constructor(socket: ClientSocket) {
    this.socket = socket;
    socket.on("holdfast:queue:job", (job) => this.jobs.push(job));
    socket.on("holdfast:queue:state", (state) => this.states.push(state));
    socket.on("holdfast:queue:lost", (lost) => this.lost.push(lost));
  }

  /** What the server acknowledges with. */
  call(name: string, ...args: unknown[]): Promise<unknown[]> {
    return new Promise((resolve) => {
      this.socket.emit(`holdfast:queue:${name}`, ...args, (...answer: unknown[]) => resolve(answer));
    });
  }

  /** The result; throws what the server refuses with. */
  async ask<Result = Record<string, unknown>>(name: string, ...args: unknown[]): Promise<Result> {
    const [error, result] = await this.call(name, ...args);
    if (error) throw error;
    return result as Result;
  }

  /** The code of the refusal. */
  async refusal(name: string, ...args: unknown[]): Promise<string | undefined> {
    const [error] = (await this.call(name, ...args)) as [{ code: string } | null];
    return error?.code;
  }

  /** The transport breaks, as it does when a network goes. */
  async cut(): Promise<void> {
    const closed = next(this.socket as never, "disconnect");
    this.socket.io.engine.close();
    await closed;
  }
}

/** A stock client, connected. It does not reconnect by itself. */
export async function clientOf({ port }: Pick<Running, "port">, namespace = "/"): Promise<Client> {
  const socket = connect(`http://localhost:${port}${namespace}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  onTestFinished(() => {
    socket.disconnect();
  });
  await next(socket as never, "connect");
  return new Client(socket);
}

/** What came, in order, for one who waits for it. */
export class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #readers: ((item: Item) => void)[] = [];

  push(item: Item): void {
    const reader = this.#readers.shift();
    if (reader) reader(item);
    else this.#items.push(item);
  }

  next(): Promise<Item> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#readers.push(resolve)) : Promise.resolve(item);
  }

  /** What came and was not read. */
  drain(): Item[] {
    return this.#items.splice(0);
  }
}
