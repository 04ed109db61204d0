import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerOptions } from "holdfast";
import { connect as connectWire, onCleanup, type Served, serve, Wire } from "../negotiation/wire.ts";

export { connectWire, onCleanup, type Served, serve, Wire };

export const KEY = "k".repeat(22);
export const ROOMS = { "chat:*": { keep: true } } as const;

/** Whatever a server can keep its outcomes in. */
export const STORES = ["memory", "lmdb"] as const;

export function storeOf(kind: (typeof STORES)[number]): string {
  if (kind === "memory") return "memory";
  const path = mkdtempSync(join(tmpdir(), "holdfast-reliable-"));
  onCleanup(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server with kept rooms, and what it reported. */
export async function start(options: Partial<ServerOptions> = {}): Promise<Served & { reports: unknown[] }> {
  const reports: unknown[] = [];
  const onError: ServerOptions["onError"] = (error, { stage, event }) => {
    reports.push({ code: (error as { code?: string }).code, message: error.message, stage, event });
  };
  const served = await serve({ store: "memory", rooms: ROOMS, onError, ...options });
  return { ...served, reports };
}

/** What a client is told of an entry. */
export type Outcome =
  | [0, unknown]
  | [1, { code: string; message?: string; data?: unknown }]
  | [2, number, { code: string }];

/** A client that speaks PROTOCOL §4, and does nothing by itself. */
export class Client {
  readonly wire: Wire;
  /** What the server granted. */
  granted: { through: number; window: number; error?: { code: string } } = { through: 0, window: 0 };
  /** Events, in order. */
  readonly events: unknown[][] = [];
  readonly #acks = new Map<number, (args: unknown) => void>();
  #ids = 0;
  #wake: (() => void)[] = [];

  constructor(wire: Wire) {
    this.wire = wire;
  }

  static async connect(
    port: number,
    reliable: object = { key: KEY, again: 0 },
    auth: object = {},
    asks = true,
  ): Promise<Client> {
    const wire = new Wire(port);
    await wire.json("0");
    wire.say(`40${JSON.stringify(asks ? { ...auth, holdfast: { reliable } } : auth)}`);
    const answer = await wire.json<{ holdfast?: { reliable: Client["granted"] } }>("40");
    const client = new Client(wire);
    if (answer.holdfast) client.granted = answer.holdfast.reliable;
    void client.#listen();
    return client;
  }

  /** Sends an entry, and resolves with its outcome. */
  emit(
    sequence: number,
    event: string,
    args: unknown[] = [],
    { low = 1, again = 0 }: { low?: number; again?: 0 | 1 } = {},
  ): Promise<Outcome> {
    return this.call("holdfast:emit", sequence, low, again, event, ...args) as Promise<Outcome>;
  }

  /** Emits with an acknowledgement, as any client does. */
  call(...event: unknown[]): Promise<unknown> {
    const id = this.#ids++;
    this.wire.say(`42${id}${JSON.stringify(event)}`);
    return new Promise((resolve) => this.#acks.set(id, resolve));
  }

  /** Resolves with the first events, once so many have come. */
  async heard(count: number): Promise<unknown[][]> {
    while (this.events.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.events.slice(0, count);
  }

  close(): Promise<void> {
    this.wire.socket.close();
    return this.wire.closed;
  }

  async #listen(): Promise<void> {
    for (;;) {
      const text = String(await this.wire.next());
      if (text === "closed") return;
      const ack = /^43(\d+)(.*)$/s.exec(text);
      if (ack) this.#acks.get(Number(ack[1]))?.(JSON.parse(ack[2]!));
      else if (text.startsWith("42")) this.events.push(JSON.parse(text.slice(2)));
      for (const wake of this.#wake.splice(0)) wake();
    }
  }
}

/** A promise and what settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
