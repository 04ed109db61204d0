// biome-ignore-all lint/suspicious/noExplicitAny: arguments and data are the application's
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Since } from "@holdfast/core";
import { type Packet, PacketType } from "@holdfast/protocol";
import {
  type AdapterContract,
  type BroadcastFlags,
  countRooms,
  joinRooms,
  leaveAllRooms,
  leaveRoom,
  type PacketSink,
  type Receiver,
  type Room,
  type Session,
  type SocketId,
} from "./adapter/index.ts";
import { type AnyListeners, AnyListening, callListeners } from "./any-listeners.ts";
import { BroadcastOperator } from "./broadcast-operator.ts";
import type { Auth, Client, WriteOptions } from "./client.ts";
import { type Socket as Connection, randomId } from "./engine/index.ts";
import { HoldfastError } from "./errors.ts";
import { buildHandshake, type Handshake } from "./handshake.ts";
import type { KeepingAdapter, LastResult, ReplayResult } from "./kept/index.ts";
import { type Middleware, runMiddleware } from "./middleware.ts";
import type { Namespace } from "./namespace.ts";
import { type Agreement, isControl, isControlName } from "./negotiation/index.ts";
import { type AckCallback, withTimeout } from "./pending-acks.ts";
import { type Recovery, type RecoveryFailure, type Restoration, recoveryOf } from "./recovery/index.ts";
import type { Handler, HandlerOptions, Handling } from "./reliable/index.ts";
import { checkSocketEvent } from "./reserved-events.ts";
import { type Event, RECOVERABLE_REASONS, type SocketReservedEventsMap } from "./socket-types.ts";
import { emitLocally } from "./strict-event-emitter.ts";
import type {
  AllButLast,
  DecorateAcknowledgements,
  DecorateAcknowledgementsWithMultipleResponses,
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

/**
 * One client's presence in one namespace.
 *
 * `on` hears the client, `emit` speaks to it. Events of its own: "disconnecting" (its rooms are still there) and
 * "disconnect", both with reason and description, and "error". What a socket may never need (handshake, rooms, data,
 * acknowledgements, listeners) is built when somebody asks: ten thousand idle ones should cost little.
 */
export class Socket<
    ListenEvents extends EventsMap = DefaultEventsMap,
    EmitEvents extends EventsMap = ListenEvents,
    ServerSideEvents extends EventsMap = DefaultEventsMap,
    SocketData = any,
  >
  extends AnyListening<ListenEvents, EmitEvents, SocketReservedEventsMap>
  implements Receiver
{
  // what a broadcast looks at comes first: side by side in memory, where ten thousand of them do not fit a cache
  connected = false;
  /** Where packets to this client go. */
  outbox: PacketSink;
  /** @internal */
  override _anyOutgoingListeners: AnyListeners = undefined;
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents>;
  readonly client: Client;
  /** Random; unlike the connection's id, no secret. */
  readonly id: SocketId;
  /** Whether the session was resumed: rooms and data restored, missed events sent. */
  readonly recovered: boolean;
  /** Belongs to the table of rooms. */
  joined: Receiver["joined"] = undefined;
  /** Stands for rooms, data and missed events; only its client knows it. */
  private readonly pid: string | undefined;
  /** @internal */
  readonly _restoration: Restoration | undefined;
  /** Why there was nothing to resume, if it was asked for. @internal */
  _recoveryFailure: RecoveryFailure | undefined = undefined;
  /** @internal */
  override _anyListeners: AnyListeners = undefined;
  /** What its client asked for and got; undefined if it asked for nothing of ours. @internal */
  _agreement: Agreement | undefined = undefined;
  /** undefined if the client sent none. */
  readonly #auth: Auth | undefined;
  readonly #issued = Date.now();
  #handshake: Handshake | undefined = undefined;
  #data: SocketData | undefined = undefined;
  #acks: Map<number, AckCallback> | undefined = undefined;
  #middleware: Middleware<Event, Error>[] | undefined = undefined;
  /** Those of the chained call in progress. */
  #flags: BroadcastFlags | undefined = undefined;
  #isGone = false;

  /** @param previousSession what is to be resumed */
  constructor(
    nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents>,
    client: Client,
    auth: Auth,
    previousSession?: Session,
  ) {
    super();
    this.nsp = nsp;
    this.client = client;
    this.outbox = client.outbox;
    this.#auth = Object.keys(auth).length > 0 ? auth : undefined;
    if (previousSession) {
      this.id = previousSession.sid;
      this.pid = previousSession.pid;
      this.recovered = true;
      this._restoration = previousSession.restoration as Restoration | undefined;
      this.#data = previousSession.data as SocketData;
      for (const room of previousSession.rooms) void this.join(room);
      for (const data of previousSession.missedPackets) this.packet({ type: PacketType.EVENT, data });
      return;
    }
    this.recovered = false;
    if (client.conn.protocol === 3) this.id = nsp.name === "/" ? client.id : `${nsp.name}#${client.id}`;
    else this.id = randomId();
    this.pid = nsp.server.opts.connectionStateRecovery ? randomId() : undefined;
  }

  /** Sessions that survive the process; undefined unless the server has a store. */
  get #recovery(): Recovery | undefined {
    return recoveryOf(this.adapter, this);
  }

  /**
   * Whether the client's session was resumed, and if it asked for that in vain, why. The reasons stand in
   * docs/recovery.md. Known with a store; without one there is no reason.
   */
  get recovery(): { recovered: boolean; reason: RecoveryFailure | undefined } {
    return { recovered: this.recovered, reason: this._recoveryFailure };
  }

  /** @internal */
  get _data(): unknown {
    return this.#data ?? {};
  }

  /** @internal */
  get _issuedAt(): number {
    return this.#issued;
  }

  private get server(): Namespace<ListenEvents, EmitEvents, ServerSideEvents>["server"] {
    return this.nsp.server;
  }

  private get adapter(): AdapterContract {
    return this.nsp.adapter;
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** The request that opened the connection. */
  get request(): IncomingMessage {
    return this.client.request;
  }

  /** The connection below. */
  get conn(): Connection {
    return this.client.conn;
  }

  /** How the client introduced itself. */
  get handshake(): Handshake {
    this.#handshake ??= buildHandshake(
      this.request,
      this.conn.remoteAddress as string,
      this.#auth ?? {},
      this.#issued,
    );
    return this.#handshake;
  }

  /** For the application; other servers see it through `fetchSockets`. */
  get data(): SocketData {
    this.#recovery?.onData(this);
    this.#data ??= {} as SocketData;
    return this.#data;
  }

  set data(data: SocketData) {
    this.#recovery?.onData(this);
    this.#data = data;
  }

  /** The names of its rooms, its own id among them. */
  get rooms(): Set<Room> {
    return this.adapter.socketRooms(this.id) ?? new Set();
  }

  /** Acknowledgements that the client owes, by packet id. */
  get acks(): Map<number, AckCallback> {
    this.#acks ??= new Map();
    return this.#acks;
  }

  /** What the next event is sent with. @internal */
  get flags(): BroadcastFlags {
    this.#flags ??= {};
    return this.#flags;
  }

  /**
   * Sends an event to this client. A function as the last argument is called with its answer.
   *
   * @returns true
   * @throws if the event's name is reserved
   */
  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    checkSocketEvent(ev);
    const flags = this.#takeFlags();
    const data: unknown[] = [ev, ...args];
    const packet: Packet & { data: unknown[] } = { type: PacketType.EVENT, nsp: this.nsp.name, data };
    if (typeof data[data.length - 1] === "function") {
      packet.id = this.nsp._ids++;
      this.#registerAck(packet.id, data.pop() as AckCallback, flags?.timeout);
    }
    if (this.server.opts.connectionStateRecovery) {
      // the adapter keeps it, in case it is missed
      this.adapter.broadcast(packet, { rooms: new Set([this.id]), except: new Set(), flags: flags ?? {} });
    } else this.#send(packet, flags);
    return true;
  }

  /** Sends an event to this client alone; nothing of it is stored, so that it is not replayed. @internal */
  _emitUnstored(event: string, ...args: unknown[]): void {
    this.#send({ type: PacketType.EVENT, nsp: this.nsp.name, data: [event, ...args] }, undefined);
  }

  /** Sends an event and resolves with the client's answer; after `timeout()`, rejects when time is up. */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>> {
    const isTimed = this.#flags?.timeout !== undefined;
    return new Promise((resolve, reject) => {
      const ack: AckCallback = isTimed
        ? (error, answer) => (error ? reject(error) : resolve(answer))
        : (answer) => resolve(answer);
      this.emit(ev, ...([...args, ack] as EventParams<EmitEvents, Ev>));
    });
  }

  /** Emits "message". */
  send(...args: EventParams<EmitEvents, "message">): this {
    this.emit("message", ...args);
    return this;
  }

  /** The same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    this.emit("message", ...args);
    return this;
  }

  /** To the members of a room, or of any of several, but not to this client. */
  to(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.#broadcastOperator().to(room);
  }

  /** The same as {@link to}. */
  in(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.#broadcastOperator().in(room);
  }

  /** To all but this client and the members of a room, or of any of several. */
  except(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.#broadcastOperator().except(room);
  }

  /** To all but this client. */
  get broadcast(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.#broadcastOperator();
  }

  /** To all clients of this server but this one. */
  get local(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.#broadcastOperator().local;
  }

  /** The next event is lost if the client cannot take it at once. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /** Whether the transport may compress the next event. Default true. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /** How long, in ms, the answer to the next event may take. Its callback then takes an error first. */
  timeout(
    timeout: number,
  ): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>, ServerSideEvents, SocketData> {
    this.flags.timeout = timeout;
    return this as unknown as Socket<
      ListenEvents,
      DecorateAcknowledgements<EmitEvents>,
      ServerSideEvents,
      SocketData
    >;
  }

  /**
   * Joins a room, or several. With an adapter that talks to others, resolves when it is done. Past
   * `roomsPerSocketMax` the socket is told (event "error", code `TOO_MANY_ROOMS`) and its connection closed.
   *
   * With `since`, joins kept rooms with their past: the events behind a position, of a duration ("15m"), or so many
   * (50). First they are replayed, then live events follow, with no hole and no repeat at the seam. Resolves when all
   * have been sent; rejects, and does not join, with `ROOM_NOT_KEPT`, `NO_STORE` or the store's code.
   *
   * With `since: "last"`, behind where this socket stood when it left the room, or, if its client speaks resume, where
   * that client says that it stands. If neither is known it is a join without past, and `resumed` is false, as it always
   * is in middleware: there what was missed comes once the client is connected.
   */
  join(rooms: Room | Room[]): Promise<void> | void;
  join(rooms: Room | Room[], options: { since: "last" }): Promise<LastResult>;
  join(rooms: Room | Room[], options: { since: Since }): Promise<ReplayResult>;
  join(rooms: Room | Room[], options?: { since?: Since }): Promise<void> | Promise<ReplayResult> | void {
    const names = Array.isArray(rooms) ? rooms : [rooms];
    if (options?.since !== undefined) return this.#joinSince(names, options.since);
    if (this.#isGone) return;
    const { roomsPerSocketMax } = this.server;
    if (countRooms(this.adapter, this) + names.length > roomsPerSocketMax) {
      this.#refuse(
        "TOO_MANY_ROOMS",
        `a socket can be in ${roomsPerSocketMax} rooms (option roomsPerSocketMax)`,
      );
      return;
    }
    return joinRooms(this.adapter, this, names);
  }

  /** Leaves a room. */
  leave(room: Room): Promise<void> | void {
    return leaveRoom(this.adapter, this, room);
  }

  /** Leaves every room, its own included: broadcasts no longer reach it. */
  leaveAll(): void {
    leaveAllRooms(this.adapter, this);
  }

  /** Leaves the namespace; with true, closes the connection, and with it the client's other namespaces. */
  disconnect(close = false): this {
    if (!this.connected) return this;
    if (close) this.client._disconnect();
    else {
      // what says goodbye to the client stands on the session's end
      this.#recovery?.end(this);
      this.packet({ type: PacketType.DISCONNECT });
      this._onclose("server namespace disconnect");
    }
    return this;
  }

  /** Adds a function that each event passes before its listeners; calling `next` with an error drops the event. */
  use(fn: (event: Event, next: (err?: Error) => void) => void): this {
    this.#middleware ??= [];
    this.#middleware.push(fn);
    return this;
  }

  /**
   * Makes a function the handler of an event: its reply is what the client gets. What it does through `tx`, its last
   * argument, takes effect with the reply or not at all; if the client emits reliably (`socket.reliable.emit` of
   * holdfast-client), once. See docs/reliable-emits.md.
   *
   * @throws `HANDLER_EXISTS` if the event has a handler
   */
  handle<Ev extends EventNames<ListenEvents> & string>(
    event: Ev,
    handler: Handler<HandledArgs<ListenEvents, Ev>, this, HandledReply<ListenEvents, Ev>>,
    options?: HandlerOptions,
  ): this {
    // Node types what `rawListeners` returns as mere functions
    this.server._reliable.handle(this as unknown as Handling, event, handler, options);
    return this;
  }

  // --- for the namespace, the client and adapters

  /** Lets an event of the client pass catch-all listeners and middleware. @internal */
  _screen(event: Event, done: (error?: Error) => void): void {
    callListeners(this._anyListeners, this, event);
    runMiddleware(this.#middleware, event, done);
  }

  /** The client's answer to packet `id` goes to `ack`. */
  expectAck(id: number, ack: AckCallback): void {
    const { pendingAcksPerSocketMax } = this.server;
    if (this.acks.size >= pendingAcksPerSocketMax) {
      this.#refuse(
        "TOO_MANY_PENDING_ACKS",
        `a client can owe ${pendingAcksPerSocketMax} acknowledgements (option pendingAcksPerSocketMax)`,
      );
    } else this.acks.set(id, ack);
  }

  /** An answer to packet `id` is no longer wanted. */
  forgetAck(id: number): void {
    this.#acks?.delete(id);
  }

  /** Sends a packet to this client. */
  packet(packet: Omit<Packet, "nsp">, options: WriteOptions = {}): void {
    (packet as Packet).nsp = this.nsp.name;
    this.client._packet(packet as Packet, options);
  }

  /** Enters its own room and tells the client. */
  _onconnect(): void {
    this.connected = true;
    void this.join(this.id);
    if (this.#recovery) this.#recovery.connect(this, this._restoration);
    else if (this.conn.protocol === 3) this.packet({ type: PacketType.CONNECT });
    else this.packet({ type: PacketType.CONNECT, data: this._connectData(this.pid) });
    const { _agreement } = this;
    if (_agreement) for (const extension of _agreement.granted) extension.onConnect?.(this);
    (this.adapter as Partial<KeepingAdapter>).onConnect?.(this);
    if (this.recovered) this.server._queues?.onResume(this);
  }

  /** What the answer to CONNECT says. */
  _connectData(pid: string | undefined): object {
    const data = { sid: this.id, pid };
    return this._agreement ? { ...data, holdfast: this._agreement.answers } : data;
  }

  _onpacket(packet: Packet): void {
    switch (packet.type) {
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        this.#onEvent(packet);
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        this.#onAck(packet);
        break;
      case PacketType.DISCONNECT:
        this._onclose("client namespace disconnect");
    }
  }

  _onerror(err: Error): void {
    // without a listener an EventEmitter throws; here nobody has to listen
    if (this.listenerCount("error") > 0) emitLocally(this, "error", err);
  }

  _onclose(reason: string, description?: unknown): void {
    if (!this.connected) return;
    emitLocally(this, "disconnecting", reason, description);
    this.server._queues?.onClose(this, RECOVERABLE_REASONS.has(reason));
    const recovery = this.#recovery;
    if (recovery && RECOVERABLE_REASONS.has(reason)) recovery.lose(this);
    else if (recovery) recovery.end(this);
    else if (this.pid && RECOVERABLE_REASONS.has(reason)) {
      this.adapter.persistSession({ sid: this.id, pid: this.pid, rooms: [...this.rooms], data: this.data });
    }
    this._cleanup();
    this.client._remove(this);
    this.connected = false;
    emitLocally(this, "disconnect", reason, description);
  }

  /** Nothing that its client says is heard any more. */
  _onClosing(): void {
    const { _agreement } = this;
    if (_agreement) for (const extension of _agreement.granted) extension.onClosing?.(this);
    (this.adapter as Partial<KeepingAdapter>).onClosing?.(this);
  }

  /** Out of its rooms and its namespace, for good. */
  _cleanup(): void {
    const { _agreement } = this;
    if (_agreement) for (const extension of _agreement.granted) extension.onClose?.(this);
    (this.adapter as Partial<KeepingAdapter>).onGone?.(this);
    this.leaveAll();
    this.nsp._remove(this);
    this.#isGone = true;
  }

  /** Refuses the client's CONNECT. */
  _error(data: unknown): void {
    this.packet({ type: PacketType.CONNECT_ERROR, data });
  }

  #onEvent({ id, data }: Packet): void {
    const event = (data ?? []) as Event;
    const { _agreement } = this;
    const { _controls } = this.server;
    if ((_agreement !== undefined || _controls !== undefined) && isControlName(event[0])) {
      const ack = () => (id == null ? undefined : this.#replyTo(id));
      if (isControl(this, _agreement?.controls, _controls, event, ack)) return;
    }
    if (id != null) event.push(this.#replyTo(id));
    callListeners(this._anyListeners, this, event);
    if (!this.#middleware) this.client._dispatch(dispatch, this, event, !this._anyListeners);
    else {
      runMiddleware(this.#middleware, event, (error) => {
        if (error) this.client._dispatch(fail, this, error, false);
        else this.client._dispatch(dispatch, this, event, false);
      });
    }
  }

  #send(packet: Packet & { data: unknown[] }, flags: BroadcastFlags | undefined): void {
    if (this._anyOutgoingListeners) this.notifyOutgoingListeners(packet);
    this.client._packet(packet, flags);
  }

  /** The function by which a listener answers packet `id`; only its first call counts. */
  #replyTo(id: number): (...args: unknown[]) => void {
    let isSent = false;
    return (...data) => {
      if (isSent) return;
      this.packet({ type: PacketType.ACK, nsp: this.nsp.name, id, data } as Omit<Packet, "nsp">);
      isSent = true;
    };
  }

  #onAck({ id, data }: Packet): void {
    const ack = this.#acks?.get(id as number);
    if (!ack) return;
    this.#acks!.delete(id as number);
    ack.apply(this, data as unknown[]);
  }

  #registerAck(id: number, ack: AckCallback, timeoutMs: number | undefined): void {
    this.expectAck(
      id,
      withTimeout(ack, this, timeoutMs, () => this.forgetAck(id)),
    );
  }

  #takeFlags(): BroadcastFlags | undefined {
    const flags = this.#flags;
    if (flags) this.#flags = undefined;
    return flags;
  }

  #broadcastOperator(): BroadcastOperator<any, SocketData> {
    return new BroadcastOperator(this.adapter, new Set(), new Set([this.id]), this.#takeFlags());
  }

  async #joinSince(rooms: Room[], since: Since): Promise<ReplayResult | LastResult> {
    const { adapter } = this;
    if (!("joinSince" in adapter)) {
      throw new HoldfastError("NO_STORE", 'the server has no option "store"');
    }
    const keeping = adapter as KeepingAdapter;
    if (since === "last") {
      return this.#isGone ? { events: 0, gaps: [], resumed: false } : keeping.joinLast(this, rooms);
    }
    return this.#isGone ? { events: 0, gaps: [] } : keeping.joinSince(this, rooms, since);
  }

  /** A client that makes the server hold too much loses its connection, and learns nothing else of ours. */
  #refuse(code: "TOO_MANY_ROOMS" | "TOO_MANY_PENDING_ACKS", message: string): void {
    this._onerror(new HoldfastError(code, message));
    this.client._disconnect();
  }
}

/** Gives an event to its listeners, unless the socket was disconnected meanwhile. */
function dispatch(socket: EventEmitter & { connected: boolean }, event: Event): void {
  if (!socket.connected) return;
  // a client may emit "error": without a listener that must not throw
  if (event[0] === "error" && socket.listenerCount("error") === 0) return;
  EventEmitter.prototype.emit.apply(socket, event);
}

function fail(socket: { _onerror(error: Error): void }, error: Error): void {
  socket._onerror(error);
}
