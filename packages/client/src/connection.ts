import { Emitter } from "./emitter.ts";
import type { EngineOptions, HandshakeData, TransportCtor } from "./options.ts";
import { watch, watchers } from "./page.ts";
import { defaultBinaryType, defaultTransports } from "./platform.ts";
import { nextTick, type Stop, timers } from "./timers.ts";
import type { BinaryType, CloseDetails, Packet, RawData, Transport, WriteOptions } from "./transport.ts";
import type { ParsedUrl } from "./url.ts";

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
  error: (error: string | Error) => void;
  upgrading: (transport: Transport) => void;
  upgrade: (transport: Transport) => void;
  upgradeError: (error: Error) => void;
  close: (reason: string, description?: CloseDetails | Error) => void;
}

/** One Engine.IO session, whatever transport carries it: `manager.engine`. */
export interface Connection extends Emitter<Record<never, never>, ConnectionEvents, ConnectionEvents> {
  id: string | null | undefined;
  transport: Transport;
  /** What bytes come in as. Default "arraybuffer", in Node "nodebuffer". */
  binaryType: BinaryType;
  readyState: "opening" | "open" | "closing" | "closed";
  /** What the transport has not taken, and at its head, what it is taking. */
  writeBuffer: Packet[];
  /** Sends a message; `fn` is called when it has been handed to the transport. */
  write(data: RawData, options?: WriteOptions | null, fn?: () => void): this;
  send: this["write"];
  /** Closes once what was written is sent and an upgrade under way is over. */
  close(): this;
  /** What the server said when the connection opened. */
  _handshake: HandshakeData;
  /** Whether the server has been silent for too long; if so the connection is about to close. */
  _hasPingExpired(): boolean | undefined;
}

/** Whether the last connection that tried WebSocket could; for `rememberUpgrade`. */
let priorWebsocketSuccess: boolean;

