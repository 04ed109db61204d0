import type { Frame } from "@holdfast/protocol";
import { isListenedTo, LeanEventEmitter } from "../lean-event-emitter.ts";
import type { OutgoingPacket, Sink } from "../outbox/index.ts";
import { type EngineRequest, protocolOf } from "./request.ts";

/** Whom a transport serves: its connection, or the upgrade that tries it out. */
export interface TransportOwner {
  /** Whether anybody may keep parts of the text that frames carry. */
  readonly keepsText: boolean;
  onFrame(frame: Frame): void;
  onTransportError(error: TransportError): void;
  onTransportClose(): void;
  /** The transport, which was busy, takes packets again. */
  onTransportReady(): void;
  /** A transport that takes packets is about to write these; and has. */
  onFlush(packets: readonly OutgoingPacket[]): void;
  onWritten(): void;
}

export interface TransportError extends Error {
  type: "TransportError";
  description: unknown;
}

/**
 * Moves frames for one connection. Tells its owner directly, and whoever listens through events: "packet", "error",
 * "close", "ready".
 */
export abstract class Transport extends LeanEventEmitter implements Sink {
  /** For the `upgrades` of the handshake. */
  static upgradesTo: string[] = [];

  abstract readonly name: string;
  abstract readonly takesBytes: boolean;
  abstract readonly pendingBytes: number;
  abstract readonly isIdle: boolean;
  readonly protocol: 3 | 4;
  /** False for a client that asked for base64 (`b64` in the query). */
  readonly supportsBinary: boolean;
  readyState: "open" | "closing" | "closed" = "open";
  owner: TransportOwner | undefined;
  sid = "";
  /** Replaced by another transport: it may be closed without waiting for its client. */
  discarded = false;

  constructor(req: EngineRequest) {
    super();
    this.protocol = protocolOf(req);
    this.supportsBinary = !req._query.b64;
  }

  /** Whether frames sent now would leave now. */
  get writable(): boolean {
    return this.readyState === "open" && this.isIdle;
  }

  /** What an outbox writes to. */
  get sink(): Sink {
    return this;
  }

  abstract writeBytes(buffers: Buffer[]): void;
  abstract writePackets(packets: readonly OutgoingPacket[]): void;
  /** Ahead of what waits: heartbeats, and the frames of an upgrade. */
  abstract writeUrgent(packet: OutgoingPacket): void;
  /** What waits for the client to be ready. */
  abstract readonly pendingPackets: readonly OutgoingPacket[];
  /** Takes back what was not written, for the transport that comes after this one. */
  abstract takePending(): readonly OutgoingPacket[];
  /** @param done to be called when no more frame will come or go */
  protected abstract doClose(done: () => void): void;

  /** Reads no more before others had their turn, where it could. */
  rest(): void {}

  discard(): void {
    this.discarded = true;
  }

  close(done: () => void = () => {}): void {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this.doClose(done);
  }

  protected onFrame(frame: Frame): void {
    this.owner?.onFrame(frame);
    if (isListenedTo(this)) this.emit("packet", frame);
  }

  protected onReady(): void {
    this.owner?.onTransportReady();
    this.emit("ready");
  }

  /** Reports a fault of this transport or its peer. Nobody needs to listen. */
  protected onError(message: string, description?: unknown): void {
    const error: TransportError = Object.assign(new Error(message), {
      type: "TransportError" as const,
      description,
    });
    const { owner } = this;
    if (this.listenerCount("error") > 0) this.emit("error", error);
    owner?.onTransportError(error);
  }

  protected onClose(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.owner?.onTransportClose();
    this.emit("close");
  }
}
