import { Decoder, Encoder, type Packet } from "@holdfast/protocol";
import { connect, type Wire } from "../negotiation/wire.ts";

/** As a client keeps it: room to offset and grant. */
export type Positions = Record<string, [offset: string, grant: string]>;

export interface Answer {
  key: string;
  refused: Record<string, string>;
  error?: { code: string; message: string };
}

/** A client of the test: keeps its positions as PROTOCOL §3.5 says, and everything that it heard. */
export class Reader {
  readonly wire: Wire;
  readonly nsp: string;
  answer!: Answer;
  /** The whole payload of the answer to CONNECT. */
  connected!: { sid: string; pid?: string };
  readonly positions: Positions = {};
  /** Events of the application, without the last argument. */
  readonly events: unknown[][] = [];
  /** What each of them ended in. */
  readonly ends: unknown[] = [];
  /** Control messages, without the last argument, and "event" for each event, in order. */
  readonly heard: unknown[][] = [];
  /** Where each room began for it: the offset that it was told first. */
  readonly floors = new Map<string, number>();
  /** Whether to give credit for each replayed event. */
  givesCredit = false;
  readonly #decoder = new Decoder();
  #rooms = new Set<string>();
  #replaying: string[] | undefined;

  constructor(wire: Wire, nsp: string) {
    this.wire = wire;
    this.nsp = nsp;
    this.#decoder.on("decoded", (packet) => this.#onPacket(packet));
  }

  /** Takes messages until the condition holds. */
  async until(condition: (reader: this) => boolean): Promise<this> {
    while (!condition(this)) {
      const message = await this.wire.next();
      if (message === "closed") throw new Error(`closed; heard ${JSON.stringify(this.heard)}`);
      if (typeof message === "string") {
        if (message.startsWith("4")) this.#decoder.add(message.slice(1));
      } else this.#decoder.add(message);
    }
    return this;
  }

  /** Until a control message of this name has come; returns the newest. */
  async control(name: string, count = 1): Promise<unknown[]> {
    const all = () => this.heard.filter((message) => message[0] === name);
    await this.until(() => all().length >= count);
    return all().at(-1)!;
  }

  async count(events: number): Promise<unknown[][]> {
    await this.until(() => this.events.length >= events);
    return this.events;
  }

  emit(...event: unknown[]): void {
    for (const part of new Encoder().encode({ type: 2, nsp: this.nsp, data: event }))
      this.wire.say(`4${part}`);
  }

  #onPacket({ type, nsp, data, id }: Packet): void {
    if (nsp !== this.nsp) return;
    if (type === 0) {
      const { holdfast, ...connected } = data as unknown as { sid: string; holdfast: { resume: Answer } };
      this.connected = connected;
      this.answer = holdfast.resume;
    } else if (type === 4) throw new Error(`refused: ${JSON.stringify(data)}`);
    if (type !== 2 && type !== 5) return;
    const args = data as unknown[];
    if (id !== undefined) {
      this.events.push(args);
      this.ends.push(undefined);
      this.heard.push(["event", ...args]);
      return;
    }
    const end = args.at(-1);
    if (typeof end === "number") this.#onControl(args.slice(0, -1));
    else {
      this.events.push(args.slice(0, -1));
      this.ends.push(end);
      this.heard.push(["event", ...args.slice(0, -1)]);
      if (this.#replaying && this.givesCredit) this.emit("holdfast:credit", 1);
      if (end === "") return;
      for (const room of this.#replaying ?? this.#rooms) this.#advance(room, end as string);
    }
  }

  #onControl(message: unknown[]): void {
    this.heard.push(message);
    const [name] = message;
    if (name === "joined") {
      const [, room, offset, grant] = message as [string, string, string, string];
      this.positions[room] = [offset, grant];
      this.#rooms.add(room);
      if (!this.floors.has(room)) this.floors.set(room, numberOf(offset));
    } else if (name === "left") {
      const [, room, offset] = message as [string, string, string];
      this.#advance(room, offset);
      this.#rooms.delete(room);
    } else if (name === "replay") this.#replaying = message[2] as string[];
    else if (name === "replayed") {
      this.#replaying = undefined;
      for (const [room, offset] of message[3] as [string, string][]) this.#advance(room, offset);
    }
  }

  #advance(room: string, offset: string): void {
    const position = this.positions[room];
    if (position && isLater(offset, position[0])) position[0] = offset;
  }
}

/** The number in an offset as clients see it. */
function numberOf(offset: string): number {
  return Number.parseInt(offset.slice(4), 36);
}

/** PROTOCOL §3.5. */
function isLater(a: string, b: string): boolean {
  const [x, y] = [a.slice(4), b.slice(4)];
  return x.length === y.length ? x > y : x.length > y.length;
}

export interface Asking {
  key?: string;
  positions?: Positions;
  credit?: number;
}

/** Connects, asks for resume, and waits for the answer. */
export async function reader(
  port: number,
  { credit = 1_000, ...asked }: Asking = {},
  { nsp = "/", auth = {} }: { nsp?: string; auth?: object } = {},
): Promise<Reader> {
  const wire = await connectTo(port, nsp, { ...auth, holdfast: { resume: { credit, ...asked } } });
  return new Reader(wire, nsp).until((it) => it.answer !== undefined);
}

/** The same client, on another connection: what it shows is what its storage holds. */
export function again(port: number, { answer, positions, nsp }: Reader, asking: Asking = {}, auth = {}) {
  return reader(port, { key: answer.key, positions: structuredClone(positions), ...asking }, { nsp, auth });
}

async function connectTo(port: number, nsp: string, payload: object): Promise<Wire> {
  if (nsp === "/") return connect(port, payload);
  const { Wire } = await import("../negotiation/wire.ts");
  const wire = new Wire(port);
  wire.open = await wire.json<Record<string, unknown>>("0");
  wire.say(`40${nsp},${JSON.stringify(payload)}`);
  return wire;
}
