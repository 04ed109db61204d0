import type { Packet } from "@holdfast/protocol";
import { backoffMs, retryAfterMs } from "./backoff.ts";
import { type Connection, type ConnectionEvents, openConnection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import type { DefaultEventsMap, EventsMap, Loose } from "./events.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { defaultParser, type Parser } from "./parser.ts";
import { type DisconnectReason, type OutgoingPacket, Socket } from "./socket.ts";
import { type After, nextTick, type Stop, timers } from "./timers.ts";
import type { CloseDetails } from "./transport.ts";
import { type ParsedUrl, parseUrl } from "./url.ts";

export interface ManagerEvents {
  open: () => void;
  error: (error: Error) => void;
  ping: () => void;
  packet: (packet: Packet) => void;
  close: (reason: string, description?: CloseDetails | Error) => void;
  reconnect_failed: () => void;
  reconnect_attempt: (attempt: number) => void;
  reconnect_error: (error: Error) => void;
  reconnect: (attempt: number) => void;
}

/** Keeps a connection to one server, and shares it between the sockets of several namespaces. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Emitter<Record<never, never>, ManagerEvents, ManagerEvents> {
  /** The current connection, or the last. */
  declare engine: Connection;
  /** A copy of what was given, with defaults; changes take effect at the next connection. */
  declare opts: Partial<ManagerOptions>;
  declare _autoConnect: boolean;
  _readyState: "opening" | "open" | "closed" = "closed";
  declare _reconnecting: boolean;
  declare readonly _after: After;
  /** The sockets, by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>> = {};

  declare private readonly _url: ParsedUrl;
  declare private readonly _encoder: InstanceType<Parser["Encoder"]>;
  declare private readonly _decoder: InstanceType<Parser["Decoder"]>;
  /** Of the time to connect, or until the next attempt. */
  declare private _stopTimer: Stop | undefined;
  declare private _skipReconnect: boolean;
  /** Attempts to reconnect since the last success. */
  private _attempts = 0;
  /** What the server asked for; the next delay comes on top of it, once. */
  private _retryAfterMs = 0;

  constructor(options?: Partial<ManagerOptions>);
  constructor(url?: string, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>) {
    super();
    if (url && typeof url === "object") [url, options] = [undefined, url];
    const opts = { ...options };
    this._url = parseUrl(url as string | undefined);
    this.opts = opts;
    opts.path ||= "/socket.io";
    opts.reconnection = opts.reconnection !== false;
    opts.reconnectionAttempts ||= Infinity;
    opts.reconnectionDelay ||= 1000;
    opts.reconnectionDelayMax ||= 5000;
    opts.timeout ??= 20_000;
    this._after = timers(opts);
    const parser: Parser = opts.parser ?? defaultParser;
    this._encoder = new parser.Encoder();
    this._decoder = new parser.Decoder();
    this._decoder.on("decoded", (packet) =>
      // in its own turn, so that a listener's exception is not taken for a parse error
      nextTick(() => {
        const socket = this.nsps[packet.nsp];
        if (socket?._isListening) socket._onPacket(packet);
        this.emit("packet", packet);
      }),
    );
    this._autoConnect = opts.autoConnect !== false;
    if (this._autoConnect) this.open();
  }

  /** Whether to reconnect. */
  reconnection(): boolean;
  reconnection(value: boolean): this;
  reconnection(value?: boolean): this | boolean {
    if (value === false) this._skipReconnect = true;
    return this._option("reconnection", value);
  }

  /** How many times in a row to try. */
  reconnectionAttempts(): number;
  reconnectionAttempts(value: number): this;
  reconnectionAttempts(value?: number): this | number {
    return this._option("reconnectionAttempts", value);
  }

  /** Milliseconds before the first attempt. */
  reconnectionDelay(): number;
  reconnectionDelay(value: number): this;
  reconnectionDelay(value?: number): this | number {
    return this._option("reconnectionDelay", value);
  }

  /** Milliseconds between attempts, at most. */
  reconnectionDelayMax(): number;
  reconnectionDelayMax(value: number): this;
  reconnectionDelayMax(value?: number): this | number {
    return this._option("reconnectionDelayMax", value);
  }

  /** How far delays stray. Where it was never given they are spread wider than its 0.5 says. */
  randomizationFactor(): number;
  randomizationFactor(value: number): this;
  randomizationFactor(value?: number): this | number {
    return this._option("randomizationFactor", value) ?? 0.5;
  }

  /** Milliseconds to wait for a connection, or false. */
  timeout(): number | false;
  timeout(value: number | false): this;
  timeout(value?: number | false): this | number | false {
    return this._option("timeout", value);
  }

  /** Connects; calls back with an error, or none. With a callback a failure does not lead to another attempt. */
  open(fn?: (error?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    const { timeout } = this.opts;
    const engine = openConnection(this._url, this.opts);
    /** Listens as long as this connection is ours. */
    const listen = (event: keyof ConnectionEvents, listener: (...args: Loose[]) => void) =>
      engine.on(event, (...args: unknown[]) => {
        if (engine === this.engine && this._readyState !== "closed") listener(...args);
      });
    const onError = (error: Error) => {
      this._tell((socket) => socket._onError(error));
      this.emit("error", error);
    };
    const fail = (error: Error) => {
      this._cleanup();
      this._readyState = "closed";
      this._retryAfterMs = retryAfterMs(error);
      onError(error);
      if (fn) fn(error);
      // the first attempt: those that follow bring a callback
      else if (!this._attempts) this._reconnect();
    };
    this.engine = engine;
    this._readyState = "opening";
    this._skipReconnect = false;
    if ((timeout as number | false) !== false) {
      this._stopTimer = this._after(timeout!, () => {
        fail(new Error("timeout"));
        engine.close();
      });
    }
    listen("open", () => {
      this._stopTimer?.();
      this._readyState = "open";
      this._tell((socket) => socket._onOpen());
      this.emit("open");
      fn?.();
    });
    listen("error", (error) => (this._readyState === "open" ? onError : fail)(error));
    listen("close", (reason, details) =>
      this._readyState === "open" ? this._onClose(reason, details) : fail(new Error(reason)),
    );
    listen("ping", () => this.emit("ping"));
    listen("data", (data) => {
      try {
        this._decoder.add(data);
      } catch (error) {
        this._onClose("parse error", error as Error);
      }
    });
    return this;
  }

  /** The socket of a namespace; made when it is first asked for. */
  socket(
    nsp: string,
    options?: Partial<SocketOptions>,
  ): Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>> {
    const known = this.nsps[nsp];
    if (known && this._autoConnect && !known.active) known.connect();
    return (this.nsps[nsp] ??= new Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>(
      this,
      nsp,
      options,
    ));
  }

  /** Closes the connection when no socket needs it any more. */
  _destroy(): void {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }

  _packet(packet: OutgoingPacket & Packet): void {
    for (const chunk of this._encoder.encode(packet)) this.engine.write(chunk, packet.options);
  }

  /** Closes the connection, for good. */
  _close(): void {
    this._skipReconnect = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }

  private _option<Name extends keyof ManagerOptions>(name: Name, value: unknown): never {
    if (value === undefined) return this.opts[name] as never;
    this.opts[name] = value as never;
    return this as never;
  }

  /** Sockets hear of an event first, then the application. */
  private _tell(tell: (socket: Socket) => void): void {
    for (const socket of Object.values(this.nsps)) if (socket._isListening) tell(socket as unknown as Socket);
  }

  private _cleanup(): void {
    this._stopTimer?.();
    this._decoder.destroy();
  }

  private _onClose(reason: string, description?: CloseDetails | Error): void {
    this._cleanup();
    this._readyState = "closed";
    this.engine?.close();
    this._attempts = 0;
    this._tell((socket) => socket._onClose(reason as DisconnectReason, description));
    this.emit("close", reason, description);
    this._reconnect();
  }

  private _reconnect(): void {
    const { opts, _attempts } = this;
    if (!opts.reconnection || this._reconnecting || this._skipReconnect) return;
    if (_attempts >= opts.reconnectionAttempts!) {
      this._attempts = 0;
      this.emit("reconnect_failed");
      return;
    }
    this._reconnecting = true;
    this._attempts++;
    this._stopTimer = this._after(
      this._retryAfterMs +
        backoffMs(opts.reconnectionDelay!, opts.reconnectionDelayMax!, opts.randomizationFactor, _attempts),
      () => {
        if (this._skipReconnect) return;
        this.emit("reconnect_attempt", this._attempts);
        // a listener may have closed it
        if (this._skipReconnect) return;
        this.open((error) => {
          this._reconnecting = false;
          if (error) {
            this._reconnect();
            this.emit("reconnect_error", error);
          } else {
            const attempt = this._attempts;
            this._attempts = 0;
            this.emit("reconnect", attempt);
          }
        });
      },
    );
  }
}

export interface Manager<ListenEvents, EmitEvents> {
  connect: this["open"];
  disconnect: this["_close"];
}

const { prototype } = Manager;
prototype.connect = prototype.open;
prototype.disconnect = prototype._close;
