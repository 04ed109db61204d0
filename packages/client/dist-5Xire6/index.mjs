/*! holdfast-client 0.1.0, MIT License */

// packages/client/src/backoff.ts
function backoffMs(min, max, factor, attempt) {
  const ms = min * 2 ** attempt;
  const random = Math.random();
  return factor === void 0 ? random * Math.min(ms, max) : Math.min(ms + ms * factor * (2 * random - 1), max);
}
function retryAfterMs(error) {
  const ms = error.data?.retryAfterMs;
  return ms > 0 ? +ms : 0;
}

// packages/client/src/emitter.ts
var none = () => ({ __proto__: null });
var Emitter = class {
  _callbacks = none();
  on(event, listener) {
    const list = this._callbacks[event] ??= [];
    list.push(listener);
    return this;
  }
  once(event, listener) {
    const wrapper = (...args) => {
      this.off(event, wrapper);
      listener.apply(this, args);
    };
    wrapper.fn = listener;
    return this.on(event, wrapper);
  }
  /** Removes one listener, all listeners of an event, or all listeners. */
  off(...args) {
    const [event, listener] = args;
    if (args.length > 1) {
      removeFirst(this.listeners(event), (known) => known === listener || known.fn === listener);
    } else if (args.length) delete this._callbacks[event];
    else this._callbacks = none();
    return this;
  }
  emit(event, ...args) {
    call(this, this.listeners(event), args);
    return this;
  }
  listeners(event) {
    return this._callbacks[event] ?? [];
  }
  hasListeners(event) {
    return !!this.listeners(event)[0];
  }
};
var { prototype } = Emitter;
prototype.removeListener = prototype.removeAllListeners = prototype.off;
prototype._emit = prototype.emit;
function call(target, listeners, args) {
  for (const listener of [...listeners]) listener.apply(target, args);
}
function removeFirst(list, matches) {
  list.splice(list.findIndex(matches) >>> 0, 1);
}

// packages/client/src/page.ts
var watchers = /* @__PURE__ */ new Set();
var onEvent = ({ type }) => {
  for (const watcher of watchers) watcher(type);
};
var watch = (type) => globalThis.addEventListener?.(type, onEvent);
for (const type of ["offline", "online", "pageshow", "visibilitychange"]) watch(type);

// packages/protocol/src/base64.browser.ts
function encodeBase64(data) {
  const { buffer, byteOffset, byteLength } = data;
  let text = "";
  for (const byte of new Uint8Array(buffer ?? data, byteOffset, byteLength)) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}
var decodeBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// packages/protocol/src/binary.ts
function isBinary(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
}
function hasBinary(value, fromToJson) {
  if (!value || typeof value !== "object") return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (hasBinary(value[i])) return true;
    return false;
  }
  if (isBinary(value)) return true;
  const { toJSON } = value;
  if (typeof toJSON === "function" && !fromToJson) return hasBinary(toJSON.call(value), true);
  for (const key in value) {
    if (Object.hasOwn(value, key) && hasBinary(value[key])) return true;
  }
  return false;
}
function stringifyBinary(data, found) {
  return JSON.stringify(data, function(key, value) {
    if (typeof value !== "object") return value;
    const binary = isBinary(this[key]) ? this[key] : value;
    if (!isBinary(binary)) return value;
    return { _placeholder: true, num: found.push(binary) - 1 };
  });
}
function insertBinary(value, binaries) {
  const { _placeholder, num } = value;
  if (_placeholder === true) {
    if (!isBinary(binaries[num])) throw new Error("illegal attachments");
    return binaries[num];
  }
  const record = value;
  for (const key of Object.keys(record)) {
    if (record[key] && typeof record[key] === "object") record[key] = insertBinary(record[key], binaries);
  }
  return value;
}

// packages/protocol/src/frames.ts
var frameTypes = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
var SEPARATOR = "";
var ERROR = { type: "error", data: "parser error" };
function encodeFrame(type, data = "") {
  return typeof data === "string" ? frameTypes.indexOf(type) + data : data;
}
function encodeFrameText(type, data) {
  const encoded = encodeFrame(type, data);
  return typeof encoded === "string" ? encoded : `b${encodeBase64(encoded)}`;
}
function decodeFrame(encoded) {
  if (typeof encoded !== "string") return { type: "message", data: encoded };
  if (encoded[0] === "b") return { type: "message", data: decodeBase64(encoded.slice(1)) };
  const type = frameTypes[encoded.charCodeAt(0) - 48];
  if (!type) return ERROR;
  return { type, data: encoded.slice(1) || void 0 };
}

