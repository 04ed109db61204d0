import { Emitter } from "./emitter.ts";
import type { EngineOptions, HandshakeData, TransportCtor } from "./options.ts";
import { watchPage } from "./page.ts";
import { createCookieJar, defaultBinaryType, defaultTransports } from "./platform.ts";
import { probe } from "./probe.ts";
import { type Clock, clockOf, nextTick } from "./timers.ts";
import type {
  BinaryType,
  CloseDetails,
  CookieJar,
  Packet,
  RawData,
  Transport,
  WriteOptions,
} from "./transport.ts";
import { decodeQuery, parseUrl } from "./url.ts";

export interface ConnectionEvents {
  open: () => void;
  handshake: (data: HandshakeData) => void;
  packet: (packet: Packet) => void;
  packetCreate: (packet: Packet) => void;
  data: (data: RawData) => void;
  message: (data: RawData) => void;
  drain: () => void;
  flush: () => void;
  heartbeat: () => void;
  ping: () => void;
  pong: () => void;
  error: (error: string | Error) => void;
  upgrading: (transport: Transport) => void;
  upgrade: (transport: Transport) => void;
  upgradeError: (error: Error) => void;
  close: (reason: string, description?: CloseDetails | Error) => void;
}

/** How long a server that is asked for a sign of life may take, at most. */
const PROBE_TIMEOUT_MS_MAX = 5_000;

/** One Engine.IO session, whatever transport carries it: `manager.engine`. Opens when made. */
export class Connection extends Emitter<Record<never, never>, ConnectionEvents, ConnectionEvents> {
  static readonly protocol = 4;
  /** Whether the last connection that tried WebSocket could; for `rememberUpgrade`. */
  static priorWebsocketSuccess = false;

  id: string | null = null;
  transport!: Transport;
  binaryType: BinaryType = defaultBinaryType;
  readyState: "opening" | "open" | "closing" | "closed" | undefined;
  /** What the transport has not taken, and at its head, what it is taking. */
  writeBuffer: Packet[] = [];
  readonly opts: EngineOptions;
  /** Names, in the order in which they are tried. */
  readonly transports: string[];
  /** From the answer to a probe until frames travel by the new transport: nothing is written meanwhile. */
  upgrading = false;
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: string | number;
  readonly _cookieJar: CookieJar | undefined;

  private readonly _transportsByName: Record<string, TransportCtor>;
  private readonly _clock: Clock;
  private readonly _unwatchPage: () => void;
  private _writing = 0;
  private _handshake: HandshakeData | undefined;
  /** When silence means that the connection is dead; 0 once that has been noticed. */
  private _deadline = Number.POSITIVE_INFINITY;
  private _stopPingTimer: (() => void) | undefined;

  constructor(url: string | undefined, options: EngineOptions) {
    super();
    const { location } = globalThis as { location?: Location };
    const opts = {
      upgrade: true,
      timestampParam: "t",
      addTrailingSlash: true,
      transportOptions: {},
      ...options,
    };
    this.opts = opts;
    if (url) {
      const { host, port, protocol, query } = parseUrl(url);
      opts.hostname = host;
      opts.port = port;
      opts.secure = /s$/.test(protocol);
      if (query) opts.query = decodeQuery(query);
    } else if (opts.host) opts.hostname = parseUrl(opts.host).host;
    this.secure = opts.secure ?? location?.protocol === "https:";
    this.port = opts.port || (!opts.hostname && location?.port) || (this.secure ? "443" : "80");
    this.hostname = opts.hostname || location?.hostname || "localhost";
    opts.path = opts.path!.replace(/\/$/, "") + (opts.addTrailingSlash ? "/" : "");
    if (typeof opts.query === "string") opts.query = decodeQuery(opts.query);

    const wanted = opts.transportImplementations ?? opts.transports ?? ["polling", "websocket"];
    this._transportsByName = { ...defaultTransports };
    this.transports = wanted
      .map((transport) => {
        if (typeof transport === "string") return transport;
        this._transportsByName[transport.prototype.name] = transport;
        return transport.prototype.name as string;
      })
      .filter((name) => this._transportsByName[name]);
    this._clock = clockOf(opts);
    this._cookieJar = opts.withCredentials ? createCookieJar() : undefined;
    this._unwatchPage = watchPage(this, opts.closeOnBeforeunload);
    this._open();
  }

