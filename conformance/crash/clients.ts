import { io, type Socket } from "socket.io-client";
import { ROOMS } from "./rooms.ts";

const OPTIONS = {
  forceNew: true,
  reconnectionDelay: 20,
  reconnectionDelayMax: 100,
  randomizationFactor: 0.5,
};

/** What a stock client saw over one connection, in order. */
export interface View {
  /** The position that it asked to go on from; null for one that joined live. */
  readonly since: string | null;
  /** Whether its join was answered without a gap. */
  isJoined: boolean;
  readonly names: string[];
}

/** A stock client that joins the rooms with each connection, and records what it sees. */
export class Reader {
  readonly views: View[] = [];
  readonly #socket: Socket;

  /** @param since asked with each connection: where to go on from */
  constructor(url: string, transport: string, since: () => string | null) {
    this.#socket = io(url, { ...OPTIONS, transports: [transport] });
    this.#socket.on("connect", () => {
      const view: View = { since: since(), isJoined: false, names: [] };
      this.views.push(view);
      this.#socket.emit("join", view.since, (result: { gaps?: unknown[] } | null) => {
        if (result?.gaps?.length) throw new Error(`a gap: ${JSON.stringify(result.gaps)}`);
        view.isJoined = true;
      });
    });
    this.#socket.on("event", (name: string) => this.views.at(-1)!.names.push(name));
  }

  close(): void {
    this.#socket.disconnect();
  }
}

/** A stock client that publishes through a handler, several events at a time. */
export class Publisher {
  /** Positions by the name of the event. */
  readonly acknowledged = new Map<string, string>();
  /** The newest position that it was told. */
  latest: string | null = null;
  readonly #socket: Socket;
  readonly #id: string;
  #count = 0;

  constructor(url: string, transport: string, id: string) {
    this.#id = id;
    this.#socket = io(url, { ...OPTIONS, transports: [transport] });
    let run = 0;
    this.#socket.on("connect", () => {
      run++;
      for (let i = 0; i < 4; i++) this.#publish(run);
    });
  }

  close(): void {
    this.#socket.disconnect();
  }

  #publish(run: number): void {
    const i = this.#count++;
    const rooms = i % 5 === 0 ? ROOMS : [ROOMS[i % ROOMS.length]];
    // a name per connection: what was sent when it broke may be stored, or not
    const name = `${this.#id}-${run}:${i}`;
    this.#socket.emit("publish", rooms, name, (position: string) => {
      this.acknowledged.set(name, position);
      this.latest = position;
      if (this.#socket.connected) this.#publish(run);
    });
  }
}
