import type { EventEmitter } from "node:events";
import type { Frame, FrameData, FrameType } from "@holdfast/protocol";
import { isListenedTo, LeanEventEmitter, type Listener } from "../lean-event-emitter.ts";
import {
  type Flusher,
  Outbox,
  type OutboxOwner,
  OutgoingPacket,
  type Part,
  type Shed,
} from "../outbox/index.ts";
import type { Deadlines, Heartbeats, Timed } from "./heartbeat.ts";
import type { ResolvedOptions } from "./options.ts";
import type { EngineRequest } from "./request.ts";
import type { Transport, TransportError, TransportOwner } from "./transport.ts";
import { Upgrade } from "./upgrade.ts";

/** Who takes what a connection receives, without the cost of listeners. */
export interface Consumer {
  /** Whether it keeps parts of the texts it is given, instead of copies. */
  readonly keepsText: boolean;
  onMessage(data: string | Buffer): void;
  onClose(reason: string, description?: unknown): void;
  /** Nothing that comes in is taken any more; the connection closes when what was issued has left. */
  onClosing?(): void;
  /** See {@link OutboxOwner}. Without it everything waits in memory. */
  shed?(packet: OutgoingPacket, mayStart: boolean): Shed | undefined;
}

/** The server, as far as its connections are concerned. */
export interface ConnectionHost extends EventEmitter {
  readonly opts: ResolvedOptions;
  readonly heartbeats: Heartbeats;
  /** Somebody listens to flushes. */
  readonly isObserved: boolean;
  upgrades(transport: string): string[];
  onConnectionClose(connection: Connection): void;
}

export interface SendOptions {
  /** Whether the transport may compress the message. Default true. */
  compress?: boolean;
}

/** A frame as events and `writeBuffer` show it. */
export interface OutgoingFrame {
  type: FrameType;
  data?: Part;
  options: SendOptions;
}

const PING = new OutgoingPacket([""], { type: "ping" });
const PONG = new OutgoingPacket([""], { type: "pong" });

/** Listeners to these make packets visible one by one. */
export const OBSERVING: ReadonlySet<string | symbol> = new Set(["packetCreate", "flush", "drain"]);

/**
 * One client's Engine.IO session, whatever transport carries it. Public as `Socket` of `holdfast/engine`, with the API
 * of Engine.IO's. Events: "open", "packet", "packetCreate", "message" and "data", "heartbeat", "upgrading", "upgrade",
 * "flush", "drain", "error", "close" (reason, description).
 */
export class Connection extends LeanEventEmitter implements OutboxOwner, TransportOwner, Timed {
  readonly id: string;
  readonly server: ConnectionHost;
  /** The request of the handshake. */
  readonly request: EngineRequest;
  /** The revision of Engine.IO that the client speaks. */
  readonly protocol: 3 | 4;
  readonly remoteAddress: string | undefined;
  readonly outbox: Outbox;
  transport: Transport;
  readyState: "opening" | "open" | "closing" | "closed" = "opening";
  upgrading = false;
  upgraded = false;
  consumer: Consumer | undefined;

  // the heartbeat's entry (Timed)
  deadline = 0;
  earlier: Timed | undefined;
  later: Timed | undefined;
  deadlines: Deadlines | undefined;
  #isPongExtended = false;
  /** Engine.IO v3: a ping has been answered, and the answer waits. */
  #isPongWaiting = false;

  /** To be called once what was issued before has left. */
  #callbacks: ((transport: Transport) => void)[] | undefined;
  /** Everything that was issued before a close is with the transport, which has yet to send it. */
  #isClosing = false;

  constructor(
    id: string,
    server: ConnectionHost,
    transport: Transport,
    req: EngineRequest,
    flusher: Flusher,
  ) {
    super();
    this.id = id;
    this.server = server;
    this.request = req;
    this.protocol = transport.protocol;
    this.remoteAddress = req.socket?.remoteAddress;
    this.transport = transport;
    this.outbox = new Outbox(this, flusher, transport.sink);
    this.outbox.isObserved = server.isObserved;
    transport.owner = this;
  }

  /** True once somebody listens to packets one by one. */
  get isObserved(): boolean {
    return this.outbox.isObserved;
  }

  set isObserved(isObserved: boolean) {
    this.outbox.isObserved = isObserved;
  }

  /** What has not left yet. A copy. */
  get writeBuffer(): OutgoingFrame[] {
    return [...this.transport.pendingPackets, ...this.outbox.unflushed()].flatMap(framesOf);
  }

  /** Sends the handshake and starts the heartbeat. Called once, by the server. */
  open(): void {
    const { opts } = this.server;
    this.readyState = "open";
    this.transport.sid = this.id;
    const handshake = {
      sid: this.id,
      upgrades: this.server
        .upgrades(this.transport.name)
        .filter((name) => (opts.transports as string[]).includes(name)),
      pingInterval: opts.pingInterval,
      pingTimeout: opts.pingTimeout,
      maxPayload: opts.maxHttpBufferSize,
      ...(this.protocol === 4 && opts.openFrame),
    };
    this.#issue(new OutgoingPacket([JSON.stringify(handshake)], { type: "open" }));
    if (opts.initialPacket) this.#issue(new OutgoingPacket([opts.initialPacket]));
    this.emit("open");
    const { heartbeats } = this.server;
    (this.protocol === 3 ? heartbeats.clientPing : heartbeats.ping).add(this);
  }

