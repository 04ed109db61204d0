import { readFile } from "node:fs/promises";
import { io } from "holdfast-client";
import { CuttingProxy } from "../kills/cutting-proxy.ts";
import { roomsOf } from "./plan.ts";

const TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]];
const LATE_MS = 30;

/** What a client got: the number of an event, and how many times it had been reloaded by then. */
export interface Arrival {
  readonly order: number;
  readonly reloads: number;
}

type Storage = { getItem(key: string): string | undefined; setItem(key: string, value: string): void };

/** Where positions of several clients are kept together. */
const shared = new Map<string, string>();

/** A client of ours that resumes, and records what it got. Its network can be cut, and it can be reloaded. */
export class ResumingClient {
  readonly n: number;
  readonly arrivals: Arrival[] = [];
  /** Rooms that it was told it joined, by the number of the event that told it. */
  readonly extras = new Map<string, number>();
  reloads = 0;
  connects = 0;
  recovered = 0;
  replays = 0;
  gaps = 0;
  refused = 0;
  readonly errors: string[] = [];
  readonly #proxy: CuttingProxy;
  readonly #file: string | undefined;
  readonly #texts: Map<string, string>;
  #socket: ReturnType<typeof io>;
  /** Lets go of the storage as a process does that is killed. */
  #detach = () => {};

  private constructor(n: number, proxy: CuttingProxy, folder: string) {
    this.n = n;
    this.#proxy = proxy;
    this.#file = n % 3 === 0 ? `${folder}/positions-${n}.json` : undefined;
    this.#texts = n % 3 === 1 ? shared : new Map();
    this.#socket = this.#open();
  }

  static async to(port: number, n: number, folder: string): Promise<ResumingClient> {
    return new ResumingClient(n, await CuttingProxy.to(port), folder);
  }

  get isConnected(): boolean {
    return this.#socket.connected;
  }

  /** Whether it has heard where it stands in each of its rooms: what it never heard it cannot continue from. */
  get stands(): boolean {
    const { positions } = this.#socket.recovery;
    return this.rooms.every((room) => positions?.has(room));
  }

  get isReplaying(): boolean {
    return this.#socket.recovery.replaying !== undefined;
  }

  get rooms(): string[] {
    return [...roomsOf(this.n), ...this.extras.keys()];
  }

  /** Its connection breaks, without a word to the client. */
  cut(): void {
    this.#proxy.cut(1);
  }

  stop(): Promise<unknown> {
    return this.#socket.emitWithAck("stop");
  }

  /**
   * A fresh client on the same storage. The old one leaves, or its process dies; not before it has stored that it is in
   * each of its rooms, since what it never stored it cannot continue from. False: that is still to come.
   */
  async reload(): Promise<boolean> {
    const stored = await this.#stored();
    if (!this.rooms.every((room) => stored.includes(`${JSON.stringify(room)}:`))) return false;
    if (this.#file === undefined && Math.random() < 0.5) {
      this.#detach();
      this.#proxy.cut(1);
    }
    this.#socket.disconnect();
    this.reloads++;
    this.#socket = this.#open();
    return true;
  }

  close(): void {
    this.#socket.disconnect();
    this.#proxy.close();
  }

  #open(): ReturnType<typeof io> {
    const { n, reloads } = this;
    const socket = io(`http://localhost:${this.#proxy.port}`, {
      forceNew: true,
      transports: TRANSPORTS[n % TRANSPORTS.length]!,
      auth: (give) => {
        const stands = this.rooms.every((room) => socket.recovery.positions?.has(room));
        give({ n, stands, extras: [...this.extras.keys()] });
      },
      reconnectionDelay: 50,
      reconnectionDelayMax: 300,
      resume: {
        ...(this.#file === undefined ? { storage: this.#storage() } : { file: this.#file }),
        user: `${n}`,
        // so few that replays wait for them
        ...(n % 5 === 0 ? { credit: 3 } : {}),
      },
    });
    const onEvent = (order: number) => this.arrivals.push({ order, reloads });
    // a handler that is there only after an `await`
    if (n % 4 === 1) socket.once("connect", () => setTimeout(() => socket.on("event", onEvent), LATE_MS));
    else socket.on("event", onEvent);
    // others hear what no listener of theirs wants only when their time is over: positions wait for that
    if (n % 2 === 0) for (const name of ["noise", "typing"]) socket.on(name, () => {});
    socket.on("joined", (order: number, room: string) => {
      if (this.reloads === reloads) this.extras.set(room, order);
    });
    socket.on("connect", () => {
      this.connects++;
      if (socket.recovered) this.recovered++;
    });
    socket.recovery.on("replayed", () => this.replays++);
    socket.recovery.on("gap", () => this.gaps++);
    socket.recovery.on("refused", ({ room, code }) => {
      this.refused++;
      this.errors.push(`${n}: ${code} ${room}`);
    });
    socket.recovery.on("error", (error) => this.errors.push(`${n}: ${error.code} ${error.message}`));
    return socket;
  }

  #storage(): Storage {
    const texts = this.#texts;
    let isAttached = true;
    this.#detach = () => {
      isAttached = false;
    };
    return {
      getItem: (key) => texts.get(key),
      setItem: (key, value) => {
        if (isAttached) texts.set(key, value);
      },
    };
  }

  /** All that is kept for it, as text. */
  async #stored(): Promise<string> {
    const isOurs = (key: string) => key.endsWith(` ${this.n}`);
    const texts =
      this.#file === undefined
        ? Object.fromEntries(this.#texts)
        : JSON.parse(await readFile(this.#file, "utf8").catch(() => "{}"));
    const ours = Object.keys(texts).find(isOurs);
    return ours === undefined ? "" : (texts[ours] as string);
  }
}
