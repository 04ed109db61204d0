import { Decoder, Encoder, type Packet } from "@holdfast/protocol";
import { type Connection, type ConnectionEvents, openConnection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import type { DefaultEventsMap, EventsMap, Loose } from "./events.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import type { Parser } from "./parser.ts";
import { retryAfterMs } from "./retry-after.ts";
import { type DisconnectReason, type OutgoingPacket, Socket } from "./socket.ts";
import { type After, nextTick, type Stop, timers } from "./timers.ts";
import type { CloseDetails } from "./transport.ts";
import { parseUrl } from "./url.ts";

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

/** Reads a setting, or changes it and returns the manager. */
interface Setting<Value, Self> {
  (): Value;
  (value: Value): Self;
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
  /** Undefined when it is closed. */
  declare _readyState: "opening" | "open" | undefined;
  declare readonly _after: After;
  /** The sockets, by namespace. */
  readonly nsps: Record<string, Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>> = {};

  /** What was given; relative to the page where there is one. */
  declare readonly uri: string | undefined;
  declare private readonly _encoder: InstanceType<Parser["Encoder"]>;
  declare private readonly _decoder: InstanceType<Parser["Decoder"]>;
  /** Of the time to connect, or until the next attempt. */
  declare private _stopTimer: Stop | undefined;
  declare private _skipReconnect: boolean;
  /** Attempts to reconnect since the last success; 0 unless one is under way or waits for its time. */
  _attempts = 0;
  /** What the server asked for; the next delay comes on top of it, once. */
  private _retryAfterMs = 0;

  declare connect: this["open"];
  declare disconnect: this["_close"];
  /** Whether to reconnect. */
  declare reconnection: Setting<boolean, this>;
  /** How many times in a row to try. */
  declare reconnectionAttempts: Setting<number, this>;
  /** Milliseconds before the first attempt. */
  declare reconnectionDelay: Setting<number, this>;
  /** Milliseconds between attempts, at most. */
  declare reconnectionDelayMax: Setting<number, this>;
  /** How far delays stray. Where it was never given they are spread wider than its 0.5 says. */
  declare randomizationFactor: Setting<number, this>;
  /** Milliseconds to wait for a connection, or false. */
  declare timeout: Setting<number | boolean, this>;

  constructor(options?: Partial<ManagerOptions>);
  constructor(url?: string, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>);
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>) {
    super();
    if (url && typeof url === "object") [url, options] = [undefined, url];
    const opts = { ...options };
    this.uri = url as string | undefined;
    this.opts = opts;
    opts.path ||= "/socket.io";
    opts.reconnection ??= true;
    opts.reconnectionAttempts ||= Infinity;
    opts.reconnectionDelay ||= 1000;
    opts.reconnectionDelayMax ||= 5000;
    opts.timeout ??= 20_000;
    this._after = timers(opts);
    const parser: Parser = opts.parser ?? { Encoder, Decoder };
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
    if (opts.autoConnect !== false) this.open();
  }

  /** Connects; calls back with an error, or none. With a callback a failure does not lead to another attempt. */
  open(fn?: (error?: Error) => void): this {
    if (this._readyState) return this;
    const { timeout } = this.opts;
    const engine = openConnection(parseUrl(this.uri), this.opts);
    /** Listens as long as this connection is ours. */
    const listen = (event: keyof ConnectionEvents, listener: (...args: Loose[]) => void) =>
      engine.on(event, (...args: unknown[]) => {
        // behind a proxy an object is not itself, but its methods are
        if (engine.close === this.engine.close && this._readyState) listener(...args);
      });
    const onError = (error: Error) => {
      this._tell((socket) => socket._onError(error));
      this.emit("error", error);
    };
    const fail = (error: Error) => {
      this._cleanup();
      this._readyState = undefined;
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
    listen("error", (error) => (this._readyState === "open" ? onError(error) : fail(error)));
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
    this.nsps[nsp] ??= new Socket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>(
      this,
      nsp,
      options,
    );
    const socket = this.nsps[nsp];
    if (this.opts.autoConnect !== false && !socket.active) socket.connect();
    return socket;
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
    this._onClose("forced close");
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
    this._readyState = undefined;
    this.engine?.close();
    this._retryAfterMs = this._attempts = 0;
    this._tell((socket) => socket._onClose(reason as DisconnectReason, description));
    this.emit("close", reason, description);
    this._reconnect();
  }

  private _reconnect(): void {
    const { opts, _attempts } = this;
    const isOver = () => this._skipReconnect || !opts.reconnection;
    if (isOver()) return;
    if (_attempts >= opts.reconnectionAttempts!) {
      this._attempts = 0;
      this.emit("reconnect_failed");
      return;
    }
    this._attempts++;
    const { reconnectionDelayMax: max, randomizationFactor: factor } = opts;
    const ms = opts.reconnectionDelay! * 2 ** _attempts;
    const random = Math.random();
    // where no factor is given, anything from zero to the exact delay: it spreads the clients of a server best
    const delay =
      factor == null ? random * Math.min(ms, max!) : Math.min(ms + ms * factor * (2 * random - 1), max!);
    this._stopTimer = this._after(this._retryAfterMs + delay, () => {
      if (!isOver()) this.emit("reconnect_attempt", this._attempts);
      // a listener may have closed it
      if (!isOver()) {
        this.open((error) => {
          if (error) {
            this._reconnect();
            this.emit("reconnect_error", error);
          } else {
            const attempt = this._attempts;
            this._attempts = 0;
            this.emit("reconnect", attempt);
          }
        });
      }
    });
  }
}

const { prototype } = Manager;
prototype.connect = prototype.open;
prototype.disconnect = prototype._close;
for (const name of [
  "reconnection",
  "reconnectionAttempts",
  "reconnectionDelay",
  "reconnectionDelayMax",
  "randomizationFactor",
  "timeout",
] as const) {
  prototype[name] = function (this: Manager, value?: unknown) {
    // the only one without a default in opts
    if (value === undefined) return this.opts[name] ?? 0.5;
    this.opts[name] = value as never;
    return this;
  } as never;
}
