import { isReservedEvent, type Packet, PacketType } from "@holdfast/protocol";
import { retryAfterMs } from "./backoff.ts";
import { Emitter, on } from "./emitter.ts";
import type {
  AllButLast,
  DecorateAcknowledgements,
  DefaultEventsMap,
  EventNames,
  EventParams,
  EventsMap,
  FirstArg,
  Last,
  Loose,
} from "./events.ts";
import type { SocketOptions } from "./options.ts";
import type { Clock } from "./timers.ts";
import type { CloseDetails, WriteOptions } from "./transport.ts";

export type DisconnectDescription = Error | CloseDetails;

/** An error of the server's middleware; `data` is what the middleware put there. */
export interface ExtendedError extends Error {
  data?: Loose;
}

export type DisconnectReason =
  | "io server disconnect"
  | "io client disconnect"
  | "ping timeout"
  | "transport close"
  | "transport error"
  | "parse error";

export interface SocketEvents {
  connect: () => void;
  connect_error: (error: ExtendedError) => void;
  disconnect: (reason: DisconnectReason, description?: DisconnectDescription) => void;
}

export interface OutgoingPacket extends Packet {
  options?: WriteOptions;
}

/** What a socket needs of its manager. */
export interface SocketManager {
  readonly _autoConnect: boolean;
  readonly _reconnecting: boolean;
  readonly _readyState: string;
  readonly _clock: Clock;
  readonly engine: { transport: { writable: boolean }; _hasPingExpired(): boolean } | undefined;
  reconnection(): boolean;
  reconnectionDelay(): number;
  open(): unknown;
  _packet(packet: OutgoingPacket): void;
  _destroy(): void;
}

type Ack = ((...args: Loose[]) => void) & { withError?: boolean };
type AnyListener = (...args: Loose[]) => void;

interface Flags {
  volatile?: boolean;
  compress?: boolean;
  timeout?: number;
  fromQueue?: boolean;
}

/** A packet that is sent again until it is acknowledged. */
interface QueuedPacket {
  args: [string, ...unknown[]];
  flags: Flags;
  tryCount: number;
  pending: boolean;
}

