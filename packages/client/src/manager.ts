import type { Packet } from "@holdfast/protocol";
import { Backoff, retryAfterMs } from "./backoff.ts";
import { Connection } from "./connection.ts";
import { Emitter, on } from "./emitter.ts";
import type { DefaultEventsMap, EventsMap } from "./events.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { defaults, type Parser } from "./parser.ts";
import { type OutgoingPacket, Socket } from "./socket.ts";
import { type Clock, clockOf, nextTick } from "./timers.ts";
import type { CloseDetails, RawData } from "./transport.ts";

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
  engine!: Connection;
  opts: Partial<ManagerOptions>;
  _autoConnect: boolean;
  _readyState: "opening" | "open" | "closed" = "closed";
  _reconnecting = false;
  readonly _clock: Clock;
  readonly backoff: Backoff;

  private readonly uri: string | undefined;
  /** The sockets, by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>> = {};
  private subs: (() => void)[] = [];
  private readonly encoder: InstanceType<Parser["Encoder"]>;
  private readonly decoder: InstanceType<Parser["Decoder"]>;
  private skipReconnect = false;
  private _reconnection: boolean;
  private _attemptsMax: number;
  private _timeoutMs: number | false;

  constructor(options?: Partial<ManagerOptions>);
  constructor(url?: string, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options: Partial<ManagerOptions> = {}) {
    super();
    if (url && typeof url === "object") [url, options] = [undefined, url];
    this.uri = url as string | undefined;
    options.path ||= "/socket.io";
    this.opts = options;
    this._clock = clockOf(options);
    this._reconnection = options.reconnection !== false;
    this._attemptsMax = options.reconnectionAttempts || Number.POSITIVE_INFINITY;
    this.backoff = new Backoff(
      options.reconnectionDelay || 1000,
      options.reconnectionDelayMax || 5000,
      options.randomizationFactor,
    );
    this._timeoutMs = options.timeout ?? 20_000;
    const parser: Parser = options.parser ?? defaults.parser;
    this.encoder = new parser.Encoder();
    this.decoder = new parser.Decoder();
    this._autoConnect = options.autoConnect !== false;
    if (this._autoConnect) this.open();
  }

  /** Whether to reconnect. */
  reconnection(): boolean;
  reconnection(value: boolean): this;
  reconnection(value?: boolean): this | boolean {
    if (value === undefined) return this._reconnection;
    this._reconnection = value;
    if (!value) this.skipReconnect = true;
    return this;
  }

  /** How many times in a row to try. */
  reconnectionAttempts(): number;
  reconnectionAttempts(value: number): this;
  reconnectionAttempts(value?: number): this | number {
    if (value === undefined) return this._attemptsMax;
    this._attemptsMax = value;
    return this;
  }

  /** Milliseconds before the first attempt. */
  reconnectionDelay(): number;
  reconnectionDelay(value: number): this;
  reconnectionDelay(value?: number): this | number {
    return this._setting("min", value);
  }

  /** Milliseconds between attempts, at most. */
  reconnectionDelayMax(): number;
  reconnectionDelayMax(value: number): this;
  reconnectionDelayMax(value?: number): this | number {
    return this._setting("max", value);
  }

  /** How far delays stray. Where it was never given they are spread wider than its 0.5 says. */
  randomizationFactor(): number;
  randomizationFactor(value: number): this;
  randomizationFactor(value?: number): this | number {
    return this._setting("jitter", value) ?? 0.5;
  }

  /** Milliseconds to wait for a connection, or false. */
  timeout(): number | false;
  timeout(value: number | false): this;
  timeout(value?: number | false): this | number | false {
    if (value === undefined) return this._timeoutMs;
    this._timeoutMs = value;
    return this;
  }

  /** Connects; calls back with an error, or none. With a callback a failure does not lead to another attempt. */
  open(fn?: (error?: Error) => void): this {
    if (this._readyState !== "closed") return this;
    this._readyState = "opening";
    this.skipReconnect = false;
    const engine = new Connection(this.uri, this.opts);
    this.engine = engine;
    const stopOpen = on(engine, "open", () => {
      this._onOpen();
      fn?.();
    });
    const fail = (error: Error) => {
      this._cleanup();
      this._readyState = "closed";
      this.backoff.retryAfterMs = retryAfterMs(error);
      this.emitReserved("error", error);
      if (fn) fn(error);
      // the first attempt: those that follow bring a callback
      else if (!this._reconnecting && this._reconnection && !this.backoff.attempts) this._reconnect();
    };
    this.subs.push(stopOpen, on(engine, "error", fail));
    if (this._timeoutMs !== false) {
      this.subs.push(
        this._clock.after(this._timeoutMs, () => {
          stopOpen();
          fail(new Error("timeout"));
          engine.close();
        }),
      );
    }
    return this;
  }

  connect(fn?: (error?: Error) => void): this {
    return this.open(fn);
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

  _packet(packet: OutgoingPacket): void {
    for (const chunk of this.encoder.encode(packet)) this.engine.write(chunk, packet.options);
  }

  /** Closes the connection, for good. */
  _close(): void {
    this.skipReconnect = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }

  disconnect(): void {
    this._close();
  }

  private _setting(name: "min" | "max" | "jitter", value?: number): this | never {
    if (value === undefined) return this.backoff[name] as never;
    this.backoff[name] = value;
    return this;
  }

  private _onOpen(): void {
    const { engine, decoder } = this;
    this._cleanup();
    this._readyState = "open";
    this.emitReserved("open");
    this.subs.push(
      on(engine, "ping", () => this.emitReserved("ping")),
      on(engine, "data", (data: RawData) => {
        try {
          decoder.add(data);
        } catch (error) {
          this._onClose("parse error", error as Error);
        }
      }),
      on(engine, "error", (error: Error) => this.emitReserved("error", error)),
      on(engine, "close", (reason: string, details: CloseDetails) => this._onClose(reason, details)),
      // in its own turn, so that a listener's exception is not taken for a parse error
      on(decoder, "decoded", (packet: Packet) => nextTick(() => this.emitReserved("packet", packet))),
    );
  }

  private _cleanup(): void {
    for (const stop of this.subs.splice(0)) stop();
    this.decoder.destroy();
  }

  private _onClose(reason: string, description?: CloseDetails | Error): void {
    this._cleanup();
    this.engine?.close();
    this.backoff.reset();
    this._readyState = "closed";
    this.emitReserved("close", reason, description);
    if (this._reconnection) this._reconnect();
  }

  private _reconnect(): void {
    const { backoff } = this;
    if (this._reconnecting || this.skipReconnect) return;
    if (backoff.attempts >= this._attemptsMax) {
      backoff.reset();
      this.emitReserved("reconnect_failed");
      return;
    }
    this._reconnecting = true;
    this.subs.push(
      this._clock.after(backoff.duration(), () => {
        if (this.skipReconnect) return;
        this.emitReserved("reconnect_attempt", backoff.attempts);
        // a listener may have closed it
        if (this.skipReconnect) return;
        this.open((error) => {
          this._reconnecting = false;
          if (error) {
            this._reconnect();
            this.emitReserved("reconnect_error", error);
          } else {
            const attempt = backoff.attempts;
            backoff.reset();
            this.emitReserved("reconnect", attempt);
          }
        });
      }),
    );
  }
}
