import { type Binary, hasBinary, insertBinary, isBinary } from "./binary.ts";
import { decode } from "./decode.ts";
import { type EncodedPacket, type Packet, PacketType } from "./packet.ts";
import { stringifyBinary } from "./stringify-binary.ts";

/** Packets to text and attachments (Socket.IO protocol v5, "Packet encoding"). */
export class Encoder {
  /** Throws what JSON.stringify throws (a cycle, a BigInt). */
  encode({ type, nsp, id, data }: Packet): EncodedPacket {
    const attachments: Binary[] = [];
    let json = "";
    let count = "";
    if ((type === PacketType.EVENT || type === PacketType.ACK) && hasBinary(data)) {
      type += 3;
      json = stringifyBinary(data, attachments);
      count = `${attachments.length}-`;
    } else if (data != null) json = JSON.stringify(data);
    return [type + count + (nsp && nsp !== "/" ? `${nsp},` : "") + (id ?? "") + json, ...attachments];
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