/** Starts to connect. The state is in variables: what is private stays so, and a proxy around the object is harmless. */
export function openConnection(url: ParsedUrl, opts: EngineOptions): Connection {
  const self = new Emitter() as unknown as Connection;
  const after = timers(opts);
  const transportsByName: Record<string, TransportCtor> = { ...defaultTransports };
  const transports = (opts.transports ?? Object.keys(defaultTransports))
    .map((transport): string => {
      const { prototype } = transport as TransportCtor & { prototype?: { name: string } };
      if (!prototype) return transport as string;
      transportsByName[prototype.name] = transport as TransportCtor;
      return prototype.name;
    })
    .filter((name) => transportsByName[name]);
  let handshake: HandshakeData;
  /** When it is due, silence means that the connection is dead. */
  let pingTimer: Stop | undefined;
  /** How many packets at the head of the write buffer the transport is taking. */
  let writing: number | undefined;
  /** From a better transport's answer until frames travel by it: nothing is written meanwhile. */
  let isUpgrading: boolean | undefined;
  let failProbe: ((reason: unknown) => void) | undefined;

  function open(): void {
    const [name] = transports;
    self.readyState = "opening";
    if (name) {
      use(createTransport(name));
      self.transport.open();
    } else nextTick(() => onError("No transports available"));
  }

  function createTransport(name: string): Transport {
    const query: unknown = url.query || opts.query;
    return new transportsByName[name]!({
      ...opts,
      ...url,
      path: opts.path!.replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
      socket: self,
      query: {
        ...Object.fromEntries(new URLSearchParams(query as string)),
        EIO: 4,
        transport: name,
        ...(self.id && { sid: self.id }),
      },
      ...(opts.transportOptions as Record<string, object> | undefined)?.[name],
    }) as Transport;
  }

  function use(transport: Transport): void {
    // until an error says otherwise
    priorWebsocketSuccess = transport.name === "websocket";
    self.transport?.off();
    self.transport = transport
      .on("drain", () => {
        self.writeBuffer.splice(0, writing);
        writing = 0;
        if (!self.writeBuffer[0]) self.emit("drain");
        flush();
      })
      .on("packet", onPacket)
      .on("error", onError)
      .on("close", (details) => onClose("transport close", details));
  }

  /** Tries to move to a better transport (Engine.IO protocol v4, "Upgrade"). */
  function probe(name: string): void {
    const transport = createTransport(name)
      .on("open", () => transport.send([{ type: "ping", data: "probe" }]))
      .on("error", fail)
      .on("close", () => fail("transport closed"))
      .once("packet", ({ data }) => {
        if (data !== "probe") return fail("transport closed");
        isUpgrading = true;
        self.emit("upgrading", transport);
        self.transport.pause(() => {
          if (failProbe) {
            failProbe = undefined;
            transport.off();
            use(transport);
            transport.send([{ type: "upgrade" }]);
            self.emit("upgrade", transport);
            isUpgrading = false;
            flush();
          }
        });
      });
    function fail(reason: unknown) {
      const error = Object.assign(new Error(`probe error: ${reason}`), { transport: name });
      failProbe = undefined;
      transport.off().close();
      self.emit("upgradeError", error);
      if (isUpgrading) {
        isUpgrading = false;
        flush();
        // the old transport has been paused for good
        onClose("transport error", error);
      }
    }
    failProbe = fail;
    transport.open();
  }

  function onPacket(packet: Packet): void {
    const { type, data } = packet;
    if (self.readyState === "closed") return;
    self.emit("packet", packet);
    self.emit("heartbeat");
    if (type === "open") {
      handshake = self._handshake = JSON.parse(data) as HandshakeData;
      self.emit("handshake", handshake);
      self.id = self.transport.opts.query.sid = handshake.sid;
      self.readyState = "open";
      expectLife();
      self.emit("open");
      flush();
      const better = handshake.upgrades.find((name) => transports.includes(name));
      if (better && (self.readyState as string) === "open" && opts.upgrade !== false) probe(better);
    }
    if (type === "ping") {
      send("pong");
      expectLife();
      self.emit("ping");
    }
    if (type === "message") {
      self.emit("data", data);
      self.emit("message", data);
    }
    if (type === "error") onError(Object.assign(new Error("server error"), { code: data }));
  }

  function onError(error: string | Error): void {
    priorWebsocketSuccess = false;
    if (opts.tryAllTransports && transports[1] && self.readyState === "opening") {
      transports.shift();
      open();
    } else {
      self.emit("error", error);
      onClose("transport error", error as Error);
    }
  }

  function onClose(reason: string, description?: CloseDetails | Error): void {
    if (self.readyState !== "closed") {
      self.readyState = "closed";
      pingTimer?.();
      watchers.delete(onPageEvent);
      self.transport?.close().off();
      self.id = null;
      failProbe?.("transport closed");
      self.emit("close", reason, description);
      // emptied last: a listener may still look at what was not sent
      self.writeBuffer = [];
    }
  }

  function onPageEvent(type: string): void {
    if (type === "beforeunload") {
      // silently: the page must not see a disconnect while it is replaced
      if (opts.closeOnBeforeunload) self.transport.off().close();
    } else if (type === "offline") {
      // the own machine can be reached without a network
      if (!/^localhost\b/.test(url.host)) {
        onClose("transport close", { description: "network connection lost" });
      }
    } else {
      // the page or the network is back: a connection that is past its deadline closes at once
      self._hasPingExpired();
    }
  }

  /** Starts anew to wait for a sign of life. */
  function expectLife(): void {
    pingTimer?.();
    pingTimer = after(handshake.pingInterval + handshake.pingTimeout, () => onClose("ping timeout"));
  }

  function send(type: Packet["type"], data?: RawData, options?: WriteOptions | null, fn?: () => void) {
    if (/^open/.test(self.readyState)) {
      const packet = { type, data, options: { compress: true, ...options } };
      self.emit("packetCreate", packet);
      self.writeBuffer.push(packet);
      if (fn) self.once("flush", fn);
      flush();
    }
    return self;
  }

  function flush(): void {
    const { transport, writeBuffer } = self;
    if (transport.writable && !isUpgrading && writeBuffer[0]) {
      let bytes = -1;
      writing = 0;
      for (const { data } of writeBuffer) {
        if (transport.name === "polling") {
          // each has its type and a separator; bytes become base64
          const { size } = new Blob([data]);
          bytes += typeof data === "string" ? size + 2 : size / 0.75 + 5;
        }
        // over polling the server limits the payload
        if (writing && bytes > handshake.maxPayload) break;
        writing++;
      }
      transport.send(writeBuffer.slice(0, writing));
      self.emit("flush");
    }
    if (self.readyState === "closing" && !isUpgrading && !writeBuffer[0]) onClose("forced close");
  }

  // of our own two, websocket is the last by the alphabet
  if (opts.rememberUpgrade && priorWebsocketSuccess) transports.sort().reverse();
  watchers.add(onPageEvent);
  if (opts.closeOnBeforeunload) watch("beforeunload");
  const write: Connection["write"] = (...args) => send("message", ...args);
  Object.assign(self, {
    binaryType: defaultBinaryType,
    writeBuffer: [],
    write,
    send: write,
    close() {
      if (/^open/.test(self.readyState)) {
        self.readyState = "closing";
        flush();
      }
      return self;
    },
    _hasPingExpired() {
      // timers are late on a suspended machine or a hidden page
      const expired = pingTimer?._isLate();
      if (expired) nextTick(() => onClose("ping timeout"));
      return expired;
    },
  });
  open();
  return self;
}
