// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
import type { HistoryQuery } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import {
  type AdapterContract,
  type BroadcastFlags,
  type BroadcastOptions,
  type EventPacket,
  ParentBroadcastAdapter,
  type Room,
  type SocketId,
} from "./adapter/index.ts";
import { type BroadcastAck, broadcastWithAck } from "./broadcast-acks.ts";
import { HoldfastError } from "./errors.ts";
import type { Handshake } from "./handshake.ts";
import type { HistoryEvent, KeepingAdapter } from "./kept/index.ts";
import { checkSocketEvent } from "./reserved-events.ts";
import type {
  AllButLast,
  DecorateAcknowledgements,
  EventNames,
  EventNamesWithError,
  EventParams,
  EventsMap,
  FirstNonErrorArg,
  Last,
  TypedEventBroadcaster,
} from "./typed-events.ts";

/** Says whom, and how, and then what: each step returns a new operator, so that any of them can be kept and reused. */
export class BroadcastOperator<EmitEvents extends EventsMap, SocketData>
  implements TypedEventBroadcaster<EmitEvents>
{
  private readonly adapter: AdapterContract;
  private readonly rooms: Set<Room>;
  private readonly exceptRooms: Set<Room>;
  private readonly flags: BroadcastFlags;

  constructor(
    adapter: AdapterContract,
    rooms: Set<Room> = new Set(),
    exceptRooms: Set<Room> = new Set(),
    flags: BroadcastFlags = {},
  ) {
    this.adapter = adapter;
    this.rooms = rooms;
    this.exceptRooms = exceptRooms;
    this.flags = flags;
  }

  /** To the members of a room, or of any of several; each gets the event once. */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter, withRooms(this.rooms, room), this.exceptRooms, this.flags);
  }

  /** The same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return this.to(room);
  }

  /** Not to the members of a room, or of any of several. */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter, this.rooms, withRooms(this.exceptRooms, room), this.flags);
  }

  /** Whether the transport may compress the event. Default true. */
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ compress });
  }

  /** Clients that cannot take the event at once do not get it. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ volatile: true });
  }

  /** Only to the clients of this server. */
  get local(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ local: true });
  }

  /** How long, in ms, acknowledgements may take: what comes later, or never, makes an error. */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this.#with({ timeout }) as BroadcastOperator<any, SocketData>;
  }

  /**
   * Sends the event. A function as the last argument is called with an error or null, and a list of answers.
   *
   * @returns true
   * @throws if the event's name is reserved
   */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    checkSocketEvent(ev);
    const data: unknown[] = [ev, ...args];
    const packet: EventPacket = { type: PacketType.EVENT, data };
    if (typeof data.at(-1) === "function") {
      const ack = data.pop() as BroadcastAck;
      broadcastWithAck(this.adapter, packet, this.#options(), ack.bind(this));
    } else this.adapter.broadcast(packet, this.#options());
    return true;
  }

  /**
   * Sends the event and resolves with the answers of all clients. Rejects when time is up; the error's `responses` are
   * those that came.
   */
  emitWithAck<Ev extends EventNamesWithError<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>> {
    return new Promise((resolve, reject) => {
      const ack: BroadcastAck = (error, responses) => {
        if (error) reject(Object.assign(error, { responses }));
        else resolve(responses);
      };
      this.emit(ev, ...([...args, ack] as EventParams<EmitEvents, Ev>));
    });
  }

  /**
   * Sends the event to a kept room, or several, and resolves with its position in the log once it is on disk. Rejects
   * with a code if it can't be stored, and then nobody gets it: `ROOM_NOT_KEPT`, `NO_STORE`, `UNSUPPORTED` (a volatile
   * event, or one with an acknowledgement), or that of the store.
   */
  async publish<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): Promise<string> {
    checkSocketEvent(ev);
    return this.#keeping().publish({ type: PacketType.EVENT, data: [ev, ...args] }, this.#options());
  }

  /**
   * Stored events of the rooms, oldest first: the newest `limit` (default 50, at most 1,000), or those before or after
   * a position. Rejects with `ROOM_NOT_KEPT`, `NO_STORE` or the store's code.
   */
  async history(query: HistoryQuery = {}): Promise<HistoryEvent[]> {
    return this.#keeping().history(this.rooms, query);
  }

  /** Drops what is stored of the rooms, and resolves with how many events that were. */
  async forget(): Promise<number> {
    return this.#keeping().forget(this.rooms);
  }

  /**
   * The ids of the sockets meant.
   *
   * @deprecated use {@link fetchSockets}
   */
  allSockets(): Promise<Set<SocketId>> {
    if (!this.adapter) {
      throw new Error(
        "No adapter for this namespace, are you trying to get the list of clients of a dynamic namespace?",
      );
    }
    return this.adapter.sockets(this.rooms);
  }

  /** The sockets meant, those of other servers as descriptions that can be acted on. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.adapter.fetchSockets(this.#options()).then((sockets) =>
      // a socket of this server has a server; what came from another one is only data
      sockets.map((socket) => (socket.server ? socket : new RemoteSocket(this.adapter, socket))),
    );
  }

  /** Makes the sockets meant join a room, or several. */
  socketsJoin(room: Room | Room[]): void {
    this.adapter.addSockets(this.#options(), toArray(room));
  }

  /** Makes the sockets meant leave a room, or several. */
  socketsLeave(room: Room | Room[]): void {
    this.adapter.delSockets(this.#options(), toArray(room));
  }

  /** Disconnects the sockets meant; with true, closes their connections too. */
  disconnectSockets(close = false): void {
    this.adapter.disconnectSockets(this.#options(), close);
  }

  #keeping(): KeepingAdapter {
    if ("publish" in this.adapter) return this.adapter as KeepingAdapter;
    if (this.adapter instanceof ParentBroadcastAdapter) {
      throw new HoldfastError("UNSUPPORTED", "a dynamic parent keeps nothing: ask one of its namespaces");
    }
    throw new HoldfastError("NO_STORE", 'the server has no option "store"');
  }

  #with(flags: BroadcastFlags): BroadcastOperator<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter, this.rooms, this.exceptRooms, { ...this.flags, ...flags });
  }

  #options(): BroadcastOptions {
    return { rooms: this.rooms, except: this.exceptRooms, flags: this.flags };
  }
}

