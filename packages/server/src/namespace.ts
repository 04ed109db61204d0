// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
import { EventEmitter } from "node:events";
import type { AdapterContract, Room, SocketId } from "./adapter/index.ts";
import { Audience } from "./audience.ts";
import { BroadcastOperator } from "./broadcast-operator.ts";
import type { Asked, Auth, Client } from "./client.ts";
import { type Middleware, runMiddleware } from "./middleware.ts";
import { PendingSink } from "./negotiation/index.ts";
import { type Recovery, type RecoveryFailure, recoveryOf } from "./recovery/index.ts";
import {
  checkHandler,
  type Handler,
  type HandlerOptions,
  type ServerTransaction,
  transact,
} from "./reliable/index.ts";
import { checkServerEvent } from "./reserved-events.ts";
import type { Server } from "./server.ts";
import { Socket } from "./socket.ts";
import type { ExtendedError } from "./socket-types.ts";
import { emitLocally } from "./strict-event-emitter.ts";
import type {
  AllButLast,
  DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventNamesWithoutAck,
  EventParams,
  EventsMap,
  FirstNonErrorArg,
  HandledArgs,
  HandledReply,
  Last,
} from "./typed-events.ts";

const storageFault: RecoveryFailure = "storage fault";

export interface NamespaceReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {
  connect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  connection: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

/**
 * The sockets of one name ("/chat"), with middleware, rooms and broadcasts of their own. `on` hears "connection" and
 * what other servers say with `serverSideEmit`; `emit` speaks to all clients.
 */
export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Audience<
  EmitEvents,
  ServerSideEvents,
  NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  SocketData
> {
  readonly name: string;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connected sockets by id. */
  readonly sockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Map();
  /** Those that are still being let in. @internal */
  readonly _preConnectSockets: Map<SocketId, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> =
    new Map();
  /** Who is in which room, and how a broadcast gets to them. */
  adapter!: AdapterContract;
  /** @internal */
  _fns: Middleware<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, ExtendedError>[] = [];
  /** The next packet that is to be acknowledged. @internal */
  _ids = 0;
  /** Those of every socket, by event. */
  readonly #handlers = new Map<
    string,
    (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => unknown
  >();
  readonly #addHandlers = (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void => {
    for (const add of this.#handlers.values()) add(socket);
  };

  constructor(server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>, name: string) {
    super();
    this.server = server;
    this.name = name;
    this._initAdapter();
  }

  /** Makes the adapter, anew when the server is given another class. @internal */
  _initAdapter(): void {
    const AdapterClass = this.server.adapter() as new (nsp: unknown) => AdapterContract;
    this.adapter = new AdapterClass(this);
    // an adapter reports its own failures
    Promise.resolve(this.adapter.init()).catch(() => {});
  }

  /** Adds a function that each socket passes before it is connected; calling `next` with an error refuses it. */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    this._fns.push(fn);
    return this;
  }

  /** Makes a function the handler of an event on every socket: see {@link Socket.handle}. `this` is the socket. */
  handle<Ev extends EventNames<ListenEvents> & string>(
    event: Ev,
    handler: Handler<
      HandledArgs<ListenEvents, Ev>,
      Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      HandledReply<ListenEvents, Ev>
    >,
    options?: HandlerOptions,
  ): this {
    // not when a client connects
    checkHandler(event, handler, this.#handlers.has(event));
    for (const socket of this.sockets.values()) socket.handle(event, handler, options);
    this.#handlers.set(event, (socket) => socket.handle(event, handler, options));
    // one for all of them: a namespace that a pattern makes takes over its listeners
    if (!this.listeners("connection").includes(this.#addHandlers)) this.on("connection", this.#addHandlers);
    return this;
  }

  /**
   * Sends an event to all clients.
   *
   * @returns true
   * @throws if the event's name is reserved
   */
  override emit<Ev extends EventNamesWithoutAck<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    return new BroadcastOperator<EmitEvents, SocketData>(this.adapter).emit(ev, ...args);
  }

  /** Emits "message". */
  send(...args: EventParams<EmitEvents, "message">): this {
    type Message = EventNamesWithoutAck<EmitEvents>;
    this.emit("message" as Message, ...(args as EventParams<EmitEvents, Message>));
    return this;
  }

  /** The same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /**
   * Publishes to kept rooms and adds jobs to queues in one commit: all of it, once `work` has returned, or nothing if it
   * throws or the commit fails. Resolves with what `work` returned, once that is on disk.
   */
  transaction<Result>(work: (tx: ServerTransaction) => Result | Promise<Result>): Promise<Result> {
    return transact(this.server._transactionsOf(this), this.server._kept?.store, work);
  }

  /**
   * Sends an event to the other servers of the cluster. A function as the last argument is called with an error or
   * null, and a list of answers.
   *
   * @returns true
   * @throws if the event's name is reserved
   */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>
  ): boolean {
    checkServerEvent(ev);
    this.adapter.serverSideEmit([ev, ...args]);
    return true;
  }

  /** Sends an event to the other servers of the cluster and resolves with their answers. */
  serverSideEmitWithAck<Ev extends EventNamesWithAck<ServerSideEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<ServerSideEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[]> {
    type Responses = FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[];
    type WithAck = EventParams<DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>, Ev>;
    return new Promise((resolve, reject) => {
      const ack = (error: Error | null, responses: Responses) => {
        if (error) reject(Object.assign(error, { responses }));
        else resolve(responses);
      };
      this.serverSideEmit(ev, ...([...args, ack] as unknown as WithAck));
    });
  }

  // --- for clients, sockets and adapters

  /** Lets a client in, or not: resumes its session if it can, runs the middleware. @internal */
  async _add(
    client: Client,
    auth: Auth,
    onConnect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
    asked?: Asked,
  ): Promise<void> {
    const pending = asked && new PendingSink(client.outbox);
    if (pending) client._speak(this.name, pending);
    const socket = await this.#socket(client, auth);
    this._preConnectSockets.set(socket.id, socket);
    // until it is known what its client speaks
    if (pending) socket.outbox = pending;
    const isOpen = () => client.conn.readyState === "open";
    const settle = (error?: ExtendedError) => {
      pending?.release(socket.outbox);
      if (isOpen() && !error) {
        this.#connect(socket, onConnect);
        return;
      }
      client._forget();
      recoveryOf(this.adapter, client)?.abandon(socket, socket._restoration);
      socket._cleanup();
      if (!isOpen() || !error) return;
      const { message, data } = error;
      socket._error(client.conn.protocol === 3 ? data || message : { message, data });
    };
    const admit = (error?: ExtendedError) => {
      if (pending) socket.outbox = client.outbox;
      if (!asked || error || !isOpen()) settle(error);
      else void this.#agree(socket, asked).then(() => settle());
    };
    if (socket.recovered && this.server.opts.connectionStateRecovery?.skipMiddlewares && isOpen()) admit();
    else runMiddleware(this._fns, socket, (error) => process.nextTick(admit, error));
  }

  /** Called by a socket that is gone. @internal */
  _remove(socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    for (const sockets of [this.sockets, this._preConnectSockets]) {
      if (sockets.get(socket.id) === socket) sockets.delete(socket.id);
    }
  }

  /** An event from another server. @internal */
  _onServerSideEmit(args: [string, ...any[]]): void {
    EventEmitter.prototype.emit.apply(this, args);
  }

  async #socket(
    client: Client,
    auth: Auth,
  ): Promise<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    const { pid, offset } = auth;
    const recovery = recoveryOf(this.adapter, client);
    if (recovery) return this.#durableSocket(recovery, client, auth);
    if (this.server.opts.connectionStateRecovery && typeof pid === "string" && typeof offset === "string") {
      try {
        const session = await this.adapter.restoreSession(pid, offset);
        if (session) return new Socket(this, client, auth, session);
      } catch {
        // what cannot be restored is not resumed: the client is told by its new id
      }
    }
    return new Socket(this, client, auth);
  }