// packages/protocol/src/packets.ts
var protocol = 5;
var RESERVED_EVENTS = /* @__PURE__ */ new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener"
]);
var isReservedEvent = (name) => RESERVED_EVENTS.has(name);
var Encoder = class {
  /** Throws what JSON.stringify throws (a cycle, a BigInt). */
  encode({ type, nsp, id, data }) {
    const attachments = [];
    let json;
    let count = "";
    if ((type === 2 /* EVENT */ || type === 3 /* ACK */) && hasBinary(data)) {
      type += 3;
      json = stringifyBinary(data, attachments);
      count = `${attachments.length}-`;
    } else if (data != null) json = JSON.stringify(data);
    return [type + count + (nsp && nsp !== "/" ? `${nsp},` : "") + (id ?? "") + (json ?? ""), ...attachments];
  }
};
var Decoder = class {
  constructor({ maxAttachments = 10 } = {}) {
    this._attachmentsMax = maxAttachments;
  }
  on(_event, listener) {
    this._listener = listener;
    return this;
  }
  /** Throws on anything that the protocol does not allow; the caller then closes the connection. */
  add(chunk) {
    let packet = this._partial;
    if (typeof chunk === "string" && !packet) {
      packet = decode(chunk);
      if (packet.attachments) {
        if (packet.attachments > this._attachmentsMax) throw new Error("illegal attachments");
        this._partial = packet;
        this._received = [];
        return;
      }
    } else {
      if (!packet || !isBinary(chunk)) throw new Error("illegal attachments");
      if (this._received.push(chunk) < packet.attachments) return;
      packet.data = insertBinary(packet.data, this._received);
      packet.attachments = void 0;
      this.destroy();
    }
    this._listener?.(packet);
  }
  /** Forgets a packet whose attachments have not all come. */
  destroy() {
    this._partial = void 0;
  }
};
var PAYLOADS = [/^({|$)/, /^$/, /^\[["\d-]/, /^\[/, /^["{]/];
function decode(text) {
  const packet = { type: text.charCodeAt(0) - 48, nsp: "/" };
  let i = 1;
  const digits = () => {
    const start = i;
    while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
    return i > start ? +text.slice(start, i) : void 0;
  };
  if (packet.type > 4 && packet.type < 7) {
    packet.type -= 3;
    packet.attachments = digits();
    if (!packet.attachments || text[i++] !== "-") throw new Error("illegal attachments");
  }
  if (text[i] === "/") {
    const start = i;
    i = text.indexOf(",", i) + 1 || text.length + 1;
    packet.nsp = text.slice(start, i - 1);
  }
  packet.id = digits();
  const json = text.slice(i);
  if (PAYLOADS[packet.type]?.test(json)) {
    if (json) packet.data = JSON.parse(json);
    if (packet.type !== 2 /* EVENT */ || !isReservedEvent(packet.data[0])) return packet;
  }
  throw new Error("invalid payload");
}

// packages/client/src/transport.ts
var Transport = class extends Emitter {
  constructor(opts) {
    super();
    this.opts = opts;
    this.query = opts.query;
  }
  close() {
    if (/open/.test(this.readyState)) {
      this.doClose();
      this._onClose();
    }
    return this;
  }
  send(packets) {
    if (this.readyState === "open") {
      this.writable = false;
      this.write(packets);
    }
  }
  /** Calls back once nothing is under way in either direction. */
  pause(_onPause) {
  }
  /** @param retryAfter seconds, or a date: the HTTP header */
  _onError(reason, description, context, retryAfter) {
    const ms = +retryAfter * 1e3 || Date.parse(retryAfter) - Date.now();
    this.emit(
      "error",
      Object.assign(new Error(reason), {
        type: "TransportError",
        description,
        context,
        data: ms > 0 ? { retryAfterMs: ms } : void 0
      })
    );
  }
  _onOpen() {
    this.readyState = "open";
    this.writable = true;
    this.emit("open");
  }
  onData(data) {
    this._onPacket(decodeFrame(data));
  }
  _onPacket({ type, data }) {
    const { binaryType } = this.opts.socket;
    if (data && typeof data !== "string") {
      if (binaryType === "blob") data = new Blob([data]);
      if (binaryType === "arraybuffer") data = new Uint8Array(data).buffer;
    }
    this.emit("packet", { type, data });
  }
  _onClose(details) {
    this.readyState = "closed";
    this.emit("close", details);
  }
  /** Ready for another write. */
  _onDrain() {
    this.writable = true;
    this.emit("drain");
  }
  uri() {
    const { opts, query, name } = this;
    const isPolling = name === "polling";
    if (opts.timestampRequests ?? isPolling) query[opts.timestampParam ?? "t"] = `${Math.random()}`;
    if (opts.forceBase64) query.b64 = "1";
    const schema = (isPolling ? "http" : "ws") + (opts.secure ? "s" : "");
    return `${schema}://${opts.host + opts.path}?${new URLSearchParams(query)}`;
  }
};
var encodeText = async ({ type, data }) => encodeFrameText(type, data instanceof Blob ? await data.arrayBuffer() : data);

// packages/client/src/polling.ts
var Fetch = class extends Transport {
  get name() {
    return "polling";
  }
  /** What a failed GET and a failed POST are called, and what becomes of cookies without `withCredentials`. */
  get _terms() {
    return ["fetch read", "fetch write", "omit"];
  }
  open() {
    this.readyState = "opening";
    this._poll();
  }
  pause(onPause) {
    this.readyState = "pausing";
    this._onPause = onPause;
    this._settle();
  }
  /** Makes a GET, or a POST of `body`. Resolves with the answer's text, rejects with a {@link Failure} or an error. */
  async request(uri, body) {
    const { extraHeaders, requestTimeout, withCredentials } = this.opts;
    const response = await this._fetch(uri, {
      method: body == null ? "GET" : "POST",
      // a text goes as text/plain;charset=UTF-8
      body,
      headers: extraHeaders,
      credentials: withCredentials ? "include" : this._terms[2],
      signal: requestTimeout ? AbortSignal.timeout(requestTimeout) : null
    });
    if (response.ok) return response.text();
    throw [response.status, response, response.headers.get("retry-after")];
  }
  _fetch(uri, request) {
    return fetch(uri, request);
  }
  onData(data) {
    for (const text of data.split(SEPARATOR)) {
      const packet = decodeFrame(text);
      const { type } = packet;
      if (type === "close") this._onClose({ description: "transport closed by the server" });
      if (this.readyState === "closed") return;
      if (this.readyState === "opening" && type === "open") this._onOpen();
      this._onPacket(packet);
    }
    this._polling = false;
    if (this.readyState === "open") this._poll();
    this._settle();
  }
  doClose() {
    if (this.readyState === "open") this.write([{ type: "close" }]);
  }
  write(packets) {
    Promise.all(packets.map(encodeText)).then(
      (texts) => this._request(() => this._onDrain(), texts.join(SEPARATOR))
    );
  }
  _onDrain() {
    super._onDrain();
    this._settle();
  }
  _poll() {
    this._polling = true;
    this._request((text) => this.onData(text));
  }
  _settle() {
    if (this._onPause && !this._polling && this.writable) this._onPause();
  }
  _request(done, body) {
    this.request(this.uri(), body).then(
      done,
      (failure) => this._onError(`${this._terms[body == null ? 0 : 1]} error`, ...[failure].flat())
    );
  }
};
var XHR = class extends Fetch {
  get _terms() {
    return ["xhr poll", "xhr post", "same-origin"];
  }
};

// packages/client/src/timers.ts
var TIMEOUT_MS_MAX = 2147483647;
var native = { setTimeout, clearTimeout, Date };
function timers({ useNativeTimers, autoUnref }) {
  const { setTimeout: start, clearTimeout: stop, Date: clock } = useNativeTimers ? native : globalThis;
  return (ms, action) => {
    const dueMs = clock.now() + ms;
    const timer = start(action, Math.min(ms, TIMEOUT_MS_MAX));
    if (autoUnref) timer.unref?.();
    return Object.assign(() => stop(timer), { left: () => dueMs - clock.now() });
  };
}
var nextTick = queueMicrotask;

// packages/client/src/websocket.ts
var WS = class extends Transport {
  get name() {
    return "websocket";
  }
  open() {
    this.readyState = "opening";
    try {
      const ws = this.createSocket(this.uri());
      this.ws = ws;
      ws.binaryType = this.opts.socket.binaryType;
      ws.onopen = () => this._onOpen();
      ws.onclose = (context) => this._onClose({ description: "websocket connection closed", context });
      ws.onmessage = ({ data }) => this.onData(data);
      ws.onerror = (event) => this._onError("websocket error", event);
    } catch (error) {
      this.emit("error", error);
    }
  }
  createSocket(uri) {
    return new globalThis.WebSocket(uri, this.opts.protocols);
  }
  doWrite(_packet, data) {
    this.ws.send(data);
  }
  doClose() {
    this.ws?.close();
  }
  async write(packets) {
    for (const packet of packets) {
      const { type, data } = packet;
      this.doWrite(
        packet,
        this.opts.forceBase64 ? await encodeText(packet) : encodeFrame(type, data)
      );
    }
    nextTick(() => this._onDrain());
  }
};

// packages/client/src/platform.browser.ts
var defaultTransports = { polling: XHR, websocket: WS };
var defaultBinaryType = "arraybuffer";

// packages/client/src/connection.ts
var PROBE_TIMEOUT_MS_MAX = 5e3;
var priorWebsocketSuccess;
function openConnection(url, opts) {
  const self = new Emitter();
  const after = timers(opts);
  const transportsByName = { ...defaultTransports };
  const transports = (opts.transports ?? Object.keys(defaultTransports)).map((transport) => {
    if (typeof transport === "string") return transport;
    const { name } = transport.prototype;
    transportsByName[name] = transport;
    return name;
  }).filter((name) => transportsByName[name]);
  let handshake;
  let pingTimer;
  let writing = 0;
  let isUpgrading = false;
  let failProbe;
  function open() {
    const [name] = transports;
    self.readyState = "opening";
    if (name) {
      use(createTransport(name));
      self.transport.open();
    } else nextTick(() => onError("No transports available"));
  }
  function createTransport(name) {
    const query = url.query || opts.query;
    return new transportsByName[name]({
      ...opts,
      ...url,
      path: opts.path.replace(/\/?$/, opts.addTrailingSlash === false ? "" : "/"),
      socket: self,
      query: {
        ...Object.fromEntries(new URLSearchParams(query)),
        EIO: 4,
        transport: name,
        ...self.id && { sid: self.id }
      },
      ...opts.transportOptions?.[name]
    });
  }
  function use(transport) {
    self.transport?.off();
    self.transport = transport.on("drain", () => {
      self.writeBuffer.splice(0, writing);
      writing = 0;
      if (!self.writeBuffer[0]) self.emit("drain");
      flush();
    }).on("packet", onPacket).on("error", onError).on("close", (details) => onClose("transport close", details));
  }
  function probe(name) {
    const transport = createTransport(name).on("open", () => transport.send([{ type: "ping", data: "probe" }])).on("error", fail).on("close", () => fail("transport closed")).once("packet", ({ data }) => {
      if (data !== "probe") return fail("no answer");
      isUpgrading = true;
      self.emit("upgrading", transport);
      self.transport.pause(() => {
        if (failProbe) {
          failProbe = void 0;
          priorWebsocketSuccess = name === "websocket";
          transport.off();
          use(transport);
          transport.send([{ type: "upgrade" }]);
          self.emit("upgrade", transport);
          isUpgrading = false;
          flush();
        }
      });
    });
    function fail(reason) {
      const error = Object.assign(new Error(`probe error: ${reason}`), { transport: name });
      failProbe = void 0;
      transport.off().close();
      self.emit("upgradeError", error);
      if (isUpgrading) {
        isUpgrading = false;
        flush();
        onClose("transport error", error);
      }
    }
    failProbe = fail;
    transport.open();
  }
  function onPacket(packet) {
    const { type, data } = packet;
    if (self.readyState === "closed") return;
    self.emit("packet", packet);
    self.emit("heartbeat");
    if (type === "open") onHandshake(JSON.parse(data));
    if (type === "ping") {
      send("pong");
      self.emit("ping");
    }
    if (/^p/.test(type)) expectLife();
    if (type === "error") onError(Object.assign(new Error("server error"), { code: data }));
    if (type === "message") {
      self.emit("data", data);
      self.emit("message", data);
    }
  }
  function onHandshake(data) {
    self.emit("handshake", data);
    handshake = data;
    self.id = self.transport.query.sid = data.sid;
    self.readyState = "open";
    priorWebsocketSuccess = self.transport.name === "websocket";
    expectLife();
    self.emit("open");
    flush();
    const better = data.upgrades.find((name) => transports.includes(name));
    if (better && self.readyState === "open" && opts.upgrade !== false) probe(better);
  }
  function onError(error) {
    priorWebsocketSuccess = false;
    if (opts.tryAllTransports && transports[1] && self.readyState === "opening") {
      transports.shift();
      open();
    } else {
      self.emit("error", error);
      onClose("transport error", error);
    }
  }
  function onClose(reason, description) {
    if (self.readyState !== "closed") {
      pingTimer?.();
      watchers.delete(onPageEvent);
      self.transport?.off("close").close().off();
      self.readyState = "closed";
      self.id = null;
      failProbe?.("socket closed");
      self.emit("close", reason, description);
      self.writeBuffer = [];
    }
  }
  function onPageEvent(type) {
    if (type === "beforeunload") {
      if (opts.closeOnBeforeunload) self.transport.off().close();
    } else if (type === "offline") {
      if (!/^localhost(:|$)/.test(url.host)) {
        onClose("transport close", { description: "network connection lost" });
      }
    } else if (!self._hasPingExpired() && handshake?.holdfast) {
      send("ping");
      expectLife(Math.min(PROBE_TIMEOUT_MS_MAX, pingTimer.left()));
    }
  }
  function expectLife(ms = handshake.pingInterval + handshake.pingTimeout) {
    pingTimer?.();
    pingTimer = after(ms, () => onClose("ping timeout"));
  }
  function send(type, data, options, fn) {
    if (/^open/.test(self.readyState)) {
      const packet = { type, data, options: { compress: true, ...options } };
      self.emit("packetCreate", packet);
      self.writeBuffer.push(packet);
      if (fn) self.once("flush", fn);
      flush();
    }
  }
  function flush() {
    const { transport, writeBuffer } = self;
    if (transport.writable && !isUpgrading && writeBuffer[0]) {
      let bytes = -1;
      writing = 0;
      for (const { data } of writeBuffer) {
        if (transport.name === "polling") {
          const { size } = new Blob([data]);
          bytes += typeof data === "string" ? size + 2 : size * 4 / 3 + 5;
        }
        if (writing && bytes > handshake.maxPayload) break;
        writing++;
      }
      transport.send(writeBuffer.slice(0, writing));
      self.emit("flush");
    }
    if (self.readyState === "closing" && !isUpgrading && !writeBuffer[0]) onClose("forced close");
  }
  if (opts.rememberUpgrade && priorWebsocketSuccess && transports.includes("websocket")) {
    transports.unshift("websocket");
  }
  watchers.add(onPageEvent);
  if (opts.closeOnBeforeunload) watch("beforeunload");
  const write = (...args) => {
    send("message", ...args);
    return self;
  };
  Object.assign(self, {
    opts,
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
      const expired = pingTimer?.left() < 0;
      if (expired) nextTick(() => onClose("ping timeout"));
      return expired;
    }
  });
  open();
  return self;
}

// packages/client/src/parser.ts
var defaultParser = { Encoder, Decoder };

// packages/client/src/socket.ts
var Socket = class extends Emitter {
  connected = false;
  /** Whether the server restored rooms and data, and sent what was missed, at the last connection. */
  recovered = false;
  /** Events that came before the answer to our CONNECT. */
  receiveBuffer = [];
  /** What waits for a connection. */
  sendBuffer = [];
  /** Sends the packets that are sent again until they are acknowledged, in order: the first is under way. */
  _queue = [];
  ids = 0;
  /** What settles the acknowledgements that are waited for, by packet id. */
  acks = {};
  flags = {};
  _any = [];
  _anyOutgoing = [];
  /** Whether the manager tells of its events. */
  _isListening = false;
  constructor(io2, nsp, options) {
    super();
    this.io = io2;
    this.nsp = nsp;
    this._opts = { ...options };
    this.auth = this._opts.auth;
    if (io2._autoConnect) this.connect();
  }
  get disconnected() {
    return !this.connected;
  }
  /** Whether the socket is connected or will try to connect by itself. */
  get active() {
    return this._isListening || !!this._stopRetry;
  }
  connect() {
    const { io: io2 } = this;
    if (this.connected || this._stopRetry) return this;
    this._isListening = true;
    if (!io2._reconnecting) io2.open();
    if (io2._readyState === "open") this._onOpen();
    return this;
  }
  /** Sends a "message" event. */
  send(...args) {
    return this.emit("message", ...args);
  }
  /** Sends an event. Its last argument may be a function, which the answer is given to. Throws on a reserved name. */
  emit(event, ...args) {
    const { flags, _opts } = this;
    const { engine } = this.io;
    if (isReservedEvent(event)) throw new Error(`"${String(event)}" is a reserved event name`);
    this.flags = {};
    const ack = typeof args.at(-1) === "function" ? args.pop() : void 0;
    const data = [event, ...args];
    const packet = {
      type: 2 /* EVENT */,
      data,
      options: { compress: flags.compress !== false }
    };
    if (_opts.retries && !flags.fromQueue && !flags.volatile) this._enqueue(data, flags, ack);
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
  emitWithAck(event, ...args) {
    return new Promise((resolve, reject) => {
      this.flags.withError = true;
      const ack = (error, answer) => error ? reject(error) : resolve(answer);
      this.emit(event, ...[...args, ack]);
    });
  }
  disconnect() {
    const { connected } = this;
    if (connected) this._packet({ type: 1 /* DISCONNECT */ });
    this._destroy();
    if (connected) this._onClose("io client disconnect");
    return this;
  }
  /** Whether the next event may be compressed. */
  compress(compress) {
    this.flags.compress = compress;
    return this;
  }
  /** The next event may be lost when it can't be sent at once. */
  get volatile() {
    this.flags.volatile = true;
    return this;
  }
  /** The acknowledgement of the next event gets an error first, after `ms` milliseconds without an answer. */
  timeout(ms) {
    this.flags.timeout = ms;
    return this;
  }
  /** Calls `listener` with the name and arguments of every event that comes in. */
  onAny(listener) {
    this._any.push(listener);
    return this;
  }
  prependAny(listener) {
    this._any.unshift(listener);
    return this;
  }
  /** Removes one listener, or all. */
  offAny(listener) {
    remove(this._any, listener);
    return this;
  }
  listenersAny() {
    return this._any;
  }
  /** Calls `listener` with the name and arguments of every event that goes out. */
  onAnyOutgoing(listener) {
    this._anyOutgoing.push(listener);
    return this;
  }
  prependAnyOutgoing(listener) {
    this._anyOutgoing.unshift(listener);
    return this;
  }
  /** Removes one listener, or all. */
  offAnyOutgoing(listener) {
    remove(this._anyOutgoing, listener);
    return this;
  }
  listenersAnyOutgoing() {
    return this._anyOutgoing;
  }
  _registerAck(packet, ack, flags) {
    const ms = flags.timeout ?? this._opts.ackTimeout;
    const id = this.ids++;
    packet.id = id;
    this.acks[id] = (error, args = []) => {
      delete this.acks[id];
      stop?.();
      if (flags.withError || ms !== void 0) ack.call(this, error, ...args);
      else if (!error) ack.apply(this, args);
    };
    let stop;
    if (ms !== void 0) {
      stop = this.io._after(ms, () => {
        removeFirst(this.sendBuffer, (buffered) => buffered === packet);
        this.acks[id](new Error("operation has timed out"));
      });
    }
  }
  _enqueue(args, flags, ack) {
    let tries = 0;
    const settle = (error, ...answer) => {
      this._isQueueBusy = false;
      if (!error || tries > this._opts.retries) {
        this._queue.shift();
        ack?.(error, ...answer);
      }
      this._drainQueue();
    };
    this._queue.push(() => {
      tries++;
      this.flags = { ...flags, fromQueue: true, withError: true };
      this.emit.apply(this, [...args, settle]);
    });
    this._drainQueue();
  }
  _drainQueue() {
    const [send] = this._queue;
    if (this.connected && send && !this._isQueueBusy) {
      this._isQueueBusy = true;
      send();
    }
  }
  _packet(packet) {
    this.io._packet({ ...packet, nsp: this.nsp });
  }
  _sendEvent(packet) {
    call(this, this._anyOutgoing, packet.data);
    this._packet(packet);
  }
  _onError(error) {
    if (!this.connected) this._emit("connect_error", error);
  }
  _onOpen() {
    const { auth, _pid: pid, _lastOffset: offset } = this;
    const connect = (data) => this._packet({ type: 0 /* CONNECT */, data: pid ? { pid, offset, ...data } : data });
    if (typeof auth === "function") auth(connect);
    else connect(auth);
  }
  _onClose(reason, details) {
    this.connected = false;
    this.id = void 0;
    this._emit("disconnect", reason, details);
    for (const id in this.acks) {
      if (!this.sendBuffer.some((packet) => packet.id === +id)) {
        this.acks[id](new Error("socket has been disconnected"));
      }
    }
  }
  _onPacket({ type, data: args, id }) {
    switch (type) {
      case 0 /* CONNECT */:
        if (args?.sid) {
          this.id = args.sid;
          this.recovered = !!args.pid && this._pid === args.pid;
          this._pid = args.pid;
          this.connected = true;
          for (const event of this.receiveBuffer.splice(0)) this._onEvent(event);
          for (const packet of this.sendBuffer.splice(0)) this._sendEvent(packet);
          this._drainQueue();
          this._emit("connect");
        } else this._onError(new Error("Socket.IO 2.x server"));
        break;
      case 2 /* EVENT */:
      case 5 /* BINARY_EVENT */:
        if (id != null) args.push(this._answer(id));
        if (this.connected) this._onEvent(args);
        else this.receiveBuffer.push(args);
        break;
      case 3 /* ACK */:
      case 6 /* BINARY_ACK */:
        this.acks[id]?.(null, args);
        break;
      case 1 /* DISCONNECT */:
        this._destroy();
        this._onClose("io server disconnect");
        break;
      case 4 /* CONNECT_ERROR */:
        this._destroy();
        this._onRefused(Object.assign(new Error(args.message), { data: args.data }));
    }
  }
  _onEvent(args) {
    const last = args.at(-1);
    call(this, this._any, args);
    super.emit.apply(this, args);
    if (this._pid && typeof last === "string") this._lastOffset = last;
  }
  /** What a listener answers an event with; only its first call counts. */
  _answer(id) {
    let sent;
    return (...data) => {
      if (!sent) this._packet({ type: 3 /* ACK */, id, data });
      sent = true;
    };
  }
  /** A refusal is final, unless the server says when to come again. */
  _onRefused(error) {
    const { io: io2 } = this;
    const ms = retryAfterMs(error);
    if (ms && io2.reconnection()) {
      this._stopRetry = io2._after(ms + Math.random() * io2.reconnectionDelay(), () => {
        this._stopRetry = void 0;
        this.connect();
      });
    }
    this._onError(error);
  }
  _destroy() {
    this._isListening = false;
    this._stopRetry?.();
    this._stopRetry = void 0;
    this.io._destroy();
  }
};
var { prototype: prototype2 } = Socket;
prototype2.open = prototype2.connect;
prototype2.close = prototype2.disconnect;
function remove(listeners, listener) {
  if (listener) removeFirst(listeners, (known) => known === listener);
  else listeners.length = 0;
}

// packages/client/src/url.ts
function parseUrl(url) {
  const page = globalThis.location ?? {};
  const absolute = (url ?? "/").replace(/^\/(?!\/)/, `//${page.host}/`).replace(/^(?!(http|ws)s?:\/\/)(\/\/)?/, `${page.protocol ?? "https:"}//`);
  const [, s, host, path, query] = /^\w+?(s?):\/\/(?:[^@/?#]*@)?([^/?#]*)([^?#]*)\??([^#]*)/.exec(absolute);
  return { secure: !!s, host, path, query: query.replace(/\+/g, "%2B") };
}

// packages/client/src/manager.ts
var Manager = class extends Emitter {
  _readyState = "closed";
  /** The sockets, by namespace. */
  nsps = {};
  /** Attempts to reconnect since the last success. */
  _attempts = 0;
  /** What the server asked for; the next delay comes on top of it, once. */
  _retryAfterMs = 0;
  constructor(url, options) {
    super();
    if (url && typeof url === "object") [url, options] = [void 0, url];
    const opts = { ...options };
    this._url = parseUrl(url);
    this.opts = opts;
    opts.path ||= "/socket.io";
    opts.reconnection = opts.reconnection !== false;
    opts.reconnectionAttempts ||= Infinity;
    opts.reconnectionDelay ||= 1e3;
    opts.reconnectionDelayMax ||= 5e3;
    opts.timeout ??= 2e4;
    this._after = timers(opts);
    const parser = opts.parser ?? defaultParser;
    this._encoder = new parser.Encoder();
    this._decoder = new parser.Decoder();
    this._decoder.on(
      "decoded",
      (packet) => (
        // in its own turn, so that a listener's exception is not taken for a parse error
        nextTick(() => {
          const socket = this.nsps[packet.nsp];
          if (socket?._isListening) socket._onPacket(packet);
          this.emit("packet", packet);
        })
      )
    );
    this._autoConnect = opts.autoConnect !== false;
    if (this._autoConnect) this.open();
  }
  reconnection(value) {
    if (value === false) this._skipReconnect = true;
    return this._option("reconnection", value);
  }
  reconnectionAttempts(value) {
    return this._option("reconnectionAttempts", value);
  }
  reconnectionDelay(value) {
    return this._option("reconnectionDelay", value);
  }
  reconnectionDelayMax(value) {
    return this._option("reconnectionDelayMax", value);
  }
  randomizationFactor(value) {
    return this._option("randomizationFactor", value) ?? 0.5;
  }
  timeout(value) {
    return this._option("timeout", value);
  }
  /** Connects; calls back with an error, or none. With a callback a failure does not lead to another attempt. */
  open(fn) {
    if (this._readyState !== "closed") return this;
    const { timeout } = this.opts;
    const engine = openConnection(this._url, this.opts);
    const listen = (event, listener) => engine.on(event, (...args) => {
      if (engine === this.engine && this._readyState !== "closed") listener(...args);
    });
    const onError = (error) => {
      this._tell((socket) => socket._onError(error));
      this.emit("error", error);
    };
    const fail = (error) => {
      this._cleanup();
      this._readyState = "closed";
      this._retryAfterMs = retryAfterMs(error);
      onError(error);
      if (fn) fn(error);
      else if (!this._attempts) this._reconnect();
    };
    this.engine = engine;
    this._readyState = "opening";
    this._skipReconnect = false;
    if (timeout !== false) {
      this._stopTimer = this._after(timeout, () => {
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
    listen(
      "close",
      (reason, details) => this._readyState === "open" ? this._onClose(reason, details) : fail(new Error(reason))
    );
    listen("ping", () => this.emit("ping"));
    listen("data", (data) => {
      try {
        this._decoder.add(data);
      } catch (error) {
        this._onClose("parse error", error);
      }
    });
    return this;
  }
  /** The socket of a namespace; made when it is first asked for. */
  socket(nsp, options) {
    const known = this.nsps[nsp];
    if (known && this._autoConnect && !known.active) known.connect();
    return this.nsps[nsp] ??= new Socket(
      this,
      nsp,
      options
    );
  }
  /** Closes the connection when no socket needs it any more. */
  _destroy() {
    if (!Object.values(this.nsps).some((socket) => socket.active)) this._close();
  }
  _packet(packet) {
    for (const chunk of this._encoder.encode(packet)) this.engine.write(chunk, packet.options);
  }
  /** Closes the connection, for good. */
  _close() {
    this._skipReconnect = true;
    this._reconnecting = false;
    this._onClose("forced close");
  }
  _option(name, value) {
    if (value === void 0) return this.opts[name];
    this.opts[name] = value;
    return this;
  }
  /** Sockets hear of an event first, then the application. */
  _tell(tell) {
    for (const socket of Object.values(this.nsps)) if (socket._isListening) tell(socket);
  }
  _cleanup() {
    this._stopTimer?.();
    this._decoder.destroy();
  }
  _onClose(reason, description) {
    this._cleanup();
    this._readyState = "closed";
    this.engine?.close();
    this._attempts = 0;
    this._tell((socket) => socket._onClose(reason, description));
    this.emit("close", reason, description);
    this._reconnect();
  }
  _reconnect() {
    const { opts, _attempts } = this;
    if (!opts.reconnection || this._reconnecting || this._skipReconnect) return;
    if (_attempts >= opts.reconnectionAttempts) {
      this._attempts = 0;
      this.emit("reconnect_failed");
      return;
    }
    this._reconnecting = true;
    this._attempts++;
    this._stopTimer = this._after(
      this._retryAfterMs + backoffMs(opts.reconnectionDelay, opts.reconnectionDelayMax, opts.randomizationFactor, _attempts),
      () => {
        this.emit("reconnect_attempt", this._attempts);
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
      }
    );
  }
};
var { prototype: prototype3 } = Manager;
prototype3.connect = prototype3.open;
prototype3.disconnect = prototype3._close;

// packages/client/src/io.ts
var shared = {};
function lookup(url, options = {}) {
  if (url && typeof url === "object") [url, options] = [void 0, url];
  const { secure, host, path } = parseUrl(url);
  const namespace = path || "/";
  const id = secure + host.replace(secure ? /:443$/ : /:80$/, "") + (options.path || "/socket.io");
  const isAlone = options.forceNew || options.multiplex === false || shared[id] && namespace in shared[id].nsps;
  const create = () => new Manager(url, options);
  const manager = isAlone ? create() : shared[id] ??= create();
  return manager.socket(namespace, options);
}
var io = Object.assign(lookup, { Manager, Socket, io: lookup, connect: lookup });

// packages/client/src/api.ts
var Socket2 = Socket;
export {
  Fetch,
  Manager,
  WS as NodeWebSocket,
  XHR as NodeXHR,
  Socket2 as Socket,
  WS as WebSocket,
  XHR,
  io as connect,
  io as default,
  io,
  protocol
};
