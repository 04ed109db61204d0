import { type Binary, extractBinary, hasBinary, insertBinary, isBinary } from "./binary.ts";

/** The revision of Socket.IO's protocol spoken here. */
export const protocol = 5;

export const PacketType = {
  CONNECT: 0,
  DISCONNECT: 1,
  EVENT: 2,
  ACK: 3,
  CONNECT_ERROR: 4,
  BINARY_EVENT: 5,
  BINARY_ACK: 6,
} as const;

export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** One Socket.IO packet. `data` of an event is its name and arguments, of an ack its arguments. */
export interface Packet {
  type: PacketType;
  nsp: string;
  data?: unknown;
  id?: number | undefined;
  attachments?: number;
}

/** A packet's text, followed by its binary attachments. */
export type EncodedPacket = [string, ...Binary[]];

const RESERVED_EVENTS = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

/** Names that mean something to Socket.IO itself and so are refused as an application's event on the wire. */
export const isReservedEvent = (name: unknown): boolean => RESERVED_EVENTS.has(name as string);

type Json = (this: unknown, key: string, value: unknown) => unknown;

/** Packets to text and attachments (Socket.IO protocol v5, "Packet encoding"). */
export class Encoder {
  readonly replacer: Json | undefined;

  /** @param replacer passed to JSON.stringify */
  constructor(replacer?: Json) {
    this.replacer = replacer;
  }

  /** Throws what JSON.stringify throws (a cycle, a BigInt). */
  encode(packet: Packet): EncodedPacket {
    let { type, data } = packet;
    const attachments: Binary[] = [];
    if ((type === PacketType.EVENT || type === PacketType.ACK) && hasBinary(data)) {
      type += 3;
      data = extractBinary(data, attachments);
    }
    let text = `${type}`;
    if (type > 4) text += `${attachments.length}-`;
    if (packet.nsp && packet.nsp !== "/") text += `${packet.nsp},`;
    if (packet.id != null) text += packet.id;
    if (data != null) text += JSON.stringify(data, this.replacer);
    return [text, ...attachments];
  }
}

export interface DecoderOptions {
  /** Passed to JSON.parse. */
  reviver?: Json;
  /** The most binary attachments one packet may announce. Default 10. */
  maxAttachments?: number;
}

/**
 * Text and attachments to packets. Has the shape that Socket.IO asks of a custom parser, so that either serves: one
 * listener for "decoded", `add`, `destroy`.
 */
export class Decoder {
  readonly #reviver: Json | undefined;
  readonly #attachmentsMax: number;
  #listener: (packet: Packet) => void = () => {};
  /** The packet whose attachments are still to come, and those that came. */
  #partial: Packet | undefined;
  #received: unknown[] = [];

  constructor(options: Json | DecoderOptions = {}) {
    const { reviver, maxAttachments = 10 } = typeof options === "function" ? { reviver: options } : options;
    this.#reviver = reviver;
    this.#attachmentsMax = maxAttachments;
  }

  on(_event: "decoded", listener: (packet: Packet) => void): this {
    this.#listener = listener;
    return this;
  }

  /** Throws on anything that the protocol does not allow; the caller then closes the connection. */
  add(chunk: unknown): void {
    const partial = this.#partial;
    if (typeof chunk === "string") {
      if (partial) throw new Error("got plaintext data when reconstructing a packet");
      const packet = this.#decode(chunk);
      if (packet.type > 4) {
        packet.type -= 3;
        this.#partial = packet;
      } else this.#listener(packet);
    } else if (isBinary(chunk) || (chunk as { base64?: boolean } | null)?.base64) {
      if (!partial) throw new Error("got binary data when not reconstructing a packet");
      if (this.#received.push(chunk) === partial.attachments) {
        const received = this.#received;
        this.destroy();
        partial.data = insertBinary(partial.data, received);
        delete partial.attachments;
        this.#listener(partial);
      }
    } else throw new Error(`Unknown type: ${chunk}`);
  }

  /** Forgets a packet whose attachments have not all come. */
  destroy(): void {
    this.#partial = undefined;
    this.#received = [];
  }

  #decode(text: string): Packet {
    const type = text.charCodeAt(0) - 48;
    if (!(type >= 0 && type <= 6)) throw new Error(`unknown packet type ${text[0]}`);
    const packet: Packet = { type: type as PacketType, nsp: "/" };
    let i = 1;
    if (type > 4) {
      const end = text.indexOf("-");
      const count = text.slice(1, end);
      if (end < 0 || !/^[1-9]\d*$/.test(count)) throw new Error("Illegal attachments");
      if (+count > this.#attachmentsMax) throw new Error("too many attachments");
      packet.attachments = +count;
      i = end + 1;
    }
    if (text[i] === "/") {
      const comma = text.indexOf(",", i);
      const end = comma < 0 ? text.length : comma;
      packet.nsp = text.slice(i, end);
      i = end + 1;
    }
    const start = i;
    while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
    if (i > start) packet.id = +text.slice(start, i);
    if (i < text.length) packet.data = this.#parse(text.slice(i));
    if (!isPayloadValid(packet)) throw new Error("invalid payload");
    return packet;
  }

  #parse(json: string): unknown {
    try {
      return JSON.parse(json, this.#reviver);
    } catch {
      throw new Error("invalid payload");
    }
  }
}

function isPayloadValid({ type, data }: Packet): boolean {
  if (type < 2) return data === undefined || (type === PacketType.CONNECT && isObject(data));
  if (type === PacketType.CONNECT_ERROR) return typeof data === "string" || isObject(data);
  if (!Array.isArray(data)) return false;
  if (type === PacketType.ACK || type === PacketType.BINARY_ACK) return true;
  return typeof data[0] === "number" || (typeof data[0] === "string" && !RESERVED_EVENTS.has(data[0]));
}

const isObject = (value: unknown) => !!value && typeof value === "object" && !Array.isArray(value);