  /**
   * Sends a message.
   *
   * @param callback called with the transport when the message has left; never if the connection closes first
   */
  send(
    data: Part,
    options?: SendOptions | ((transport: Transport) => void) | null,
    callback?: (transport: Transport) => void,
  ): this {
    return this.sendPacket("message", data, options, callback);
  }

  /** The same as {@link send}. */
  write(
    data: Part,
    options?: SendOptions | ((transport: Transport) => void) | null,
    callback?: (transport: Transport) => void,
  ): this {
    return this.sendPacket("message", data, options, callback);
  }

  /** Sends a frame of any type. */
  sendPacket(
    type: FrameType,
    data: Part = "",
    options?: SendOptions | ((transport: Transport) => void) | null,
    callback?: (transport: Transport) => void,
  ): this {
    if (this.readyState === "closing" || this.readyState === "closed") return this;
    const done = typeof options === "function" ? options : callback;
    const compress = typeof options === "function" ? true : options?.compress !== false;
    if (done) {
      this.#callbacks ??= [];
      this.#callbacks.push(done);
      this.outbox.isAwaited = true;
    }
    this.#issue(new OutgoingPacket([partOf(data)], { type, compress }));
    return this;
  }

  /**
   * Closes the connection once everything issued has left, with the reason "forced close".
   *
   * @param discard true: without waiting for anything
   */
  close(discard?: boolean): void {
    if (discard && (this.readyState === "open" || this.readyState === "closing")) {
      // what was issued in this tick goes as far as it can
      this.outbox.flush();
      this.#closeTransport(true);
      return;
    }
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this.outbox.flush();
    if (this.#isDrained()) this.#closeTransport(false);
    // what is issued from now on waits behind it for ever: a busy room cannot put off the close
    else {
      this.outbox.hold(() => this.#onLastIssued(), false);
      this.consumer?.onClosing?.();
    }
  }

  /** Ends the connection without a word to the client. */
  onClose(reason: string, description?: unknown): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.deadlines?.remove(this);
    this.#callbacks = undefined;
    this.#isClosing = false;
    // who listens to the close still sees what was not sent
    process.nextTick(forgetUnsent, this);
    this.#releaseTransport();
    this.server.onConnectionClose(this);
    this.consumer?.onClose(reason, description);
    this.emit("close", reason, description);
  }

  // --- Transport: what comes in

  get keepsText(): boolean {
    return isListenedTo(this) || (this.consumer?.keepsText ?? true);
  }

  onFrame(frame: Frame): void {
    if (this.readyState !== "open") return;
    if (isListenedTo(this)) this.emit("packet", frame);
    const { heartbeats } = this.server;
    if (this.deadlines === heartbeats.pong && frame.type !== "pong" && !this.#isPongExtended) {
      // a busy client is alive: its pong may be queued behind what it sends, so it gets its time once more
      this.#isPongExtended = true;
      heartbeats.pong.add(this);
    }
    switch (frame.type) {
      case "message":
        this.#onMessage(frame.data);
        break;
      case "ping":
        if (this.protocol === 4) this.onClose("transport error", new Error("invalid heartbeat direction"));
        else {
          heartbeats.clientPing.add(this);
          // a client that pings and does not read gets no pile of answers
          if (!this.#isPongWaiting) {
            this.#isPongWaiting = !this.transport.isIdle;
            this.#writeUrgent(PONG);
          }
          this.emit("heartbeat");
        }
        break;
      case "pong":
        if (this.protocol === 3) this.onClose("transport error", new Error("invalid heartbeat direction"));
        else {
          heartbeats.ping.add(this);
          this.emit("heartbeat");
        }
        break;
      case "error":
        this.onClose("parse error");
    }
  }

  onTransportError(error: TransportError): void {
    this.onClose("transport error", error);
  }

  onTransportClose(): void {
    this.onClose("transport close");
  }

  onTransportReady(): void {
    this.#isPongWaiting = false;
    this.outbox.onDrain();
    this.onFlushed();
  }

  // --- Timed: the heartbeat

  onDeadline(queue: Deadlines): void {
    const { heartbeats } = this.server;
    if (queue !== heartbeats.ping) {
      this.onClose("ping timeout");
      return;
    }
    this.#isPongExtended = false;
    heartbeats.pong.add(this);
    if (this.readyState === "open") this.#writeUrgent(PING);
  }

  // --- OutboxOwner: what goes out

  onIssue(packet: OutgoingPacket): void {
    for (const frame of framesOf(packet)) this.emit("packetCreate", frame);
  }

  onFlush(packets: readonly OutgoingPacket[]): void {
    if (!this.isObserved) return;
    const frames = packets.flatMap(framesOf);
    if (frames.length === 0) return;
    this.emit("flush", frames);
    this.server.emit("flush", this, frames);
  }

  onWritten(): void {
    if (!this.isObserved) return;
    this.emit("drain");
    this.server.emit("drain", this);
  }

  onFlushed(): void {
    if (!this.#callbacks && !this.#isClosing) {
      this.outbox.isAwaited = false;
      return;
    }
    if (this.#isClosing ? !this.#isTransportDrained() : !this.#isDrained()) return;
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    if (callbacks) for (const callback of callbacks) callback(this.transport);
    if (this.#isClosing) this.#closeTransport(false);
  }

  shed(packet: OutgoingPacket, mayStart: boolean): Shed | undefined {
    return this.consumer?.shed?.(packet, mayStart);
  }

  onOverflow(pendingBytes: number, bytesMax: number): void {
    const { outboxBytesMax } = this.server.opts;
    const limit =
      bytesMax < outboxBytesMax
        ? `${Math.floor(bytesMax)}, its share of all that waits (option outboxTotalBytesMax)`
        : `${bytesMax} (option outboxBytesMax)`;
    const error = new Error(
      `OUTBOX_FULL: ${pendingBytes} bytes wait for a slow reader, the limit is ${limit}`,
    );
    // whoever listens to the close must not run in the middle of somebody's broadcast
    process.nextTick(closeFull, this, Object.assign(error, { code: "OUTBOX_FULL" }));
  }

  // --- upgrade

  /** A second transport for this session: it takes over if its probe succeeds. */
  tryUpgrade(transport: Transport): void {
    new Upgrade(this, transport, this.server.opts.upgradeTimeout);
  }

  /** Called by {@link Upgrade} when the client has switched. */
  switchTo(transport: Transport): void {
    const { transport: previous } = this;
    previous.discard();
    this.upgraded = true;
    const pending = previous.takePending();
    this.#releaseTransport();
    this.transport = transport;
    this.outbox.sink = transport.sink;
    transport.owner = this;
    transport.sid = this.id;
    if (this.protocol === 4 && this.deadlines === this.server.heartbeats.pong)
      this.server.heartbeats.ping.add(this);
    // before anybody hears of it, and sends more
    for (const packet of pending) this.#resend(packet);
    this.emit("upgrade", transport);
    this.outbox.flush();
    if (this.readyState === "closing") transport.close(() => this.onClose("forced close"));
  }

  // --- events

  override on(event: string | symbol, listener: Listener): this {
    if (OBSERVING.has(event)) this.isObserved = true;
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    if (OBSERVING.has(event)) this.isObserved = true;
    return super.prependListener(event, listener);
  }

  #onMessage(data: FrameData | undefined): void {
    if (isListenedTo(this)) {
      this.emit("data", data);
      this.emit("message", data);
    }
    this.consumer?.onMessage(data as string | Buffer);
  }

  #issue(packet: OutgoingPacket): void {
    this.outbox.push(packet);
  }

  /** Given to the new transport ahead of what the outbox still holds. */
  #resend(packet: OutgoingPacket): void {
    if (this.transport.takesBytes) this.transport.writeBytes([...packet.webSocketFrames()]);
    else this.transport.writePackets([packet]);
  }

