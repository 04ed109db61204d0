import type { StoredEvent } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { PacketSink } from "../adapter/index.ts";
import type { Codec } from "../codec.ts";
import { fromStored, type Dialect as LogDialect } from "../kept/index.ts";
import { type Gate, type Hold, OutgoingPacket, type Part } from "../outbox/index.ts";
import { type Stamps, stampText } from "../recovery/index.ts";

/** What events that are not stored end in (PROTOCOL §3.3). */
const UNSTORED = "";
/** What control messages end in: no application can make an event end so. */
const CONTROL = 1;

/** An outbox that some connections' packets take a shape of their own in. */
interface StampedOutbox extends PacketSink {
  readonly heldBytes: number;
  useStampedLane(): void;
}

/** How events look on the sockets of one namespace that speak resume: each ends in one more argument. */
export class Dialect implements LogDialect {
  readonly #namespace: string;
  readonly #codec: Codec;
  readonly #stamps: Stamps;

  constructor(namespace: string, codec: Codec, stamps: Stamps) {
    this.#namespace = namespace;
    this.#codec = codec;
    this.#stamps = stamps;
  }

  /** An offset as clients see it. */
  format(offset: number): string {
    return this.#stamps.format(offset);
  }

  /** The same packet as it is spoken: made once, for all. */
  spoken(packet: OutgoingPacket): OutgoingPacket {
    packet.spoken ??= this.#speak(packet);
    return packet.spoken;
  }

  parts({ payload, offset }: StoredEvent): readonly Part[] {
    return this.stored(fromStored(payload), offset);
  }

  /** A stored event. */
  stored(parts: readonly Part[], offset: number): readonly Part[] {
    return this.#append(parts, this.format(offset));
  }

  /** A control message. With a gate it may yet be dropped. */
  control(args: readonly unknown[], gate?: Gate): OutgoingPacket {
    const data = [...args, CONTROL];
    const parts = this.#codec.encoder.encode({ type: PacketType.EVENT, nsp: this.#namespace, data });
    return new OutgoingPacket(parts, { gate, stamp: true, follows: this.#namespace });
  }

  /** Whether a control message says something of where its client stands in rooms that it knows. */
  isPosition({ parts }: OutgoingPacket): boolean {
    const [name] = this.#codec.decodeParts(parts).data as unknown[];
    return name !== "joined";
  }

  #speak(packet: OutgoingPacket): OutgoingPacket {
    const { parts, compress, gate, stamp, stored } = packet;
    if (stamp === true || packet.type !== "message" || !this.#isPlainEvent(parts)) return packet;
    const end = stamp === undefined ? UNSTORED : this.format(stamp);
    return new OutgoingPacket(this.#append(parts, end), { compress, gate, stamp: true, stored });
  }

  #append(parts: readonly Part[], end: string): readonly Part[] {
    if (!this.#codec.isForeign) return stampText(parts, end);
    const { type, nsp, data } = this.#codec.decodeParts(parts);
    return this.#codec.encoder.encode({ type, nsp, data: [...(data as unknown[]), end] });
  }

  /** Whether it is an event that asks for no acknowledgement. */
  #isPlainEvent(parts: readonly Part[]): boolean {
    const [text] = parts;
    if (text === undefined) return false;
    if (this.#codec.isForeign) {
      const { type, id } = this.#codec.decodeParts(parts);
      return (type === PacketType.EVENT || type === PacketType.BINARY_EVENT) && id == null;
    }
    return typeof text === "string" && isPlainEvent(text);
  }
}

/** The connection's outbox, for one socket: what passes here is given the shape that its client expects. */
export class StampedSink implements PacketSink {
  readonly #outbox: StampedOutbox;
  readonly #dialect: Dialect;

  /** @param outbox that of a connection of our own engine */
  constructor(outbox: PacketSink, dialect: Dialect) {
    this.#outbox = outbox as StampedOutbox;
    this.#dialect = dialect;
    this.#outbox.useStampedLane();
  }

  get writable(): boolean {
    return this.#outbox.writable;
  }

  get heldBytes(): number {
    return this.#outbox.heldBytes;
  }

  push(packet: OutgoingPacket): void {
    this.#outbox.push(this.#dialect.spoken(packet));
  }

  share(packet: OutgoingPacket): void {
    this.#outbox.share(this.#dialect.spoken(packet));
  }

  skip(packet: OutgoingPacket): void {
    this.#outbox.skip(this.#dialect.spoken(packet));
  }

  hold(onReached: (hold: Hold) => void, isPatient?: boolean): Hold {
    return this.#outbox.hold(onReached, isPatient);
  }
}

/** Of an encoded packet: `2[`, `2/chat,[`, `51-[`; but not `27[`, whose digits ask for an acknowledgement. */
function isPlainEvent(text: string): boolean {
  const type = text.charCodeAt(0) - 48;
  let at = 1;
  if (type === PacketType.BINARY_EVENT) at = text.indexOf("-") + 1;
  else if (type !== PacketType.EVENT) return false;
  if (text[at] === "/") at = text.indexOf(",", at) + 1;
  return text[at] === "[";
}