/** One namespace of one server: events go both ways by name, with arguments and acknowledgements. */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  M extends SocketManager = SocketManager,
> extends Emitter<ListenEvents, EmitEvents, SocketEvents> {
  readonly io: M;
  readonly nsp: string;
  /** The id that the server knows this socket by, while it is connected. */
  id: string | undefined;
  connected = false;
  /** Whether the server restored rooms and data, and sent what was missed, at the last connection. */
  recovered = false;
  /** What is sent to the server's middleware at each connection. */
  auth: SocketOptions["auth"];
  /** Events that came before the answer to our CONNECT. */
  receiveBuffer: ReadonlyArray<Loose>[] = [];
  /** What waits for a connection. */
  sendBuffer: OutgoingPacket[] = [];
  readonly _opts: Partial<SocketOptions>;
  _pid: string | undefined;
  _lastOffset: string | undefined;
  _queue: QueuedPacket[] = [];

  private ids = 0;
  private acks: Record<number, Ack> = {};
  private flags: Flags = {};
  private subs: (() => void)[] | undefined;
  private _stopRetry: (() => void) | undefined;
  private _anyListeners: AnyListener[] = [];
  private _anyOutgoingListeners: AnyListener[] = [];

  constructor(io: M, nsp: string, options?: Partial<SocketOptions>) {
    super();
    this.io = io;
    this.nsp = nsp;
    this.auth = options?.auth;
    this._opts = { ...options };
    if (io._autoConnect) this.connect();
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected or will try to connect by itself. */
  get active(): boolean {
    return !!(this.subs ?? this._stopRetry);
  }

  connect(): this {
    const { io } = this;
    if (this.connected || this._stopRetry) return this;
    this.subs ??= [
      on(io, "open", () => this._onOpen()),
      on(io, "packet", (packet: Packet) => packet.nsp === this.nsp && this._onPacket(packet)),
      on(io, "error", (error: Error) => this.connected || this.emitReserved("connect_error", error)),
      on(io, "close", (reason: DisconnectReason, details?: DisconnectDescription) =>
        this._onClose(reason, details),
      ),
    ];
    if (!io._reconnecting) io.open();
    if (io._readyState === "open") this._onOpen();
    return this;
  }

  open(): this {
    return this.connect();
  }

  /** Sends a "message" event. */
  send(...args: Loose[]): this {
    return this.emit("message" as never, ...(args as never));
  }

  /** Sends an event. Its last argument may be a function, which the answer is given to. Throws on a reserved name. */
  override emit<Name extends EventNames<EmitEvents>>(
    event: Name,
    ...args: EventParams<EmitEvents, Name>
  ): this {
    const { flags, io } = this;
    if (isReservedEvent(event)) throw new Error(`"${String(event)}" is a reserved event name`);
    const data = [event, ...args] as QueuedPacket["args"];
    if (this._opts.retries && !flags.fromQueue && !flags.volatile) {
      this._enqueue(data);
      return this;
    }
    const packet: OutgoingPacket = {
      type: PacketType.EVENT,
      nsp: this.nsp,
      data,
      options: { compress: flags.compress !== false },
    };
    if (typeof data.at(-1) === "function") {
      packet.id = this.ids++;
      this._registerAck(packet.id, data.pop() as Ack);
    }
    this.flags = {};
    if (flags.volatile && !io.engine?.transport?.writable) return this;
    if (this.connected && !io.engine?._hasPingExpired()) this._sendEvent(packet);
    else this.sendBuffer.push(packet);
    return this;
  }

  /** Sends an event and resolves with the answer; rejects when `timeout` passes or the connection is lost. */
  emitWithAck<Name extends EventNames<EmitEvents>>(
    event: Name,
    ...args: AllButLast<EventParams<EmitEvents, Name>>
  ): Promise<FirstArg<Last<EventParams<EmitEvents, Name>>>> {
    return new Promise((resolve, reject) => {
      const ack: Ack = (error, answer) => (error ? reject(error) : resolve(answer));
      ack.withError = true;
      this.emit(event, ...([...args, ack] as never));
    });
  }

  disconnect(): this {
    const { connected } = this;
    if (connected) this._packet({ type: PacketType.DISCONNECT, nsp: this.nsp });
    this._destroy();
    if (connected) this._onClose("io client disconnect");
    return this;
  }

  close(): this {
    return this.disconnect();
  }

  /** Whether the next event may be compressed. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /** The next event may be lost when it can't be sent at once. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /** The acknowledgement of the next event gets an error first, after `ms` milliseconds without an answer. */
  timeout(ms: number): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>, M> {
    this.flags.timeout = ms;
    return this as never;
  }

  /** Calls `listener` with the name and arguments of every event that comes in. */
  onAny(listener: AnyListener): this {
    this._anyListeners.push(listener);
    return this;
  }

  prependAny(listener: AnyListener): this {
    this._anyListeners.unshift(listener);
    return this;
  }

  /** Removes one listener, or all. */
  offAny(listener?: AnyListener): this {
    remove(this._anyListeners, listener);
    return this;
  }

  listenersAny(): AnyListener[] {
    return this._anyListeners;
  }

  /** Calls `listener` with the name and arguments of every event that goes out. */
  onAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoingListeners.push(listener);
    return this;
  }

  prependAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoingListeners.unshift(listener);
    return this;
  }

  /** Removes one listener, or all. */
  offAnyOutgoing(listener?: AnyListener): this {
    remove(this._anyOutgoingListeners, listener);
    return this;
  }

  listenersAnyOutgoing(): AnyListener[] {
    return this._anyOutgoingListeners;
  }

  private _registerAck(id: number, ack: Ack): void {
    const ms = this.flags.timeout ?? this._opts.ackTimeout;
    if (ms === undefined) {
      this.acks[id] = ack;
      return;
    }
    const stop = this.io._clock.after(ms, () => {
      delete this.acks[id];
      this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
      ack.call(this, new Error("operation has timed out"));
    });
    const stopped: Ack = (...args) => {
      stop();
      ack.apply(this, args);
    };
    stopped.withError = true;
    this.acks[id] = stopped;
  }

  private _enqueue(args: QueuedPacket["args"]): void {
    const { _queue } = this;
    const ack = typeof args.at(-1) === "function" ? (args.pop() as Ack) : undefined;
    const packet: QueuedPacket = {
      args,
      flags: { ...this.flags, fromQueue: true },
      tryCount: 0,
      pending: false,
    };
    const settle: Ack = (error: Error | null, ...answer) => {
      packet.pending = false;
      if (!error || packet.tryCount > this._opts.retries!) {
        _queue.shift();
        ack?.(error, ...answer);
      }
      this._drainQueue();
    };
    settle.withError = true;
    args.push(settle);
    _queue.push(packet);
    this.flags = {};
    this._drainQueue();
  }

  /** Sends the head of the queue, unless it is under way. */
  private _drainQueue(): void {
    const packet = this._queue[0];
    if (!this.connected || !packet || packet.pending) return;
    packet.pending = true;
    packet.tryCount++;
    this.flags = packet.flags;
    this.emit.apply(this, packet.args as never);
  }

  private _packet(packet: OutgoingPacket): void {
    this.io._packet(packet);
  }

  private _sendEvent(packet: OutgoingPacket): void {
    for (const listener of [...this._anyOutgoingListeners]) listener.apply(this, packet.data as unknown[]);
    this._packet(packet);
  }

  private _onOpen(): void {
    const connect = (data?: object) =>
      this._packet({
        type: PacketType.CONNECT,
        nsp: this.nsp,
        data: this._pid ? { pid: this._pid, offset: this._lastOffset, ...data } : data,
      });
    if (typeof this.auth === "function") this.auth(connect);
    else connect(this.auth);
  }

  private _onClose(reason: DisconnectReason, details?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    this.emitReserved("disconnect", reason, details);
    for (const id in this.acks) {
      // an answer to what has not been sent may still come
      if (this.sendBuffer.some((packet) => packet.id === +id)) continue;
      const ack = this.acks[id]!;
      delete this.acks[id];
      if (ack.withError) ack.call(this, new Error("socket has been disconnected"));
    }
  }

  private _onPacket({ type, data, id }: Packet): void {
    const args = data as Loose;
    switch (type) {
      case PacketType.CONNECT:
        if (args?.sid) this._onConnect(args.sid, args.pid);
        else
          this.emitReserved(
            "connect_error",
            new Error("The server speaks Socket.IO 2.x, this client 3.x and later"),
          );
        break;
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        if (id != null) args.push(this._answer(id));
        if (this.connected) this._onEvent(args);
        else this.receiveBuffer.push(args);
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK: {
        const ack = this.acks[id!];
        delete this.acks[id!];
        ack?.apply(this, ack.withError ? [null, ...args] : args);
        break;
      }
      case PacketType.DISCONNECT:
        this._destroy();
        this._onClose("io server disconnect");
        break;
      case PacketType.CONNECT_ERROR:
        this._onRefused(Object.assign(new Error(args.message), { data: args.data }));
    }
  }

  private _onConnect(id: string, pid?: string): void {
    this.id = id;
    this.recovered = !!pid && this._pid === pid;
    this._pid = pid;
    this.connected = true;
    for (const args of this.receiveBuffer.splice(0)) this._onEvent(args);
    for (const packet of this.sendBuffer.splice(0)) this._sendEvent(packet);
    this._drainQueue();
    this.emitReserved("connect");
  }

  private _onEvent(args: ReadonlyArray<Loose>): void {
    for (const listener of [...this._anyListeners]) listener.apply(this, args as Loose[]);
    this.emitReserved.apply(this, args as never);
    const last = args.at(-1);
    if (this._pid && typeof last === "string") this._lastOffset = last;
  }

  /** What a listener answers an event with; only its first call counts. */
  private _answer(id: number): Ack {
    let sent = false;
    return (...data) => {
      if (sent) return;
      sent = true;
      this._packet({ type: PacketType.ACK, nsp: this.nsp, id, data });
    };
  }

  /** A refusal is final, unless the server says when to come again. */
  private _onRefused(error: ExtendedError): void {
    const { io } = this;
    const ms = retryAfterMs(error);
    this._destroy();
    if (ms && io.reconnection()) {
      this._stopRetry = io._clock.after(ms + Math.random() * io.reconnectionDelay(), () => {
        this._stopRetry = undefined;
        this.connect();
      });
    }
    this.emitReserved("connect_error", error);
  }

  private _destroy(): void {
    // deaf to the manager, it does not come back by itself
    for (const stop of this.subs ?? []) stop();
    this.subs = undefined;
    this._stopRetry?.();
    this._stopRetry = undefined;
    this.io._destroy();
  }
}

function remove(listeners: AnyListener[], listener: AnyListener | undefined): void {
  const index = listeners.indexOf(listener!);
  if (!listener) listeners.length = 0;
  else if (index >= 0) listeners.splice(index, 1);
}
