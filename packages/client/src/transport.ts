import { decodeFrame, encodeFrame, encodeFrameText, type Frame, type FrameType } from "@holdfast/protocol";
import { Emitter } from "./emitter.ts";
import type { Loose } from "./events.ts";
import type { EngineOptions } from "./options.ts";
import { bracket, encodeQuery } from "./url.ts";

/** Text, or bytes. */
export type RawData = Loose;

export type BinaryType = "arraybuffer" | "nodebuffer" | "blob";

/** Cookies, where no browser keeps them. */
export interface CookieJar {
  /** @param lines Set-Cookie headers */
  parseCookies(lines: readonly string[] | undefined): void;
  appendCookies(headers: { append(name: string, value: string): void }): void;
  /** The Cookie header, or an empty text. */
  header(): string;
}

/** What a transport sees of its connection. */
export interface TransportOwner {
  readonly binaryType: BinaryType;
  readonly _cookieJar: CookieJar | undefined;
}

export interface WriteOptions {
  /** Whether the transport may compress. Default true. */
  compress?: boolean;
}

/** A frame on its way out or in; the name is the one that Socket.IO gives it. */
export interface Packet {
  type: FrameType | "error";
  data?: RawData;
  options?: WriteOptions;
}

export interface CloseDetails {
  description: string;
  context?: unknown;
}

/** Why a transport failed. */
export class TransportError extends Error {
  readonly type = "TransportError";
  /** More detail: the status of an HTTP response, for one. */
  readonly description: unknown;
  /** What knows everything: an XMLHttpRequest, a Response, an event. */
  readonly context: unknown;
  /** How long the server asks to be left alone (HTTP's Retry-After), where it does. */
  data?: { retryAfterMs: number };

  constructor(reason: string, description?: unknown, context?: unknown) {
    super(reason);
    this.description = description;
    this.context = context;
  }
}

export type TransportOptions = EngineOptions & {
  query: Record<string, Loose>;
  socket: TransportOwner;
  hostname: string;
  secure: boolean;
  port: string | number;
};

interface TransportEvents {
  open: () => void;
  error: (error: Error) => void;
  packet: (packet: Packet) => void;
  close: (details?: CloseDetails) => void;
  drain: () => void;
  poll: () => void;
  pollComplete: () => void;
}

/**
 * What moves the frames of one connection. A subclass MUST implement `doOpen`, `doClose` and `write`; it reports
 * through `onOpen`, `onData`, `onError` and `onClose`, and after each `write` sets `writable` and emits "drain".
 */
export abstract class Transport extends Emitter<Record<never, never>, TransportEvents, TransportEvents> {
  readyState: "opening" | "open" | "closed" | "pausing" | "paused" | undefined;
  /** Whether a write may start. */
  writable = false;
  opts: TransportOptions;
  query: Record<string, Loose>;
  socket: TransportOwner;
  supportsBinary: boolean;

  abstract get name(): string;

  constructor(options: TransportOptions) {
    super();
    this.opts = options;
    this.query = options.query;
    this.socket = options.socket;
    this.supportsBinary = !options.forceBase64;
  }

  open(): this {
    this.readyState = "opening";
    this.doOpen();
    return this;
  }

  close(): this {
    if (/open/.test(this.readyState!)) {
      this.doClose();
      this.onClose();
    }
    return this;
  }

  send(packets: Packet[]): void {
    // closed silently, by beforeunload for one, it may be written to no more
    if (this.readyState === "open") this.write(packets);
  }

  /** Calls back once nothing is under way in either direction. */
  pause(_onPause: () => void): void {}

  protected onError(reason: string, description?: unknown, context?: unknown): this {
    return this.emitReserved("error", new TransportError(reason, description, context));
  }

  protected onOpen(): void {
    this.readyState = "open";
    this.writable = true;
    this.emitReserved("open");
  }

  protected onData(data: RawData): void {
    this.onPacket(decodeFrame(data));
  }

  protected onPacket(packet: Frame): void {
    this.emitReserved("packet", { ...packet, data: as(this.socket.binaryType, packet.data) });
  }

  protected onClose(details?: CloseDetails): void {
    this.readyState = "closed";
    this.emitReserved("close", details);
  }

  /** Ready for another write, soon: a connection first puts away what it has just handed over. */
  protected onDrain(): void {
    this.writable = true;
    this.emitReserved("drain");
  }

  protected createUri(schema: string, stamped: boolean | undefined): string {
    const { hostname, port, secure, path, timestampParam } = this.opts;
    const { query } = this;
    if (stamped) query[timestampParam!] = Date.now().toString(36) + Math.random().toString(36).slice(2, 5);
    if (!this.supportsBinary) query.b64 = 1;
    return `${schema}${secure ? "s" : ""}://${bracket(hostname)}${
      port && +port !== (secure ? 443 : 80) ? `:${port}` : ""
    }${path}?${encodeQuery(query)}`;
  }

  protected abstract doOpen(): void;
  protected abstract doClose(): void;
  protected abstract write(packets: Packet[]): void;
}

/** Hands the encoded packets over: at once, or when the Blobs that must become text have been read. */
export function encodeAll(packets: Packet[], binary: boolean, then: (encoded: RawData[]) => void): void {
  const isBlob = (data: unknown) => !binary && globalThis.Blob && data instanceof Blob;
  if (packets.some(({ data }) => isBlob(data))) {
    Promise.all(
      packets.map(async (packet) => ({
        ...packet,
        data: isBlob(packet.data) ? await packet.data.arrayBuffer() : packet.data,
      })),
    ).then((read) => encodeAll(read, binary, then));
  } else
    then(packets.map(({ type, data }) => (binary ? encodeFrame : encodeFrameText)(type as FrameType, data)));
}

/** The data in the form that the application asked for. */
function as(type: BinaryType, data: RawData): RawData {
  if (!data || typeof data === "string") return data;
  if (type === "blob") return new Blob([data]);
  return type === "arraybuffer" && ArrayBuffer.isView(data)
    ? new Uint8Array(data as Uint8Array).buffer
    : data;
}
