import { Decoder, Encoder, isReservedEvent, nestsDeeper, type Packet, PacketType } from "@holdfast/protocol";
import type { Part } from "./outbox/index.ts";

/** What one connection's decoder must do: hand each packet to the listener, throw on what is no packet. */
export interface PacketDecoder {
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
  add(chunk: unknown): void;
  destroy(): void;
}

/** The `parser` option: what `socket.io-parser` exports, or `socket.io-msgpack-parser`. */
export interface Parser {
  Encoder: new () => { encode(packet: Packet): Part[] };
  Decoder: new () => PacketDecoder;
}

export interface CodecLimits {
  /** The most binary attachments of one packet. */
  attachmentsMax: number;
  /** How deep the arrays and objects of one packet may nest. */
  jsonDepthMax: number;
  /** The most arguments of one event or acknowledgement. */
  argumentsMax: number;
}

/** Packets to what connections send and back, for all connections of a server. */
export class Codec {
  readonly encoder: { encode(packet: Packet): Part[] };
  readonly #parser: Parser | undefined;
  readonly #limits: CodecLimits;
  /** Texts without attachments need no state, so that one decoder serves all. */
  readonly #shared: Decoder;
  #decoded: Packet | undefined;

  /** @param parser undefined for Socket.IO's own encoding */
  constructor(parser: Parser | undefined, limits: CodecLimits) {
    this.#parser = parser;
    this.#limits = limits;
    // blobs are for browsers: a server that sends one fails as it is written
    this.encoder = parser
      ? new parser.Encoder()
      : (new Encoder() as Pick<Encoder, never> as Codec["encoder"]);
    this.#shared = new Decoder().on("decoded", (packet) => {
      this.#decoded = packet;
    });
  }

  /** Whether each connection needs a decoder from its beginning. */
  get isForeign(): boolean {
    return this.#parser !== undefined;
  }

  /** The packet in a message; undefined if attachments follow, which need {@link decoder}. Throws if it is none. */
  decode(message: string | Buffer): Packet | undefined {
    if (typeof message === "string") {
      this.#checkDepth(message);
      const type = message.charCodeAt(0) - 48;
      if (type === PacketType.BINARY_EVENT || type === PacketType.BINARY_ACK) return undefined;
    }
    this.#shared.add(message);
    this.#checkArguments(this.#decoded);
    return this.#decoded;
  }

  /** The packet in what this codec's encoder made of one. */
  decodeParts(parts: readonly Part[]): Packet {
    let decoded: Packet | undefined;
    const decoder: PacketDecoder = this.#parser
      ? new this.#parser.Decoder()
      : new Decoder({ maxAttachments: Number.POSITIVE_INFINITY });
    decoder.on("decoded", (packet) => {
      decoded = packet;
    });
    for (const part of parts) decoder.add(part);
    decoder.destroy();
    if (!decoded) throw new Error("not a whole packet");
    return decoded;
  }

  /** A decoder for one connection. */
  decoder(onPacket: (packet: Packet) => void): PacketDecoder {
    if (!this.#parser) {
      return new Decoder({ maxAttachments: this.#limits.attachmentsMax }).on("decoded", (packet) => {
        this.#checkArguments(packet);
        onPacket(packet);
      });
    }
    const decoder = new this.#parser.Decoder();
    decoder.on("decoded", (packet) => {
      checkForeign(packet);
      this.#checkArguments(packet);
      onPacket(packet);
    });
    return decoder;
  }

  /** They are passed on the stack, which a call with too many would overflow. */
  #checkArguments(packet: Packet | undefined): void {
    const data = packet?.data;
    if (Array.isArray(data) && data.length > this.#limits.argumentsMax) throw new Error("invalid payload");
  }

  #checkDepth(text: string): void {
    if (nestsDeeper(text, this.#limits.jsonDepthMax)) throw new Error("invalid payload");
  }
}

/** What a foreign parser may let through although it would do harm: our own checks this itself. */
function checkForeign({ type, data }: Packet): void {
  if (type !== PacketType.EVENT && type !== PacketType.BINARY_EVENT) return;
  const name = Array.isArray(data) ? data[0] : undefined;
  if ((typeof name !== "string" && typeof name !== "number") || isReservedEvent(name)) {
    throw new Error("invalid payload");
  }
}