  /** As {@link #socket}, where sessions survive the process. */
  async #durableSocket(
    recovery: Recovery,
    client: Client,
    auth: Auth,
  ): Promise<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    // a store that can't be opened has been reported
    await recovery.ready.catch(() => {});
    const { pid, offset } = auth;
    const outcome =
      typeof pid === "string"
        ? await recovery.restore(pid, offset, client.conn).catch(() => storageFault)
        : undefined;
    if (typeof outcome === "object") {
      const session = {
        ...outcome,
        rooms: [...outcome.rooms] as Room[],
        missedPackets: [],
        restoration: outcome,
      };
      return new Socket(this, client, auth, session);
    }
    const socket = new Socket(this, client, auth);
    socket._recoveryFailure = outcome;
    return socket;
  }

  async #agree(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    asked: Asked,
  ): Promise<void> {
    socket._agreement = await this.server._negotiation?.negotiate(socket, asked);
  }

  #connect(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    onConnect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): void {
    this._preConnectSockets.delete(socket.id);
    this.sockets.set(socket.id, socket);
    // before the application hears of it, and may disconnect it
    socket._onconnect();
    onConnect(socket);
    emitLocally(this, "connect", socket);
    emitLocally(this, "connection", socket);
  }

  protected override everybody(): BroadcastOperator<any, SocketData> {
    return new BroadcastOperator(this.adapter);
  }
}
