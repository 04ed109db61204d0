// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
import { EventEmitter } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Queue, QueueOptions, StorageUsage } from "@holdfast/core";
import cors from "cors";
import type { AdapterConstructor } from "./adapter/index.ts";
import { Audience } from "./audience.ts";
import { type Auth, Client, type ClientHost, type ClientNamespace } from "./client.ts";
import { Codec } from "./codec.ts";
import {
  attach,
  type Socket as Connection,
  type Server as Engine,
  Server as OwnEngine,
} from "./engine/index.ts";
import { HoldfastError } from "./errors.ts";
import { asConnection } from "./foreign-connection.ts";
import { KeepingAdapter, type Kept, warner } from "./kept/index.ts";
import { Namespace, type NamespaceReservedEventsMap } from "./namespace.ts";
import { NamespacePatterns, type ParentNspNameMatchFn } from "./namespaces.ts";
import { type Controls, MARK, Negotiation, type Party, withControls } from "./negotiation/index.ts";
import type { OutgoingPacket, Shed, ShedPort } from "./outbox/index.ts";
import { PreEncoded } from "./pre-encoded.ts";
import { type QueueSocket, type QueuesServerOptions, ServerQueues } from "./queues/index.ts";
import { recoveryLimits, SharedRecovery } from "./recovery/index.ts";
import {
  type Handler,
  type HandlerOptions,
  Reliable,
  type ServerTransaction,
  type TransactionHost,
} from "./reliable/index.ts";
import { Resume } from "./resume/index.ts";
import { resolveLimits, type ServerOptions } from "./server-options.ts";
import { type ServerStats, Tally } from "./server-stats.ts";
import type { Socket } from "./socket.ts";
import type { ExtendedError } from "./socket-types.ts";
import { type CorsMiddleware, serveClientFiles } from "./static-client.ts";
import { defaultAdapter, openKept, storeAndAdapter } from "./store-options.ts";
import { emitLocally } from "./strict-event-emitter.ts";
import type {
  AllButLast,
  DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventsMap,
  FirstNonErrorArg,
  HandledArgs,
  HandledReply,
  Last,
} from "./typed-events.ts";

