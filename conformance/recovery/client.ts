import { Agent } from "node:http";
import { io, type Socket } from "socket.io-client";

const TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]];

interface Internals {
  receiveBuffer: unknown[][];
  io: { engine: { transport: { name: string; ws?: { terminate(): void } } } };
}

/** A stock client that records what it got, and whose network can be cut. */
export class RecordingClient {
  readonly n: number;
  readonly transports: string;
  /** Numbers of events, in the order of their arrival. */
  readonly orders: number[] = [];
  connects = 0;
  notRecovered = 0;
  /** Events that it got before the answer to its CONNECT, and kept although that never came. */
  readonly retained = new Set<number>();
  readonly socket: Socket;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string, n: number) {
    this.n = n;
    const transports = TRANSPORTS[n % TRANSPORTS.length]!;
    this.transports = transports.join("+");
    this.socket = io(url, {
      forceNew: true,
      transports,
      auth: { n },
      agent: this.#agent as never,
      reconnectionDelay: 50,
      reconnectionDelayMax: 300,
    });
    this.socket.on("connect", () => {
      this.connects++;
      if (this.connects > 1 && !this.socket.recovered) this.notRecovered++;
    });
    this.socket.on("event", (order: number) => this.orders.push(order));
    this.socket.io.on("close", () => {
      for (const [name, order] of (this.socket as unknown as Internals).receiveBuffer) {
        if (name === "event") this.retained.add(order as number);
      }
    });
  }

  /** Its connection breaks, without a word to either side. */
  cut(): void {
    (this.socket as unknown as Internals).io.engine.transport?.ws?.terminate();
    this.#agent.destroy();
  }

  close(): void {
    this.socket.disconnect();
    this.#agent.destroy();
  }
}
