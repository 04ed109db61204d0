import { decodeFrame, encodeFrameText, type FrameType } from "@holdfast/protocol";
import { Emitter } from "./emitter.ts";
import type { Loose } from "./events.ts";
import type { EngineOptions } from "./options.ts";

/** Text, or bytes. */
export type RawData = Loose;

export type BinaryType = "arraybuffer" | "nodebuffer" | "blob";

/** What a transport sees of its connection. */
export interface TransportOwner {
  readonly binaryType: BinaryType;
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
export interface TransportError extends Error {
  type: "TransportError";
  /** More detail: the status of an HTTP response, for one. */
  description: unknown;
  /** What knows everything: an XMLHttpRequest, a Response, an event. */
  context: unknown;
  /** How long the server asks to be left alone (HTTP's Retry-After), where it does. */
  data?: { retryAfterMs: number } | undefined;
}

export type TransportOptions = EngineOptions & {
  query: Record<string, Loose>;
  socket: TransportOwner;
  /** Of the server's URL, with its colon. */
  protocol: string;
  /** Host and port. */
  host: string;
  path: string;
};

interface TransportEvents {
  open: () => void;
  error: (error: Error) => void;
  packet: (packet: Packet) => void;
  close: (details?: CloseDetails) => void;
  drain: () => void;
}

/**
 * What moves the frames of one connection. A subclass MUST implement `open`, `_doClose` and `_write`; it reports
 * through `_onOpen`, `_onData`, `_onError` and `_onClose`, and after each `_write` through `_onDrain`.
 */
export abstract class Transport extends Emitter<Record<never, never>, TransportEvents, TransportEvents> {
  declare readyState: "opening" | "open" | "closed";
  /** Whether a write may start. */
  declare writable: boolean;
  declare readonly opts: TransportOptions;

  abstract get name(): string;

  constructor(opts: TransportOptions) {
    super();
    this.opts = opts;
  }

  /** Starts to connect. */
  abstract open(): void;

  close(): this {
    if (/^open/.test(this.readyState)) {
      this._doClose();
      this._onClose();
    }
    return this;
  }

  send(packets: Packet[]): void {
    // closed silently, by beforeunload for one, it may be written to no more
    if (this.readyState === "open") {
      this.writable = false;
      this._write(packets);
    }
  }

  /** Calls back once nothing is under way in either direction. */
  pause(_onPause: () => void): void {}

  /** @param retryAfter seconds, or a date: the HTTP header */
  protected _onError(
    reason: string,
    description?: unknown,
    context?: unknown,
    retryAfter?: string | null,
  ): void {
    const ms = +retryAfter! * 1000 || Date.parse(retryAfter!) - Date.now();
    this.emit(
      "error",
      Object.assign(new Error(reason), {
        type: "TransportError",
        description,
        context,
        data: ms > 0 ? { retryAfterMs: ms } : undefined,
      }),
    );
  }

  protected _onOpen(): void {
    this.readyState = "open";
    this.writable = true;
    this.emit("open");
  }

  protected _onData(data: RawData): void {
    this._onPacket(decodeFrame(data));
  }

  protected _onPacket({ type, data }: Packet): void {
    this.emit("packet", { type, data: data && typeof data !== "string" ? this._bytes(data) : data });
  }

  /** Bytes in the form that the application asked for: "blob", or "arraybuffer" as they are. */
  protected _bytes(data: RawData): RawData {
    return this.opts.socket.binaryType === "blob" ? new Blob([data]) : data;
  }

  protected _onClose(details?: CloseDetails): void {
    this.readyState = "closed";
    this.emit("close", details);
  }

  /** Ready for another write. */
  protected _onDrain(): void {
    this.writable = true;
    this.emit("drain");
  }

  protected uri(): string {
    const { opts } = this;
    const isPolling = this.name === "polling";
    // caches must not answer in the server's place
    if (opts.timestampRequests ?? isPolling) opts.query[opts.timestampParam ?? "t"] = Math.random();
    if (opts.forceBase64) opts.query.b64 = 1;
    const protocol = opts.protocol.replace(/http|ws/, isPolling ? "http" : "ws");
    return `${protocol}//${opts.host + opts.path}?${new URLSearchParams(opts.query)}`;
  }

  protected abstract _doClose(): void;
  protected abstract _write(packets: Packet[]): void;
}

/** A packet as text; a Blob must be read first. */
export const encodeText = async ({ type, data }: Packet): Promise<string> =>
  encodeFrameText(type as FrameType, data instanceof Blob ? await data.arrayBuffer() : data);