  #writeUrgent(packet: OutgoingPacket): void {
    if (this.isObserved) this.onIssue(packet);
    this.transport.writeUrgent(packet);
  }

  #isDrained(): boolean {
    return this.outbox.isEmpty && this.#isTransportDrained();
  }

  #isTransportDrained(): boolean {
    return this.transport.takesBytes || this.transport.pendingBytes === 0;
  }

  #onLastIssued(): void {
    if (this.readyState !== "closing") return;
    this.#isClosing = true;
    this.outbox.isAwaited = true;
    this.onFlushed();
  }

  #closeTransport(discard: boolean): void {
    this.#isClosing = false;
    if (discard) this.transport.discard();
    this.transport.close(() => this.onClose("forced close"));
  }

  #releaseTransport(): void {
    const { transport } = this;
    transport.owner = undefined;
    // nobody can poll for a session that is gone: waiting for it would only hold memory
    transport.discard();
    transport.close();
  }
}

function closeFull(connection: Connection, error: Error): void {
  connection.onClose("transport error", error);
}

function forgetUnsent({ outbox, transport }: Connection): void {
  outbox.discard();
  transport.takePending();
}

/** Whatever is neither text nor bytes is sent as text; nothing, as an empty message. */
function partOf(data: unknown): Part {
  if (typeof data === "string" || data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data;
  return data ? String(data) : "";
}

function framesOf(packet: OutgoingPacket): OutgoingFrame[] {
  const options = {
    compress: packet.compress,
    /** The WebSocket frame that all receivers share. Engine.IO shows it too; built only if looked at. */
    get wsPreEncodedFrame(): readonly Buffer[] {
      return packet.webSocketFrames();
    },
  };
  return packet.parts.map((data) =>
    data === "" ? { type: packet.type, options } : { type: packet.type, data, options },
  );
}