export interface ServerReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  new_namespace: (namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

type HttpServerLike = HttpServer | HttpsServer | Http2SecureServer | Http2Server;

/**
 * A real-time event server.
 *
 * Type parameters: events that clients send, events sent to them (default the same), events between the servers of a
 * cluster, and the type of `socket.data`.
 *
 * The namespace "/" is always there: what is asked of the server, that is, of its clients in general, is asked of it.
 */
export class Server<
    ListenEvents extends EventsMap = DefaultEventsMap,
    EmitEvents extends EventsMap = ListenEvents,
    ServerSideEvents extends EventsMap = DefaultEventsMap,
    SocketData = any,
  >
  extends Audience<
    EmitEvents,
    ServerSideEvents,
    ServerReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    SocketData
  >
  implements ClientHost
{
  /** The namespace "/". */
  readonly sockets: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connection layer, once attached. */
  engine!: Engine;
  /** The same as {@link engine}. @internal */
  eio: Engine | undefined;
  /** The HTTP server, once attached. */
  httpServer!: HttpServerLike;
  /** As given, plus defaults of connectionStateRecovery. */
  readonly opts: Partial<ServerOptions>;
  /** All namespaces by name. @internal */
  readonly _nsps: Map<string, Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Map();
  /** @internal */
  readonly codec: Codec;
  /** @internal */
  readonly preEncoded = new PreEncoded();
  /** These three are the options of the same names, or their defaults. */
  readonly namespacesPerConnectionMax: number;
  readonly roomsPerSocketMax: number;
  readonly pendingAcksPerSocketMax: number;
  /** @internal */
  _connectTimeout!: number;
  /** What is kept, and where; undefined without a store. @internal */
  readonly _kept: Kept | undefined;
  /** What its namespaces share of durable recovery. @internal */
  readonly _recovery: SharedRecovery | undefined;
  /** What clients may ask for; undefined without a store. @internal */
  readonly _negotiation: Negotiation | undefined;
  /** What handlers of events are called with. @internal */
  readonly _reliable: Reliable;
  /** Control messages that are taken from every socket. @internal */
  _controls: Controls | undefined = undefined;
  /** Sockets that speak resume; undefined without a store. @internal */
  readonly _resume: Resume | undefined;
  readonly #tally = new Tally();
  /** undefined as long as there is no queue. @internal */
  _queues: ServerQueues | undefined = undefined;
  readonly #patterns = new NamespacePatterns<ListenEvents, EmitEvents, ServerSideEvents, SocketData>(this);
  readonly #cors: CorsMiddleware | undefined;
  #path!: string;
  #servesClient!: boolean;
  #adapter!: AdapterConstructor;

  /**
   * @param srv an HTTP server, or a port to listen on with one of its own; without it, `attach` or `listen` later
   */
  constructor(opts?: Partial<ServerOptions>);
  constructor(srv?: HttpServerLike | number, opts?: Partial<ServerOptions>);
  constructor(srv?: HttpServerLike | number | Partial<ServerOptions>, opts?: Partial<ServerOptions>);
  constructor(srv?: HttpServerLike | number | Partial<ServerOptions>, opts: Partial<ServerOptions> = {}) {
    super();
    if (isOptions(srv)) {
      opts = srv;
      srv = undefined;
    }
    this.opts = opts;
    this.path(opts.path || "/socket.io");
    this.connectTimeout(opts.connectTimeout || 45_000);
    this.serveClient(opts.serveClient !== false);
    const limits = resolveLimits(opts);
    this.namespacesPerConnectionMax = limits.namespacesPerConnectionMax;
    this.roomsPerSocketMax = limits.roomsPerSocketMax;
    this.pendingAcksPerSocketMax = limits.pendingAcksPerSocketMax;
    this.codec = new Codec(opts.parser, limits);
    if (opts.connectionStateRecovery) {
      opts.connectionStateRecovery = {
        maxDisconnectionDuration: 2 * 60 * 1000,
        skipMiddlewares: true,
        ...opts.connectionStateRecovery,
      };
    }
    opts.cleanupEmptyChildNamespaces = !!opts.cleanupEmptyChildNamespaces;
    this._kept = openKept(opts);
    if (this._kept) {
      this._negotiation = new Negotiation(this._kept.onError);
      this._reserveControls(this._negotiation.controls);
      this._resume = new Resume(this._kept, opts.resume);
      this._negotiation.register(this._resume);
    }
    if (this._kept && opts.connectionStateRecovery) {
      this._recovery = new SharedRecovery(this._kept, recoveryLimits(opts));
    }
    this._reliable = new Reliable(
      {
        codec: this.codec,
        kept: this._kept,
        onError: this._kept?.onError ?? opts.onError ?? warner(),
        transactionsOf: (socket) => this._transactionsOf(socket.nsp as unknown as Namespace),
      },
      opts.reliable,
    );
    this._negotiation?.register(this._reliable);
    this.adapter(opts.adapter || defaultAdapter(this._kept, !!opts.connectionStateRecovery));
    this.#cors = opts.cors ? cors(opts.cors as cors.CorsOptions) : undefined;
    this.sockets = this.of("/");
    if (srv || typeof srv === "number") this.attach(srv as HttpServerLike | number);
  }

  /**
   * Resolves when the store is open, at once without one; rejects if it can't be opened: `STORE_LOCKED` (another
   * process has it), `STORE_DAMAGED`, `STORE_FORMAT`, `STORE_IO`.
   */
  get ready(): Promise<void> {
    return this._kept?.store.opened ?? Promise.resolve();
  }

  /** What the store holds: bytes, events, rooms, and the time of the oldest event. */
  storage(): Promise<StorageUsage> {
    if (!this._kept) return Promise.reject(new HoldfastError("NO_STORE", 'the server has no option "store"'));
    return this._kept.storage();
  }

  /** How it is doing: a snapshot, cheap enough to be taken every second. */
  stats(): ServerStats {
    return this.#tally.stats(this._nsps.values(), this._kept);
  }

  /** @internal */
  _onVolatileDropped(count: number): void {
    this.#tally.droppedVolatile += count;
  }

  /** @internal */
  _shed(
    namespace: string,
    socket: object | undefined,
    port: ShedPort,
    packet: OutgoingPacket,
    mayStart: boolean,
  ): Shed | undefined {
    const adapter = this._nsps.get(namespace)?.adapter;
    if (!(adapter instanceof KeepingAdapter)) return undefined;
    return adapter.shed(socket as Socket | undefined, port, packet, mayStart);
  }

  /**
   * The queue of that name, made if it is not there: jobs are held in the store until somebody has done them. The same
   * name again is the same queue; options are given once. Clients may do with it what the option `queues.authorize`
   * says.
   *
   * @throws `NO_STORE`; `QUEUE_INVALID`; `QUEUE_CONFLICT` for other options than before; `QUEUE_UNSUPPORTED` by this store
   */
  queue<Data = unknown, Result = unknown>(name: string, options?: QueueOptions): Queue<Data, Result> {
    const kept = this._kept;
    if (!kept) throw new HoldfastError("NO_STORE", 'a queue needs the option "store"');
    if (!this._queues) {
      const { store, onError } = kept;
      this._queues = new ServerQueues({ ...(this.opts.queues as QueuesServerOptions), store, onError });
      this._reserveControls<QueueSocket>(this._queues.controls);
    }
    return this._queues.queue<Data, Result>(name, options);
  }

  /** See {@link Namespace.transaction}. */
  transaction<Result>(work: (tx: ServerTransaction) => Result | Promise<Result>): Promise<Result> {
    return this.sockets.transaction(work);
  }

  /** @internal */
  get _opts(): Partial<ServerOptions> {
    return this.opts;
  }

  /** Encodes packets, for adapters. */
  get encoder(): Codec["encoder"] {
    return this.codec.encoder;
  }

  /** Whether the client's files are served. Set it before attaching. */
  serveClient(v: boolean): this;
  serveClient(): boolean;
  serveClient(v?: boolean): this | boolean;
  serveClient(v?: boolean): this | boolean {
    if (v === undefined) return this.#servesClient;
    this.#servesClient = v;
    return this;
  }

  /** The path that is served. Set it before attaching. */
  path(v: string): this;
  path(): string;
  path(v?: string): this | string;
  path(v?: string): this | string {
    if (v === undefined) return this.#path;
    this.#path = v.replace(/\/$/, "");
    return this;
  }

  /** How long, in ms, a client may stay without a namespace. */
  connectTimeout(v: number): this;
  connectTimeout(): number;
  connectTimeout(v?: number): this | number;
  connectTimeout(v?: number): this | number {
    if (v === undefined) return this._connectTimeout;
    this._connectTimeout = v;
    return this;
  }

  /** The class of the namespaces' adapters. Setting it gives each namespace a new one. */
  adapter(): AdapterConstructor | undefined;
  adapter(v: AdapterConstructor): this;
  adapter(v?: AdapterConstructor): AdapterConstructor | undefined | this {
    if (v === undefined) return this.#adapter;
    if (this._kept && this.#adapter) throw storeAndAdapter();
    this.#adapter = v;
    for (const nsp of this._nsps.values()) nsp._initAdapter();
    return this;
  }

  /** The same as {@link attach}. */
  listen(srv: HttpServerLike | number, opts: Partial<ServerOptions> = {}): this {
    return this.attach(srv, opts);
  }

  /** Serves clients on an HTTP server, or on a port, with an HTTP server of its own. */
  attach(srv: HttpServerLike | number, opts: Partial<ServerOptions> = {}): this {
    if (typeof srv === "function") {
      throw new Error(
        "You are trying to attach socket.io to an express " +
          "request handler function. Please pass a http.Server instance.",
      );
    }
    const port = Number(srv);
    const httpServer = Number.isNaN(port)
      ? (srv as HttpServerLike)
      : createServer((_req, res) => {
          res.writeHead(404);
          res.end();
        }).listen(port);
    // what the constructor was given counts more
    Object.assign(opts, this.opts);
    opts.path = opts.path || this.#path;
    this.eio = attach(httpServer as HttpServer, opts);
    if (this.#servesClient) serveClientFiles(httpServer, this.#path, this.#cors);
    this.httpServer = httpServer;
    return this.bind(this.eio);
  }

  /** uWebSockets.js is not supported: the speed that it is used for is here without it. */
  attachApp(_app: unknown, _opts: Partial<ServerOptions> = {}): void {
    throw new HoldfastError("UNSUPPORTED", "attachApp (uWebSockets.js) is not supported: use attach");
  }

  /** Takes the connections of an engine: ours, or one with the API of Engine.IO's server. */
  bind(engine: any): this {
    this.engine = engine;
    this.#tally.add(engine);
    if (this._negotiation && engine instanceof OwnEngine) engine.opts.openFrame = MARK;
    this.engine.on("connection", (conn: Connection) => this.#onConnection(conn));
    return this;
  }

  /**
   * A namespace, made if it is not there. With a regular expression or a function, a pattern: namespaces are made when
   * clients ask for them.
   *
   * @param fn listens to "connect"
   */
  of(
    name: string | RegExp | ParentNspNameMatchFn,
    fn?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    if (typeof name === "function" || name instanceof RegExp) {
      const parent = this.#patterns.add(name);
      if (fn) parent.on("connect", fn);
      return parent;
    }
    const path = String(name).startsWith("/") ? String(name) : `/${name}`;
    const nsp = this._nsps.get(path) ?? this.#patterns.make(path) ?? this.#make(path);
    if (fn) nsp.on("connect", fn);
    return nsp;
  }

  /**
   * Disconnects every client and closes the HTTP server. May listen again later. Handlers of `queue.work` that run are
   * waited for, at most 30 s; what they leave, and what remote workers have, goes on after a restart.
   *
   * @param fn called with the error of the HTTP server, "not running" for example, or nothing
   */
  async close(fn?: (err?: Error) => void): Promise<void> {
    // who is being answered is answered first
    const answered = this._reliable.close();
    if (this._reliable.isBusy) await answered;
    // clients are there until what this process works on is done
    if (this._queues) await this._queues.close();
    await Promise.allSettled(
      [...this._nsps.values()].map(async (nsp) => {
        for (const socket of [...nsp.sockets.values()]) socket._onclose("server shutting down");
        await nsp.adapter.close();
      }),
    );
    // kept events that were issued leave before the close, as others do
    this._recovery?.close();
    await this._kept?.settled();
    this.engine?.close();
    await this._kept?.close();
    const { httpServer } = this;
    if (!httpServer) {
      fn?.();
      return;
    }
    await new Promise<void>((resolve) => {
      httpServer.close((error?: Error) => {
        fn?.(error);
        resolve();
      });
    });
  }

  /** Adds a function that each socket passes before it is connected; calling `next` with an error refuses it. */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    this.sockets.use(fn);
    return this;
  }

  /** See {@link Namespace.handle}. */
  handle<Ev extends EventNames<ListenEvents> & string>(
    event: Ev,
    handler: Handler<
      HandledArgs<ListenEvents, Ev>,
      Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      HandledReply<ListenEvents, Ev>
    >,
    options?: HandlerOptions,
  ): this {
    this.sockets.handle(event, handler, options);
    return this;
  }

  /** Emits "message". */
  send(...args: EventParams<EmitEvents, "message">): this {
    this.sockets.send(...args);
    return this;
  }

  /** The same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /** See {@link Namespace.serverSideEmit}. */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>
  ): boolean {
    return this.sockets.serverSideEmit(ev, ...args);
  }

  /** See {@link Namespace.serverSideEmitWithAck}. */
  serverSideEmitWithAck<Ev extends EventNamesWithAck<ServerSideEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<ServerSideEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[]> {
    return this.sockets.serverSideEmitWithAck(ev, ...args);
  }

  /** From now on these events of clients are control messages, in every namespace. @internal */
  _reserveControls<S extends Party>(controls: Controls<S>): void {
    this._controls = withControls(this._controls, controls as unknown as Controls);
  }

  /** The namespace that a client asks for. @internal */
  admit(name: string, auth: Auth, done: (nsp: ClientNamespace | false) => void): void {
    const nsp = this._nsps.get(name);
    if (nsp) done(nsp as unknown as ClientNamespace);
    else this.#patterns.find(name, auth, done as (nsp: unknown) => void);
  }

  /** What a transaction can do in a namespace. @internal */
  _transactionsOf({ adapter }: { adapter: object }): TransactionHost {
    return {
      prepare: (packet, opts) => {
        if ("prepare" in adapter) return (adapter as KeepingAdapter).prepare(packet, opts);
        throw new HoldfastError("NO_STORE", 'the server has no option "store"');
      },
      queues: this._queues?.registry,
    };
  }

  protected override everybody(): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.sockets;
  }

  #make(path: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const nsp = new Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>(this, path);
    this._nsps.set(path, nsp);
    if (path !== "/") emitLocally(this.sockets, "new_namespace", nsp);
    return nsp;
  }

  #onConnection(conn: Connection): void {
    const client = new Client(this, asConnection(conn));
    // clients of Socket.IO 2 send no CONNECT for "/"
    if (conn.protocol === 3) client.connect("/");
  }
}

// listening to the server is listening to "/"
for (const [name, method] of Object.entries(EventEmitter.prototype)) {
  if (typeof method !== "function") continue;
  Object.defineProperty(Server.prototype, name, {
    value(this: Server, ...args: unknown[]) {
      return (this.sockets as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
    },
    writable: true,
    configurable: true,
  });
}

function isOptions(srv: unknown): srv is Partial<ServerOptions> {
  return typeof srv === "object" && srv !== null && !("listen" in srv);
}