  /** Sends a message; `fn` is called when it has been handed to the transport. */
  write(data: RawData, options?: WriteOptions | null, fn?: () => void): this {
    this._send("message", data, options, fn);
    return this;
  }

  send(data: RawData, options?: WriteOptions | null, fn?: () => void): this {
    return this.write(data, options, fn);
  }

  /** Closes once what was written is sent and an upgrade under way is over. */
  close(): this {
    const close = () => {
      this._onClose("forced close");
      this.transport?.close();
    };
    const afterUpgrade = () => {
      if (!this.upgrading) return close();
      const settled = () => {
        this.off("upgrade", settled).off("upgradeError", settled);
        close();
      };
      this.once("upgrade", settled).once("upgradeError", settled);
    };
    if (/^open/.test(this.readyState!)) {
      this.readyState = "closing";
      if (this.writeBuffer.length) this.once("drain", afterUpgrade);
      else afterUpgrade();
    }
    return this;
  }

  createTransport(name: string): Transport {
    const { opts, hostname, secure, port } = this;
    const query: Record<string, unknown> = { ...opts.query, EIO: Connection.protocol, transport: name };
    if (this.id) query.sid = this.id;
    return new this._transportsByName[name]!({
      ...opts,
      query,
      socket: this,
      hostname,
      secure,
      port,
      ...(opts.transportOptions as Record<string, object>)[name],
    }) as Transport;
  }

  setTransport(transport: Transport): void {
    this.transport?.off();
    this.transport = transport;
    transport
      .on("drain", () => {
        this.writeBuffer.splice(0, this._writing);
        this._writing = 0;
        if (this.writeBuffer.length) this.flush();
        else this.emitReserved("drain");
      })
      .on("packet", (packet) => this._onPacket(packet))
      .on("error", (error) => this._onError(error))
      .on("close", (details) => this._onClose("transport close", details));
  }

  /** Moves to a transport that has proved to work, while the old one is at rest. */
  _adopt(transport: Transport): void {
    Connection.priorWebsocketSuccess = transport.name === "websocket";
    this.setTransport(transport);
    transport.send([{ type: "upgrade" }]);
    this.emitReserved("upgrade", transport);
    this.upgrading = false;
    this.flush();
  }

  flush(): void {
    if (
      this.readyState !== "closed" &&
      this.transport.writable &&
      !this.upgrading &&
      this.writeBuffer.length
    ) {
      const packets = this._writable();
      this._writing = packets.length;
      this.transport.send(packets);
      this.emitReserved("flush");
    }
  }

  /**
   * Whether the server has been silent for too long; if so the connection is about to close. A timer is not enough:
   * those of a suspended machine or a hidden page are late.
   */
  _hasPingExpired(): boolean {
    const expired = this._clock.now() > this._deadline;
    if (expired && this._deadline) {
      this._deadline = 0;
      nextTick(() => this._onClose("ping timeout"));
    }
    return expired;
  }

  /** The page is back, or the network: is the server still there? */
  _onWake(): void {
    if (this._hasPingExpired() || this.readyState !== "open" || !this._handshake?.holdfast) return;
    // a stock server closes on a client's ping: ask only one that said that it is ours
    this._send("ping");
    this._expectLife(Math.min(PROBE_TIMEOUT_MS_MAX, this._deadline - this._clock.now()));
  }