/** What another server tells about one of its sockets. */
interface SocketDetails<SocketData> {
  id: SocketId;
  handshake: Handshake;
  rooms: Room[];
  data: SocketData;
}

/** A socket of any server of the cluster: the part of a socket's API that works from afar. */
export class RemoteSocket<EmitEvents extends EventsMap, SocketData>
  implements TypedEventBroadcaster<EmitEvents>
{
  readonly id: SocketId;
  readonly handshake: Handshake;
  readonly rooms: Set<Room>;
  readonly data: SocketData;
  private readonly operator: BroadcastOperator<EmitEvents, SocketData>;

  constructor(adapter: AdapterContract, details: SocketDetails<SocketData>) {
    this.id = details.id;
    this.handshake = details.handshake;
    this.rooms = new Set(details.rooms);
    this.data = details.data;
    const flags = { expectSingleResponse: true };
    this.operator = new BroadcastOperator(adapter, new Set([this.id]), new Set(), flags);
  }

  /** How long, in ms, the acknowledgement may take. */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this.operator.timeout(timeout);
  }

  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    return this.operator.emit(ev, ...args);
  }

  /** Resolves with the client's answer. */
  emitWithAck<Ev extends EventNamesWithError<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>> {
    return this.operator.emitWithAck(ev, ...args);
  }

  join(room: Room | Room[]): void {
    this.operator.socketsJoin(room);
  }

  leave(room: Room): void {
    this.operator.socketsLeave(room);
  }

  /** With true, closes the connection too. */
  disconnect(close = false): this {
    this.operator.disconnectSockets(close);
    return this;
  }
}

function withRooms(rooms: ReadonlySet<Room>, more: Room | Room[]): Set<Room> {
  const all = new Set(rooms);
  for (const room of toArray(more)) all.add(room);
  return all;
}

function toArray(room: Room | Room[]): Room[] {
  return Array.isArray(room) ? room : [room];
}
