import type { Duplex } from "node:stream";
import { decodeFrame, type Frame, frameTypes } from "@holdfast/protocol";
import WS, { type RawData, type WebSocket as Socket } from "ws";
import { listenersClass } from "../../lean-event-emitter.ts";
import { bytesOf, type OutgoingPacket, type Part, type Sink, SocketWriter } from "../../outbox/index.ts";
import type { EngineRequest } from "../request.ts";
import { Transport } from "../transport.ts";
import { receiveTexts, TARGET } from "./text-receiver.ts";

const MESSAGE = 4;

/** A socket knows its transport: one listener then serves all sockets, instead of closures for each. */
type Carrier = Socket & { [TARGET]: WebSocket };

const Listeners = listenersClass();

/** That of `ws`, but what waits in our hands leaves before a close frame, also before the one that answers a client's. */
export class OwnWebSocket extends WS {
  constructor(...args: ConstructorParameters<typeof WS>) {
    super(...args);
    const table = this as unknown as { _events: object; _eventsCount: number };
    if (table._eventsCount === 0) table._events = new Listeners();
  }

  override close(code?: number, data?: string | Buffer): void {
    (this as { [TARGET]?: WebSocket })[TARGET]?.finish();
    super.close(code, data);
  }
}

function onMessage(this: Socket, data: RawData, isBinary: boolean): void {
  (this as Carrier)[TARGET].receive(data as Buffer, isBinary);
}

function onClose(this: Socket): void {
  (this as Carrier)[TARGET].closed();
}

function onError(this: Socket, error: Error): void {
  (this as Carrier)[TARGET].failed(error);
}

function resume(socket: Socket): void {
  socket.resume();
}

/**
 * Engine.IO over a WebSocket. `ws` receives and closes, but for plain texts ({@link receiveTexts}). Frames are written by us straight to the raw socket; only
 * where `ws` has to compress, or another library or an Engine.IO v3 client is in play, does every frame go through
 * `send`.
 */
export class WebSocket extends Transport {
  readonly socket: Socket;
  readonly takesBytes: boolean;
  readonly #writer: SocketWriter | undefined;
  /** Frames given to `send` that it has not called back for. */
  #unsent = 0;
  #onSent: ((error?: Error | null) => void) | undefined = undefined;

  constructor(req: EngineRequest, rawSocket?: Duplex) {
    super(req);
    const socket = req.websocket!;
    this.socket = socket;
    this.takesBytes =
      rawSocket !== undefined &&
      this.protocol === 4 &&
      this.supportsBinary &&
      socket instanceof WS &&
      socket.extensions === "";
    if (this.takesBytes) this.#writer = new SocketWriter(rawSocket!, this);
    (socket as Carrier)[TARGET] = this;
    if (this.takesBytes) receiveTexts(socket);
    socket.on("message", onMessage);
    socket.on("close", onClose);
    socket.on("error", onError);
  }

  get name(): string {
    return "websocket";
  }

  get isIdle(): boolean {
    return this.#writer ? this.#writer.isIdle : this.#unsent === 0;
  }

  get pendingBytes(): number {
    return this.#writer ? this.#writer.pendingBytes : this.socket.bufferedAmount;
  }

  override get sink(): Sink {
    return this.#writer ?? this;
  }

  writeBytes(buffers: Buffer[]): void {
    this.#writer!.writeBytes(buffers);
  }

  get pendingPackets(): readonly OutgoingPacket[] {
    return [];
  }

  writePackets(packets: readonly OutgoingPacket[]): void {
    this.owner?.onFlush(packets);
    this.#onSent ??= (error) => this.#sent(error);
    for (const packet of packets) {
      for (const part of packet.parts) {
        this.#unsent++;
        this.socket.send(this.#encode(packet, part), { compress: packet.compress }, this.#onSent);
      }
    }
    this.owner?.onWritten();
  }

  writeUrgent(packet: OutgoingPacket): void {
    if (this.readyState !== "open") return;
    if (this.#writer) this.#writer.writeUrgent(Buffer.concat(packet.webSocketFrames()));
    else this.writePackets([packet]);
  }

  takePending(): OutgoingPacket[] {
    return [];
  }

  onDrain(): void {
    this.onReady();
  }

  /** The socket has closed. */
  closed(): void {
    this.#writer?.close();
    this.onClose();
  }

  /** The socket has failed. */
  failed(error: Error): void {
    this.onError(String(error), error);
  }

  /** A close frame follows. */
  finish(): void {
    this.#writer?.finish();
  }

  /** libuv reads one socket up to 32 times in a row, 64 kB each: a flood would keep everybody else waiting for that. */
  override rest(): void {
    if (!this.#writer || this.socket.isPaused) return;
    this.socket.pause();
    setImmediate(resume, this.socket);
  }

  protected doClose(done: () => void): void {
    this.socket.close();
    done();
  }

  get keepsText(): boolean {
    return this.owner?.keepsText ?? true;
  }

  receiveText(text: string): void {
    this.onFrame(decodeFrame(text));
  }

  /** A message of the socket. */
  receive(data: Buffer, isBinary: boolean): void {
    if (!isBinary) this.receiveText(data.toString());
    else if (this.protocol === 4) this.onFrame({ type: "message", data });
    else this.onFrame(decodeBinaryV3(data));
  }

  #sent(error: Error | null | undefined): void {
    this.#unsent--;
    if (error) this.onError("write error", error.stack);
    else if (this.#unsent === 0) this.onReady();
  }

  #encode(packet: OutgoingPacket, part: Part): string | Buffer {
    const digit = frameTypes.indexOf(packet.type);
    if (typeof part === "string") return digit + part;
    const bytes = bytesOf(part);
    if (!this.supportsBinary) return `b${this.protocol === 3 ? digit : ""}${bytes.toString("base64")}`;
    return this.protocol === 3 ? Buffer.concat([Buffer.of(MESSAGE), bytes]) : bytes;
  }
}

/** Engine.IO v3 puts the type before the bytes. */
function decodeBinaryV3(data: Buffer): Frame {
  const type = frameTypes[data[0]!];
  return type ? { type, data: data.subarray(1) } : { type: "error", data: "parser error" };
}