  _onError(error: string | Error): void {
    Connection.priorWebsocketSuccess = false;
    if (this.opts.tryAllTransports && this.transports.length > 1 && this.readyState === "opening") {
      this.transports.shift();
      this._open();
      return;
    }
    this.emitReserved("error", error);
    this._onClose("transport error", error as Error);
  }

  _onClose(reason: string, description?: CloseDetails | Error): void {
    if (this.readyState === "closed") return;
    this._stopPingTimer?.();
    this._unwatchPage();
    this.transport?.off("close");
    this.transport?.close().off();
    this.readyState = "closed";
    this.id = null;
    this.emitReserved("close", reason, description);
    // emptied last: a listener may still look at what was not sent
    this.writeBuffer = [];
    this._writing = 0;
  }

  private _open(): void {
    const { transports } = this;
    const remembered = this.opts.rememberUpgrade && Connection.priorWebsocketSuccess;
    const name = remembered && transports.includes("websocket") ? "websocket" : transports[0];
    this.readyState = "opening";
    if (name) {
      this.setTransport(this.createTransport(name));
      this.transport.open();
    } else nextTick(() => this._onError("No transports available"));
  }

  private _onPacket(packet: Packet): void {
    if (this.readyState === "closed") return;
    this.emitReserved("packet", packet);
    this.emitReserved("heartbeat");
    const { type, data } = packet;
    if (type === "open") this._onHandshake(JSON.parse(data));
    else if (type === "ping") {
      this._send("pong");
      this.emitReserved("ping");
      this.emitReserved("pong");
      this._expectLife();
    } else if (type === "pong") this._expectLife();
    else if (type === "error") this._onError(Object.assign(new Error("server error"), { code: data }));
    else if (type === "message") {
      this.emitReserved("data", data);
      this.emitReserved("message", data);
    }
  }

  private _onHandshake(data: HandshakeData): void {
    this.emitReserved("handshake", data);
    this._handshake = data;
    this.id = this.transport.query.sid = data.sid;
    this.readyState = "open" as Connection["readyState"];
    Connection.priorWebsocketSuccess = this.transport.name === "websocket";
    this.emitReserved("open");
    this.flush();
    if (this.opts.upgrade) {
      for (const name of data.upgrades) {
        if (this.readyState === "open" && this.transports.includes(name)) {
          Connection.priorWebsocketSuccess = false;
          probe(this, name);
        }
      }
    }
    if (this.readyState !== "closed") this._expectLife();
  }

  /** Starts anew to wait for a sign of life. */
  private _expectLife(ms = this._handshake!.pingInterval + this._handshake!.pingTimeout): void {
    this._stopPingTimer?.();
    this._deadline = this._clock.now() + ms;
    this._stopPingTimer = this._clock.after(ms, () => this._onClose("ping timeout"));
  }

  private _send(type: Packet["type"], data?: RawData, options?: WriteOptions | null, fn?: () => void): void {
    if (/^clos/.test(this.readyState!)) return;
    if (typeof data === "function") [data, fn] = [undefined, data];
    if (typeof options === "function") [options, fn] = [null, options];
    const packet = { type, data, options: { ...options, compress: options?.compress !== false } };
    this.emitReserved("packetCreate", packet);
    this.writeBuffer.push(packet);
    if (fn) this.once("flush", fn);
    this.flush();
  }

  /** What may be written at once: over polling the server limits the payload. */
  private _writable(): Packet[] {
    const { writeBuffer, transport } = this;
    const bytesMax = this._handshake?.maxPayload;
    let count = writeBuffer.length;
    if (bytesMax && transport.name === "polling" && count > 1) {
      let bytes = -1;
      count = writeBuffer.findIndex(({ data = "" }, index) => {
        const { size } = new Blob([data]);
        // each has its type and a separator; bytes become base64
        bytes += 2 + (typeof data === "string" ? size : Math.ceil(size / 3) * 4);
        return index && bytes > bytesMax;
      });
    }
    return count < 0 ? writeBuffer : writeBuffer.slice(0, count);
  }
}
