import { isReservedEvent, type Packet, PacketType } from "@holdfast/protocol";
import { call, Emitter, removeFirst } from "./emitter.ts";
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
import type { HandshakeData, SocketOptions } from "./options.ts";
import type { Recovery } from "./recovery.ts";
import type { Outbox } from "./reliable/outbox.ts";
import type { Reliable } from "./reliable/reliable.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { After, Stop } from "./timers.ts";
import type { CloseDetails, TransportOptions, WriteOptions } from "./transport.ts";
import type { QueueClient } from "./work/types.ts";

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

/** A packet on its way out; the namespace is added when it is sent. */
export interface OutgoingPacket extends Omit<Packet, "nsp"> {
  nsp?: string;
  options?: WriteOptions;
}

/** What a socket needs of its manager. */
export interface SocketManager {
  readonly _attempts: number;
  readonly _readyState: string | undefined;
  readonly _after: After;
  readonly engine: {
    transport: { writable: boolean; opts: TransportOptions };
    _handshake: HandshakeData;
    _hasPingExpired(): boolean | undefined;
  };
  reconnection(): boolean;
  open(): unknown;
  _packet(packet: OutgoingPacket & Packet): void;
  _destroy(): void;
}

type Ack = (...args: Loose[]) => void;
type AnyListener = (...args: Loose[]) => void;

interface Flags {
  volatile?: boolean;
  compress?: boolean;
  timeout?: number | undefined;
  /** Whether the acknowledgement gets an error first. */
  _withError?: boolean;
  _fromQueue?: boolean;
}

