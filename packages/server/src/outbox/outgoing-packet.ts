import { encodeBase64, type FrameType, frameTypes } from "@holdfast/protocol";
import type { Gate } from "./gate.ts";
import type { StoredAs } from "./stored-as.ts";
import { frameSize, writeFrameHeader } from "./websocket-frame.ts";

/** Text or bytes, each of which becomes one frame. */
export type Part = string | Buffer | ArrayBuffer | ArrayBufferView;

export interface OutgoingPacketOptions {
  /** The frame type of the parts. Default "message". */
  type?: FrameType;
  /** Whether the transport may compress it. Default true. */
  compress?: boolean;
  /** Keeps the packet, and whatever the connection is owed after it, from leaving until it opens. */
  gate?: Gate | undefined;
  /** See {@link OutgoingPacket.stamp}. */
  stamp?: number | true | undefined;
  /** See {@link OutgoingPacket.stored}. */
  stored?: StoredAs | undefined;
  /** See {@link OutgoingPacket.follows}. */
  follows?: string | undefined;
}

/** From this size a frame is written by reference instead of being copied beside its neighbours. */
const COPY_BYTES_MAX = 16 * 1024;

/**
 * One encoded packet (its text and its attachments), or one frame of another type, on its way to any number of
 * connections. Bytes are built when first needed and then shared.
 */
export class OutgoingPacket {
  readonly parts: readonly Part[];
  readonly type: FrameType;
  readonly compress: boolean;
  readonly gate: Gate | undefined;
  /** Where in the log it stands; undefined if nowhere. */
  readonly stored: StoredAs | undefined;
  /** The namespace whose stored packets it must not overtake, although it is not stored itself. */
  readonly follows: string | undefined;
  /** Roughly the bytes on the wire (text counted in UTF-16 units), for the limits of an outbox. */
  readonly size: number;
  /**
   * For connections that are told where they stand: the offset at which the packet is stored, if it is; or true if it
   * says so itself.
   */
  readonly stamp: number | true | undefined;
  /** The same as it goes to these connections, once the first of them was owed it. */
  spoken: OutgoingPacket | undefined = undefined;
  #webSocketFrames: Buffer[] | undefined;
  #pollingText: string[] | undefined;

  /** @throws TypeError if a part is neither text nor bytes, such as a Blob */
  constructor(
    parts: readonly Part[],
    { type = "message", compress = true, gate, stamp, stored, follows }: OutgoingPacketOptions = {},
  ) {
    this.parts = parts;
    this.type = type;
    this.compress = compress;
    this.gate = gate;
    this.stamp = stamp;
    this.stored = stored;
    this.follows = follows;
    let size = 0;
    for (const part of parts) size += (typeof part === "string" ? part.length : part.byteLength) + 8;
    // a Blob, whose bytes could only be had later: better here, where it was issued, than when others wait
    if (Number.isNaN(size)) throw new TypeError("only text, ArrayBuffers and views of them can be sent");
    this.size = size;
  }

  /** Whether its frames should be written by reference (see {@link webSocketFrames}) instead of copied. */
  get isLarge(): boolean {
    return this.size > COPY_BYTES_MAX;
  }

  /** The exact bytes that {@link writeTo} takes. */
  webSocketSize(): number {
    let size = 0;
    for (const part of this.parts) {
      size += frameSize(typeof part === "string" ? 1 + Buffer.byteLength(part) : part.byteLength);
    }
    return size;
  }

  /** Writes its WebSocket frames (RFC 6455 §5.2) at `offset` and returns the offset behind them. */
  writeTo(target: Buffer, offset: number): number {
    for (const part of this.parts) {
      if (typeof part === "string") {
        // the length is known only after writing; short ASCII, nearly all text, is right at the first try
        const start = offset;
        const guess = frameSize(1 + part.length) - 1 - part.length;
        let written = target.write(part, start + guess + 1);
        const header = frameSize(1 + written) - 1 - written;
        if (header !== guess) written = target.write(part, start + header + 1);
        offset = writeFrameHeader(target, start, 1, 1 + written);
        target[offset] = 48 + frameTypes.indexOf(this.type);
        offset += 1 + written;
      } else {
        offset = writeFrameHeader(target, offset, 2, part.byteLength);
        target.set(bytesOf(part), offset);
        offset += part.byteLength;
      }
    }
    return offset;
  }

  /** Its WebSocket frames as buffers, built once. Large attachments are referred to, not copied. */
  webSocketFrames(): readonly Buffer[] {
    if (this.#webSocketFrames) return this.#webSocketFrames;
    const frames: Buffer[] = [];
    for (const part of this.parts) {
      if (typeof part === "string") {
        const length = 1 + Buffer.byteLength(part);
        const buffer = Buffer.allocUnsafe(frameSize(length));
        const start = writeFrameHeader(buffer, 0, 1, length);
        buffer[start] = 48 + frameTypes.indexOf(this.type);
        buffer.write(part, start + 1);
        frames.push(buffer);
      } else if (part.byteLength > COPY_BYTES_MAX) {
        const header = Buffer.allocUnsafe(frameSize(part.byteLength) - part.byteLength);
        writeFrameHeader(header, 0, 2, part.byteLength);
        frames.push(header, bytesOf(part));
      } else {
        const buffer = Buffer.allocUnsafe(frameSize(part.byteLength));
        buffer.set(bytesOf(part), writeFrameHeader(buffer, 0, 2, part.byteLength));
        frames.push(buffer);
      }
    }
    this.#webSocketFrames = frames;
    return frames;
  }

  /** Its frames as records of an Engine.IO v4 polling payload, built once. */
  pollingText(): readonly string[] {
    if (this.#pollingText) return this.#pollingText;
    const digit = frameTypes.indexOf(this.type);
    this.#pollingText = this.parts.map((part) =>
      typeof part === "string" ? digit + part : `b${encodeBase64(bytesOf(part))}`,
    );
    return this.#pollingText;
  }
}

/** The bytes behind any kind of part, without a copy. */
export function bytesOf(part: Exclude<Part, string>): Buffer {
  if (Buffer.isBuffer(part)) return part;
  return ArrayBuffer.isView(part)
    ? Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    : Buffer.from(part);
}
