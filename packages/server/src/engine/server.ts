import { EventEmitter } from "node:events";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { serialize } from "cookie";
import cors from "cors";
import { type WebSocket, WebSocketServer } from "ws";
import type { Listener } from "../lean-event-emitter.ts";
import { Backlog, Flusher } from "../outbox/index.ts";
import { attachTo } from "./attach.ts";
import { Connection, OBSERVING } from "./connection.ts";
import { errorMessages, errors, type Refusal } from "./errors.ts";
import { Heartbeats } from "./heartbeat.ts";
import { type Middleware, runMiddlewares, takeUpgradeHeaders, UpgradeResponse } from "./middleware.ts";
import {
  type AttachOptions,
  type ResolvedOptions,
  resolveOptions,
  type ServerOptions,
  type WebSocketEngine,
} from "./options.ts";
import { refuseRequest, refuseUpgrade } from "./refuse.ts";
import { type EngineRequest, protocolOf, withQuery } from "./request.ts";
import { dropInvalidHeaders } from "./response-headers.ts";
import { randomId } from "./session-id.ts";
import { shareHeaders } from "./shared-headers.ts";
import type { Transport } from "./transport.ts";
import transports, { createTransport, OwnWebSocket, Polling } from "./transports/index.ts";
import type { PollingOptions } from "./transports/polling.ts";
import { verify } from "./verify.ts";

/**
 * Engine.IO's server: accepts connections over HTTP long-polling and WebSocket. Events: "connection" (connection),
 * "connection_error" ({ req, code, message, context }), "initial_headers" and "headers" (headers, request), "flush" and
 * "drain" (connection).
 */
export class Server extends EventEmitter {
  static readonly errors = errors;
  static readonly errorMessages = errorMessages;

  readonly opts: ResolvedOptions;
  clientsCount = 0;
  httpServer: HttpServer | undefined;
  /** The WebSocket server. */
  ws: WebSocketEngine | undefined;
  /** What all outboxes of this server share. */
  readonly flusher: Flusher;
  /** True once somebody listens to flushes. */
  isObserved = false;
  readonly #connections = new Map<string, Connection>();
  #clients: Record<string, Connection> | undefined;
  #heartbeats: Heartbeats | undefined;
  readonly #middlewares: Middleware[] = [];
  readonly #pollingOptions: PollingOptions;

