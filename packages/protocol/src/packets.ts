import { type Binary, hasBinary, insertBinary, isBinary, stringifyBinary } from "./binary.ts";

/** The revision of Socket.IO's protocol spoken here. */
export const protocol = 5;

// an enum, so that bundlers put the numbers in place of the names
export enum PacketType {
  CONNECT,
  DISCONNECT,
  EVENT,
  ACK,
  CONNECT_ERROR,
  BINARY_EVENT,
  BINARY_ACK,
}

/** One Socket.IO packet. `data` of an event is its name and arguments, of an ack its arguments. */
export interface Packet {
  type: PacketType;
  nsp: string;
  data?: unknown;
  id?: number | undefined;
  attachments?: number | undefined;
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

/** Packets to text and attachments (Socket.IO protocol v5, "Packet encoding"). */
export class Encoder {
  /** Throws what JSON.stringify throws (a cycle, a BigInt). */
  encode({ type, nsp, id, data }: Packet): EncodedPacket {
    const attachments: Binary[] = [];
    let json: string | undefined;
    let count = "";
    if ((type === PacketType.EVENT || type === PacketType.ACK) && hasBinary(data)) {
      type += 3;
      json = stringifyBinary(data, attachments);
      count = `${attachments.length}-`;
    } else if (data != null) json = JSON.stringify(data);
    return [type + count + (nsp && nsp !== "/" ? `${nsp},` : "") + (id ?? "") + (json ?? ""), ...attachments];
  }
}

export interface DecoderOptions {
  /** The most binary attachments one packet may announce. Default 10. */
  maxAttachments?: number;
}

/**
 * Text and attachments to packets. Has the shape that Socket.IO asks of a custom parser, so that either serves: one
 * listener for "decoded", `add`, `destroy`.
 */
export class Decoder {
  declare private readonly _attachmentsMax: number;
  declare private _listener: ((packet: Packet) => void) | undefined;
  /** The packet whose attachments are still to come, and those that came. */
  declare private _partial: Packet | undefined;
  declare private _received: unknown[];

  constructor({ maxAttachments = 10 }: DecoderOptions = {}) {
    this._attachmentsMax = maxAttachments;
  }

  on(_event: "decoded", listener: (packet: Packet) => void): this {
    this._listener = listener;
    return this;
  }

  /** Throws on anything that the protocol does not allow; the caller then closes the connection. */
  add(chunk: unknown): void {
    let packet = this._partial;
    if (typeof chunk === "string" && !packet) {
      packet = decode(chunk);
      if (packet.attachments) {
        if (packet.attachments > this._attachmentsMax) throw new Error("illegal attachments");
        this._partial = packet;
        this._received = [];
        return;
      }
    } else {
      if (!packet || !isBinary(chunk)) throw new Error("illegal attachments");
      if (this._received.push(chunk) < packet.attachments!) return;
      packet.data = insertBinary(packet.data, this._received);
      packet.attachments = undefined;
      this.destroy();
    }
    this._listener?.(packet);
  }

  /** Forgets a packet whose attachments have not all come. */
  destroy(): void {
    this._partial = undefined;
  }
}

/** What the JSON of each type of packet begins with; none for CONNECT and DISCONNECT. */
const PAYLOADS = [/^({|$)/, /^$/, /^\[\s*["\d-]/, /^\[/, /^["{]/];

/** The packet in a text; one whose attachments follow has their number, and the plain type. */
function decode(text: string): Packet {
  const packet: Packet = { type: text.charCodeAt(0) - 48, nsp: "/" };
  let i = 1;
  /** The digits that come next, as a number; undefined for none. */
  const digits = () => {
    const start = i;
    while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
    return i > start ? +text.slice(start, i) : undefined;
  };
  if (packet.type > 4 && packet.type < 7) {
    packet.type -= 3;
    packet.attachments = digits();
    if (!packet.attachments || text[i++] !== "-") throw new Error("illegal attachments");
  }
  if (text[i] === "/") {
    const start = i;
    i = text.indexOf(",", i) + 1 || text.length + 1;
    packet.nsp = text.slice(start, i - 1);
  }
  packet.id = digits();
  const json = text.slice(i);
  if (PAYLOADS[packet.type]?.test(json)) {
    if (json) packet.data = JSON.parse(json);
    if (packet.type !== PacketType.EVENT || !isReservedEvent((packet.data as unknown[])[0])) return packet;
  }
  throw new Error("invalid payload");
}