/** One namespace of one server: events go both ways by name, with arguments and acknowledgements. */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  M extends SocketManager = SocketManager,
> extends Emitter<ListenEvents, EmitEvents, SocketEvents> {
  declare readonly io: M;
  declare readonly nsp: string;
  /** The id that the server knows this socket by, while it is connected. */
  declare id: string | undefined;
  connected = false;
  /** Whether the server restored rooms and data, and sent what was missed, at the last connection. */
  recovered = false;
  /** What the option `resume` has to tell; silent without it. */
  readonly recovery: Recovery = new Emitter();
  /** Emits what takes effect once, whatever happens. In a browser it is there once "holdfast-client/reliable" is. */
  declare readonly reliable: Reliable<EmitEvents>;
  /** What was emitted so and has no outcome yet. Likewise. */
  declare readonly outbox: Outbox;
  /** What is sent to the server's middleware at each connection. */
  declare auth: SocketOptions["auth"];
  /** Events that came before the answer to our CONNECT. */
  receiveBuffer: Loose[][] = [];
  /** What waits for a connection. */
  sendBuffer: OutgoingPacket[] = [];
  declare readonly _opts: Partial<SocketOptions>;
  declare _pid: string | undefined;
  declare _lastOffset: string | undefined;
  /** Sends the packets that are sent again until they are acknowledged, in order: the first is under way. */
  private _queue: (() => void)[] = [];
  declare private _isQueueBusy: boolean;

  private _ids = 0;
  /** What settles the acknowledgements that are waited for, by packet id. */
  private _acks = new Map<number, (error: Error | null, args?: unknown[]) => void>();
  private _flags: Flags = {};
  _any: AnyListener[] = [];
  private _anyOutgoing: AnyListener[] = [];
  /** Whether the manager tells of its events. */
  declare _isListening: boolean | undefined;
  declare private _stopRetry: Stop | undefined;

  constructor(io: M, nsp: string, options?: Partial<SocketOptions>) {
    super();
    this.io = io;
    this.nsp = nsp;
    this._opts = { ...options };
    this.auth = options?.auth;
  }

  /** Works on the jobs of a queue of a Holdfast server. In browsers import "holdfast-client/work" first. */
  declare work: QueueClient["work"];
  /** A queue of a Holdfast server. In browsers import "holdfast-client/work" first. */
  declare queue: QueueClient["queue"];
  declare open: this["connect"];
  declare close: this["disconnect"];

  get disconnected(): boolean {
    return !this.connected;
  }

  /** Whether the socket is connected or will try to connect by itself. */
  get active(): boolean {
    return !!(this._isListening || this._stopRetry);
  }

  connect(): this {
    const { io } = this;
    if (this.connected || this._stopRetry) return this;
    this._isListening = true;
    if (!io._attempts) io.open();
    if (io._readyState === "open") this._onOpen();
    return this;
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
    const { _flags: flags, _opts } = this;
    const { engine } = this.io;
    if (isReservedEvent(event)) throw new Error(`"${event as string}" is a reserved event name`);
    this._flags = {};
    const ack: Ack | undefined = typeof args.at(-1) === "function" ? (args.pop() as Ack) : undefined;
    const data = [event, ...args];
    const packet: OutgoingPacket = {
      type: PacketType.EVENT,
      data,
      options: { compress: flags.compress ?? true },
    };
    if (_opts.retries && !flags._fromQueue && !flags.volatile) this._enqueue(data, flags, ack);
    else {
      if (ack) this._registerAck(packet, ack, flags);
      if (!flags.volatile || engine?.transport?.writable) {
        if (this.connected && !engine._hasPingExpired()) this._sendEvent(packet);
        else this.sendBuffer.push(packet);
      }
    }
    return this;
  }

  /** Sends an event and resolves with the answer; rejects when `timeout` passes or the connection is lost. */
  emitWithAck<Name extends EventNames<EmitEvents>>(
    event: Name,
    ...args: AllButLast<EventParams<EmitEvents, Name>>
  ): Promise<FirstArg<Last<EventParams<EmitEvents, Name>>>> {
    return new Promise((resolve, reject) => {
      this._flags._withError = true;
      const ack: Ack = (error, answer) => (error ? reject(error) : resolve(answer));
      this.emit(event, ...([...args, ack] as never));
    });
  }

  disconnect(): this {
    const { connected } = this;
    if (connected) this._packet({ type: PacketType.DISCONNECT });
    this._destroy();
    if (connected) this._onClose("io client disconnect");
    return this;
  }

  /** Whether the next event may be compressed. */
  compress(compress: boolean): this {
    this._flags.compress = compress;
    return this;
  }

  /** The next event may be lost when it can't be sent at once. */
  get volatile(): this {
    this._flags.volatile = true;
    return this;
  }

  /** The acknowledgement of the next event gets an error first, after `ms` milliseconds without an answer. */
  timeout(ms: number): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>, M> {
    this._flags.timeout = ms;
    return this as never;
  }

  /** Calls `listener` with the name and arguments of every event that comes in. */
  onAny(listener: AnyListener): this {
    this._any.push(listener);
    return this;
  }

  prependAny(listener: AnyListener): this {
    this._any.unshift(listener);
    return this;
  }

  /** Removes one listener, or all. */
  offAny(listener?: AnyListener): this {
    remove(this._any, listener);
    return this;
  }

  listenersAny(): AnyListener[] {
    return this._any;
  }

  /** Calls `listener` with the name and arguments of every event that goes out. */
  onAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoing.push(listener);
    return this;
  }

  prependAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoing.unshift(listener);
    return this;
  }

  /** Removes one listener, or all. */
  offAnyOutgoing(listener?: AnyListener): this {
    remove(this._anyOutgoing, listener);
    return this;
  }

  listenersAnyOutgoing(): AnyListener[] {
    return this._anyOutgoing;
  }

  private _registerAck(packet: OutgoingPacket, ack: Ack, flags: Flags): void {
    const ms = flags.timeout ?? this._opts.ackTimeout;
    const id = this._ids++;
    packet.id = id;
    const settle = (error: Error | null, args: unknown[] = []) => {
      this._acks.delete(id);
      stop?.();
      if (flags._withError || ms !== undefined) ack.call(this, error, ...args);
      else if (!error) ack.apply(this, args);
    };
    this._acks.set(id, settle);
    const stop =
      ms === undefined
        ? ms
        : this.io._after(ms, () => {
            removeFirst(this.sendBuffer, (buffered) => buffered === packet);
            settle(new Error("operation has timed out"));
          });
  }

  private _enqueue(args: unknown[], flags: Flags, ack: Ack | undefined): void {
    let tries = 0;
    const settle: Ack = (error, ...answer) => {
      this._isQueueBusy = false;
      if (!error || tries++ >= this._opts.retries!) {
        this._queue.shift();
        ack?.(error, ...answer);
      }
      this._drainQueue();
    };
    this._queue.push(() => {
      this._flags = { ...flags, _fromQueue: true, _withError: true };
      (this.emit as AnyListener)(...args, settle);
    });
    this._drainQueue();
  }

  private _drainQueue(): void {
    const [send] = this._queue;
    if (this.connected && send && !this._isQueueBusy) {
      this._isQueueBusy = true;
      send();
    }
  }

  _packet(packet: OutgoingPacket): void {
    this.io._packet({ ...packet, nsp: this.nsp });
  }

  private _sendEvent(packet: OutgoingPacket): void {
    call(this, this._anyOutgoing, packet.data as unknown[]);
    this._packet(packet);
  }

  _onError(error: Error): void {
    if (!this.connected) super.emit("connect_error", error);
  }

  _onOpen(): void {
    if (this._opts.resume) this._load();
    else this._hello();
  }

  /** What resumes is loaded first; without it the socket connects all the same. */
  private async _load(): Promise<void> {
    const { engine } = this.io;
    try {
      (await import("./resume/index.ts")).resume(this);
    } catch (error) {
      this.recovery.emit("error", error);
    }
    if (engine === this.io.engine && this._isListening) this._hello();
  }

  /** Sends CONNECT. Extensions decorate it, and other methods that are not private: see extension.ts. */
  _hello(): void {
    const { auth, _pid: pid, _lastOffset: offset } = this;
    const connect = (data?: object) =>
      this._packet({ type: PacketType.CONNECT, data: pid ? { pid, offset, ...data } : data });
    if (typeof auth === "function") auth(connect);
    else connect(auth);
  }

  _onClose(reason: DisconnectReason, details?: DisconnectDescription): void {
    this.connected = false;
    this.id = undefined;
    super.emit("disconnect", reason, details);
    for (const [id, settle] of this._acks) {
      // an answer to what has not been sent may still come
      if (!this.sendBuffer.some((packet) => id === packet.id))
        settle(new Error("socket has been disconnected"));
    }
  }

  _onPacket({ type, data: args, id }: Packet & { data?: Loose }): void {
    switch (type) {
      case PacketType.CONNECT:
        if (args?.sid) {
          this.id = args.sid;
          this.recovered = !!args.pid && this._pid === args.pid;
          this._pid = args.pid;
          this.connected = true;
          for (const event of this.receiveBuffer.splice(0)) this._onEvent(event);
          for (const packet of this.sendBuffer.splice(0)) this._sendEvent(packet);
          this._drainQueue();
          super.emit("connect");
        } else this._onError(new Error("server error"));
        break;
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        if (id != null) args.push(this._answer(id));
        if (this.connected) this._onEvent(args);
        else this.receiveBuffer.push(args);
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        this._acks.get(id!)?.(null, args);
        break;
      case PacketType.DISCONNECT:
        this._destroy();
        this._onClose("io server disconnect");
        break;
      case PacketType.CONNECT_ERROR: {
        const error = Object.assign(new Error(args.message), args);
        const ms = retryAfterMs(error);
        this._destroy();
        // a refusal is final, unless the server says when to come again; not all at once, though
        if (ms && this.io.reconnection()) {
          this._stopRetry = this.io._after(ms * (1 + Math.random()), () => {
            this._stopRetry = undefined;
            this.connect();
          });
        }
        this._onError(error);
      }
    }
  }

  _onEvent(args: Loose[]): void {
    const last = args.at(-1);
    call(this, this._any, args);
    super.emit(...(args as [never, ...Loose[]]));
    if (this._pid && typeof last === "string") this._lastOffset = last;
  }

  /** What a listener answers an event with; only its first call counts. */
  private _answer(id: number): Ack {
    let sent: boolean;
    return (...data) => {
      if (!sent) this._packet({ type: PacketType.ACK, id, data });
      sent = true;
    };
  }

  private _destroy(): void {
    // deaf to the manager, it does not come back by itself
    this._isListening = false;
    this._stopRetry?.();
    this._stopRetry = undefined;
    this.io._destroy();
  }
}

const { prototype } = Socket;
prototype.open = prototype.connect;
prototype.close = prototype.disconnect;

function remove(listeners: AnyListener[], listener: AnyListener | undefined): void {
  if (listener) removeFirst(listeners, (known) => known === listener);
  else listeners.splice(0);
}