  constructor(options: ServerOptions = {}) {
    super();
    this.opts = resolveOptions(options);
    this.flusher = new Flusher(new Backlog(this.opts));
    if (this.opts.cors) this.use(cors(this.opts.cors as cors.CorsOptions) as Middleware);
    const { opts } = this;
    this.#pollingOptions = {
      get maxHttpBufferSize() {
        return opts.maxHttpBufferSize;
      },
      get httpCompression() {
        return opts.httpCompression;
      },
      onHeaders: (headers, req, sid) => this.#onHeaders(headers, req, sid),
    };
    this.init();
  }

  /** The open connections by id. Built when first looked at: to add to a large object takes longer than to a Map. */
  get clients(): Record<string, Connection> {
    if (!this.#clients) {
      this.#clients = Object.create(null) as Record<string, Connection>;
      for (const [id, connection] of this.#connections) this.#clients[id] = connection;
    }
    return this.#clients;
  }

  /** The open connection with this id. */
  find(id: string | undefined): Connection | undefined {
    return id ? this.#connections.get(id) : undefined;
  }

  get heartbeats(): Heartbeats {
    this.#heartbeats ??= new Heartbeats(this.opts.pingInterval, this.opts.pingTimeout);
    return this.#heartbeats;
  }

  /** Adds an Express-style middleware, for every request of a client. */
  use(middleware: Middleware): void;
  /** One that asks for more than Node's request and response, as those typed by Express do. */
  use(middleware: (...args: never[]) => unknown): void;
  use(middleware: (...args: never[]) => unknown): void {
    this.#middlewares.push(middleware as Middleware);
  }

  /** The transports that `transport` can be upgraded to. */
  upgrades(transport: string): string[] {
    if (!this.opts.allowUpgrades) return [];
    return transports[transport as keyof typeof transports]?.upgradesTo ?? [];
  }

  /** Makes a session's id. To be overridden: the id MUST be unguessable; a promise may be returned. */
  generateId(_req: IncomingMessage): string | Promise<string> {
    return randomId();
  }

  /** Serves a path of an HTTP server, and leaves its other requests to whoever served them. */
  attach(server: HttpServer, options: AttachOptions = {}): void {
    attachTo(this, server, options);
  }

  /** Closes every connection. */
  close(): this {
    for (const connection of [...this.#connections.values()]) connection.close(true);
    this.ws?.close();
    return this;
  }

  /** (Re)creates the WebSocket server. Called again when the HTTP server listens again. */
  init(): void {
    if (!this.opts.transports.includes("websocket")) return;
    this.ws?.close();
    this.ws = new this.opts.wsEngine({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: this.opts.perMessageDeflate,
      maxPayload: this.opts.maxHttpBufferSize,
      ...(this.opts.wsEngine === WebSocketServer && { WebSocket: OwnWebSocket }),
    } as never);
    this.ws.on?.("headers", (lines, req) => {
      const headers = this.#middlewares.length > 0 ? takeUpgradeHeaders(req) : {};
      if (!(req as EngineRequest)._query.sid) this.emit("initial_headers", headers, req);
      this.emit("headers", headers, req);
      dropInvalidHeaders(headers);
      for (const [name, value] of Object.entries(headers)) {
        for (const item of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${item}`);
      }
    });
  }

  /** Answers a request of a client. */
  handleRequest(req: IncomingMessage, res: ServerResponse): void {
    const request = withQuery(req);
    request.res = res;
    this.#admit(request, res, false, (refusal) => {
      if (refusal) {
        refuseRequest(res, refusal);
        return;
      }
      const client = this.find(request._query.sid);
      if (client) (client.transport as Polling).onRequest(request);
      else this.#handshake(request, undefined, (error) => refuseRequest(res, error));
    });
  }

  /** Answers an upgrade request of a client. */
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const request = withQuery(req);
    // until `ws` takes over, nobody else listens
    socket.on("error", ignore);
    const accept = (refusal?: Refusal) => {
      if (refusal || !this.ws) {
        refuseUpgrade(socket, refusal ?? { code: errors.UNKNOWN_TRANSPORT, context: undefined });
        return;
      }
      // the answer to the upgrade and the handshake leave in one write
      socket.cork();
      try {
        this.ws.handleUpgrade(request, socket, head, (websocket) => {
          socket.off("error", ignore);
          this.#onWebSocket(request, socket, websocket);
        });
      } finally {
        // also if a listener throws: the connection is there all the same
        socket.uncork();
      }
    };
    if (this.#middlewares.length === 0) {
      this.#check(request, true, accept);
      return;
    }
    const res = new UpgradeResponse(request, socket);
    this.#admit(request, res as unknown as ServerResponse, true, (refusal) => {
      // some middlewares (express-session) add their headers when these are written
      if (!refusal) res.writeHead();
      accept(refusal);
    });
  }

  /** Called by a connection that has closed. */
  onConnectionClose(connection: Connection): void {
    this.clientsCount--;
    // an application's generateId may have given its id to another
    if (this.#connections.get(connection.id) !== connection) return;
    this.#connections.delete(connection.id);
    if (this.#clients) delete this.#clients[connection.id];
  }

  override on(event: string | symbol, listener: Listener): this {
    if (OBSERVING.has(event)) {
      this.isObserved = true;
      for (const connection of this.#connections.values()) connection.isObserved = true;
    }
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  /** Checks the request; calls back at once unless `allowRequest` takes its time. */
  #check(req: EngineRequest, isUpgrade: boolean, done: (refusal?: Refusal) => void): void {
    verify(this, req, isUpgrade, (refusal) => {
      if (refusal) this.#report(req, refusal);
      done(refusal);
    });
  }

  /** Runs the middlewares, then checks the request. */
  #admit(
    req: EngineRequest,
    res: ServerResponse,
    isUpgrade: boolean,
    done: (refusal?: Refusal) => void,
  ): void {
    if (this.#middlewares.length === 0) {
      this.#check(req, isUpgrade, done);
      return;
    }
    const refuse = () => {
      const refusal: Refusal = { code: errors.BAD_REQUEST, context: { name: "MIDDLEWARE_FAILURE" } };
      this.#report(req, refusal);
      done(refusal);
    };
    runMiddlewares(this.#middlewares, req, res).then(() => this.#check(req, isUpgrade, done), refuse);
  }

  #onWebSocket(req: EngineRequest, socket: Duplex, websocket: WebSocket): void {
    const { sid, transport } = req._query;
    const client = this.find(sid);
    // an upgrade request that names polling, or whose session is gone or has its WebSocket
    if (transport !== "websocket" || (sid && (!client || client.upgrading || client.upgraded))) {
      websocket.on("error", () => {});
      websocket.close();
      return;
    }
    req.websocket = websocket;
    if (client) {
      client.tryUpgrade(this.#createTransport(req, socket));
      return;
    }
    this.#handshake(req, socket, (refusal) => refuseUpgrade(socket, refusal));
  }

  #createTransport(req: EngineRequest, socket?: Duplex): Transport {
    const isOurs = this.ws instanceof WebSocketServer && this.ws.constructor === WebSocketServer;
    return createTransport(req, this.#pollingOptions, isOurs ? socket : undefined);
  }

  #handshake(req: EngineRequest, socket: Duplex | undefined, refuse: (refusal: Refusal) => void): void {
    const fail = (refusal: Refusal) => {
      this.#report(req, refusal);
      req.websocket?.on("error", () => {});
      refuse(refusal);
    };
    const protocol = protocolOf(req);
    if (protocol === 3 && !this.opts.allowEIO3) {
      fail({ code: errors.UNSUPPORTED_PROTOCOL_VERSION, context: { protocol } });
      return;
    }
    const failId = (error: unknown) =>
      fail({ code: errors.BAD_REQUEST, context: { name: "ID_GENERATION_ERROR", error } });
    let id: string | Promise<string>;
    try {
      id = this.generateId(req);
    } catch (error) {
      failId(error);
      return;
    }
    if (typeof id === "string") {
      this.#open(id, req, socket);
      return;
    }
    // what the client sends meanwhile waits in its socket
    req.websocket?.pause();
    Promise.resolve(id).then((id) => {
      req.websocket?.resume();
      this.#open(id, req, socket);
    }, failId);
  }

  #open(id: string, req: EngineRequest, socket: Duplex | undefined): void {
    const transport = this.#createTransport(req, socket);
    // the id is known to the headers of the first response
    transport.sid = id;
    shareHeaders(req);
    // Node builds the headers anew from the raw ones when somebody looks; nobody has had a chance to change them
    if (req.websocket && this.#middlewares.length === 0 && !this.opts.allowRequest) forgetHeaders(req);
    const connection = new Connection(id, this, transport, req, this.flusher);
    this.#connections.set(id, connection);
    if (this.#clients) this.#clients[id] = connection;
    this.clientsCount++;
    connection.open();
    // the response to a poll's handshake is the handshake alone
    if (transport instanceof Polling) transport.onRequest(req);
    connection.outbox.flush();
    this.emit("connection", connection);
  }

  #report(req: EngineRequest, { code, context }: Refusal): void {
    this.emit("connection_error", { req, code, message: errorMessages[code], context });
  }

  #onHeaders(headers: Record<string, unknown>, req: EngineRequest, sid: string): void {
    if (!req._query.sid) {
      if (this.opts.cookie) {
        const { name = "io", ...options } = this.opts.cookie as { name?: string };
        headers["Set-Cookie"] = [serialize(name, sid, options)];
      }
      this.emit("initial_headers", headers, req);
    }
    this.emit("headers", headers, req);
    if (this.listenerCount("headers") > 0 || this.listenerCount("initial_headers") > 0) {
      dropInvalidHeaders(headers);
    }
  }
}

function ignore(): void {}

/** Ten thousand idle connections should not hold ten thousand parsed headers. */
function forgetHeaders(req: EngineRequest): void {
  if (req.httpVersionMajor === 1) (req as { headers: unknown }).headers = null;
}
