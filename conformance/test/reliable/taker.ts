import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { cleanUpLater } from "../../src/cleanup.ts";
import { Queue } from "../../src/events.ts";

/** What an entry did: each of these is one effect. */
export interface Effect {
  key: string;
  sequence: number;
  event: unknown[];
  /** The number of the connection that it came by. */
  connection: number;
}

/**
 * The server's end of PROTOCOL §4 in memory and in a page of code: what the client's end is measured with. It answers at
 * once, or when it is told to.
 */
export class Taker {
  readonly effects: Effect[] = [];
  /** Each entry that came, repeats included. */
  readonly arrivals = new Queue<Effect>("entry");
  /** Violations of the protocol. */
  readonly faults: string[] = [];
  port = 0;
  isAnswering = true;
  #http: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #connections = 0;
  readonly #keys = new Map<string, Map<number, unknown>>();
  #unanswered: (() => void)[] = [];

  /** Listens, on the same port as before. */
  async listen(): Promise<void> {
    const http = createServer();
    this.#http = http;
    this.#sockets = new WebSocketServer({ server: http });
    this.#sockets.on("connection", (ws) => this.#serve(ws, ++this.#connections));
    await new Promise<void>((resolve) => http.listen(this.port, resolve));
    this.port = (http.address() as AddressInfo).port;
    cleanUpLater(() => this.stop());
  }

  /** Takes a port, and is not there yet. */
  static async absent(): Promise<Taker> {
    const taker = new Taker();
    await taker.listen();
    taker.stop();
    return taker;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  stop(): void {
    for (const ws of this.#sockets?.clients ?? []) ws.terminate();
    this.#http?.close();
    this.#unanswered = [];
  }

  /** Answers what waits, and from now on at once. */
  answer(): void {
    this.isAnswering = true;
    for (const answer of this.#unanswered.splice(0)) answer();
  }

  #serve(ws: WebSocket, connection: number): void {
    let key = "";
    let last = 0;
    ws.send(
      `0${JSON.stringify({ sid: `s${connection}`, upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1e6, holdfast: 1 })}`,
    );
    ws.on("message", (data) => {
      const text = String(data);
      if (text.startsWith("40")) {
        key = JSON.parse(text.slice(2)).holdfast.reliable.key;
        if (!this.#keys.has(key)) this.#keys.set(key, new Map());
        ws.send(`40{"sid":"id${connection}","holdfast":{"reliable":{"through":0,"window":10}}}`);
        return;
      }
      const [, ack, json] = /^42(\d+)(.*)$/s.exec(text) ?? [];
      if (!json) return;
      const [, sequence, low, , ...event] = JSON.parse(json);
      const entry = { key, sequence, event, connection };
      if (sequence <= last) this.faults.push(`${sequence} came behind ${last}`);
      if (low > sequence) this.faults.push(`${sequence} says that ${low} is the lowest`);
      last = sequence;
      this.#take(entry, (reply) => ws.send(`43${ack}${JSON.stringify([0, reply])}`));
    });
  }

  #take(entry: Effect, answer: (reply: unknown) => void): void {
    const replies = this.#keys.get(entry.key)!;
    if (!replies.has(entry.sequence)) {
      this.effects.push(entry);
      replies.set(entry.sequence, `reply to ${entry.event.join(" ")}`);
    }
    const send = () => answer(replies.get(entry.sequence));
    if (this.isAnswering) send();
    else this.#unanswered.push(send);
    this.arrivals.push(entry);
  }
}
