// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import { EventEmitter } from "node:events";
import { Rooms, type RoomsObserver } from "@holdfast/core";
import { type Gate, OutgoingPacket, type Part, type StoredAs } from "../outbox/index.ts";
import type {
  AdapterContract,
  BroadcastOptions,
  EventPacket,
  PrivateSessionId,
  Room,
  Session,
  SessionToPersist,
  SocketId,
} from "./contract.ts";
import { type Delivery, deliver, deliverOnce, deliverTo } from "./delivery.ts";
import { Absentee, type Occupant, type Receiver } from "./receiver.ts";
import { MembersView, RoomsView } from "./views.ts";

/** What keeping a packet does to its delivery. */
export interface Keeping {
  /** Holds it back until it is stored. */
  readonly gate?: Gate | undefined;
  /** What is sent in the place of what was encoded. */
  readonly parts?: readonly Part[] | undefined;
  /** See {@link OutgoingPacket.stamp}. */
  readonly stamp?: number | true | undefined;
  /** See {@link OutgoingPacket.stored}. */
  readonly stored?: StoredAs | undefined;
}

const NOBODY: ReadonlySet<Occupant> = new Set();

/** The in-memory adapter: one server, nothing kept. May be extended. */
export class Adapter extends EventEmitter implements AdapterContract {
  readonly nsp: any;
  /** Who is where. For the sockets of this package, which are their own members and need no look-up by id. */
  readonly table: Rooms<Occupant>;
  readonly rooms: Map<Room, Set<SocketId>>;
  readonly sids: Map<SocketId, Set<Room>>;

  /** @param nsp the namespace whose sockets these are */
  constructor(nsp: any) {
    super();
    this.nsp = nsp;
    this.table = new Rooms<Occupant>(observe(this));
    this.rooms = new RoomsView(this.table);
    this.sids = new MembersView(this.table);
  }

  init(): Promise<void> | void {}

  close(): Promise<void> | void {}

  serverCount(): Promise<number> {
    return Promise.resolve(1);
  }

  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    const occupant = this.#occupant(id);
    for (const room of rooms) this.table.join(occupant, room);
  }

  del(id: SocketId, room: Room): Promise<void> | void {
    const occupant = this.table.member(id);
    if (occupant) this.table.leave(occupant, room);
  }

  delAll(id: SocketId): void {
    const occupant = this.table.member(id);
    if (occupant) this.table.leaveAll(occupant);
  }

  broadcast(packet: any, opts: BroadcastOptions): void {
    const delivery = this.encode(packet, opts);
    this.deliver(delivery, opts);
    if (delivery.dropped > 0) this.nsp.server._onVolatileDropped?.(delivery.dropped);
  }

  /** The packet, encoded once for all. */
  protected encode(packet: EventPacket, opts: BroadcastOptions): Delivery {
    const { flags } = opts;
    packet.nsp = this.nsp.name;
    const parts: Part[] = this.nsp.server.encoder.encode(packet);
    const keeping = this.keep(packet, parts, opts);
    const outgoing = new OutgoingPacket(keeping?.parts ?? parts, {
      compress: flags?.compress !== false,
      gate: keeping?.gate,
      stamp: keeping?.stamp,
      stored: keeping?.stored,
    });
    return { packet, outgoing, isVolatile: !!flags?.volatile, dropped: 0 };
  }

  /** Stores a packet that is to be kept. Here, nothing is. */
  protected keep(
    _packet: EventPacket,
    _parts: readonly Part[],
    _opts: BroadcastOptions,
  ): Keeping | undefined {
    return undefined;
  }

  /** Hands it to the sockets of this server that are meant. */
  protected deliver(delivery: Delivery, { rooms, except }: BroadcastOptions): void {
    if (rooms.size < 2 && (!except || except.size < 2)) {
      const excluded = except?.size ? this.table.in(first(except)) : [];
      if (excluded.length < 2) {
        const receivers = rooms.size === 0 ? this.table.everyone() : this.table.in(first(rooms));
        deliver(receivers, excluded[0], delivery);
        return;
      }
    }
    deliverOnce(this.#chosen(rooms), this.#excluded(except), delivery);
  }

  broadcastWithAck(
    packet: any,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: any[]) => void,
  ): void {
    // one id for all: the counter is the namespace's, and each socket keeps its own list
    packet.id = this.nsp._ids++;
    const delivery = this.encode(packet, opts);
    const receivers = this.#select(opts);
    for (const receiver of receivers) {
      receiver.expectAck(packet.id, ack);
      deliverTo(receiver, delivery);
    }
    if (delivery.dropped > 0) this.nsp.server._onVolatileDropped?.(delivery.dropped);
    clientCountCallback(receivers.length);
  }

  sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    return Promise.resolve(new Set(this.#select({ rooms }).map(({ id }) => id)));
  }

  socketRooms(id: SocketId): Set<Room> | undefined {
    const occupant = this.table.member(id);
    return occupant && this.table.roomsOf(occupant);
  }

  fetchSockets(opts: BroadcastOptions): Promise<any[]> {
    return Promise.resolve(this.#select(opts));
  }

  addSockets(opts: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.#select(opts)) void socket.join(rooms);
  }

  delSockets(opts: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.#select(opts)) for (const room of rooms) void socket.leave(room);
  }

  disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    for (const socket of this.#select(opts)) socket.disconnect(close);
  }

  /** There are no other servers: a callback gets an empty list of answers. */
  serverSideEmit(packet: any[]): void {
    const ack = packet.at(-1);
    if (typeof ack === "function") process.nextTick(ack, null, []);
  }

  /** Nothing is kept. */
  persistSession(_session: SessionToPersist): void {}

  /** Nothing was kept. */
  restoreSession(_pid: PrivateSessionId, _offset: string): Promise<Session | null> | null {
    return null;
  }

  #select({ rooms, except }: BroadcastOptions): Receiver[] {
    const excluded = this.#excluded(except);
    const selected = new Set<Receiver>();
    for (const occupants of this.#chosen(rooms)) {
      for (const occupant of occupants) {
        if (occupant.connected && !excluded.has(occupant)) selected.add(occupant);
      }
    }
    return [...selected];
  }

  #chosen(rooms: Set<Room>): (readonly Occupant[])[] {
    return rooms.size === 0 ? [this.table.everyone()] : Array.from(rooms, (room) => this.table.in(room));
  }

  #excluded(except: Set<Room> | undefined): ReadonlySet<Occupant> {
    if (!except?.size) return NOBODY;
    const excluded = new Set<Occupant>();
    for (const room of except) for (const occupant of this.table.in(room)) excluded.add(occupant);
    return excluded;
  }

  /** Whoever has the id: its socket if there is one, connected or about to be. */
  #occupant(id: SocketId): Occupant {
    const { sockets, _preConnectSockets } = this.nsp;
    return sockets.get(id) ?? _preConnectSockets.get(id) ?? this.table.member(id) ?? new Absentee(id);
  }
}

/** Room changes as the adapter's events. */
function observe(adapter: EventEmitter): RoomsObserver {
  return {
    onCreate: (room) => adapter.emit("create-room", room),
    onJoin: (room, id) => adapter.emit("join-room", room, id),
    onLeave: (room, id) => adapter.emit("leave-room", room, id),
    onDelete: (room) => adapter.emit("delete-room", room),
  };
}

function first<T>(set: ReadonlySet<T>): T {
  return set.values().next().value as T;
}
