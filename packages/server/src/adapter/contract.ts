// biome-ignore-all lint/suspicious/noExplicitAny: adapters of the ecosystem are typed in terms of any, and must fit
import type { EventEmitter } from "node:events";

export type SocketId = string;
export type Room = string;
/** The secret by which a client resumes its session. */
export type PrivateSessionId = string;

/** How a broadcast is to be sent. */
export interface BroadcastFlags {
  /** May be lost if the client cannot take it at once. */
  volatile?: boolean;
  /** Whether the transport may compress it. Default true. */
  compress?: boolean;
  /** Only to the clients of this server. */
  local?: boolean;
  broadcast?: boolean;
  binary?: boolean;
  /** How long, in ms, to wait for acknowledgements. */
  timeout?: number;
  /** One client is meant: its acknowledgement is passed on as it is, not in a list. */
  expectSingleResponse?: boolean;
}

/** Who is meant: the members of any of `rooms`, or everybody if it is empty, without the members of `except`. */
export interface BroadcastOptions {
  rooms: Set<Room>;
  except?: Set<Room>;
  flags?: BroadcastFlags;
}

/** An event as our own adapters have it. They may write into it. */
export interface EventPacket {
  readonly type: number;
  nsp?: string;
  readonly data: unknown[];
  /** Set if an acknowledgement is asked for. */
  id?: number;
}

/** What outlives a disconnect. */
export interface SessionToPersist {
  sid: SocketId;
  pid: PrivateSessionId;
  rooms: Room[];
  data: unknown;
}

export type Session = SessionToPersist & {
  /** Event names and arguments of what the client missed, in order. */
  missedPackets: unknown[][];
  /** What the adapter that made the session needs to resume it. */
  restoration?: unknown;
};

/**
 * Who is in which room of a namespace, and how a packet gets to them: the contract of `socket.io-adapter`. One is made
 * per namespace. Emits `create-room`, `delete-room` (room), `join-room` and `leave-room` (room, socket id).
 */
export interface AdapterContract extends EventEmitter {
  readonly nsp: any;
  /** Rooms to the ids of their sockets. */
  rooms: Map<Room, Set<SocketId>>;
  /** Socket ids to their rooms. */
  sids: Map<SocketId, Set<Room>>;
  /** Called once, after the construction. */
  init(): Promise<void> | void;
  /** Called when the server closes, or its namespace is cleaned up. */
  close(): Promise<void> | void;
  /** The number of servers in the cluster. */
  serverCount(): Promise<number>;
  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void;
  del(id: SocketId, room: Room): Promise<void> | void;
  delAll(id: SocketId): void;
  /** Sends an event without acknowledgement. MUST reach each recipient at most once. */
  broadcast(packet: any, opts: BroadcastOptions): void;
  /**
   * Sends an event with acknowledgement. MUST call `clientCountCallback` once per server of the cluster, with the
   * number of its recipients, and `ack` once per answer.
   */
  broadcastWithAck(
    packet: any,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: any[]) => void,
  ): void;
  sockets(rooms: Set<Room>): Promise<Set<SocketId>>;
  /** undefined if the socket never joined. */
  socketRooms(id: SocketId): Set<Room> | undefined;
  /** Sockets of this server as they are, those of others as descriptions. */
  fetchSockets(opts: BroadcastOptions): Promise<any[]>;
  addSockets(opts: BroadcastOptions, rooms: Room[]): void;
  delSockets(opts: BroadcastOptions, rooms: Room[]): void;
  disconnectSockets(opts: BroadcastOptions, close: boolean): void;
  /** Sends event name, arguments and perhaps a callback to the other servers. */
  serverSideEmit(packet: any[]): void;
  /** Called when a socket is lost in a way that its client can recover from. */
  persistSession(session: SessionToPersist): void;
  /** What {@link persistSession} was given and what was missed after `offset`; nothing if it is not (fully) known. */
  restoreSession(
    pid: PrivateSessionId,
    offset: string,
  ): Promise<Session | null | undefined> | null | undefined;
}

/** A class, or a function that returns an adapter when called with `new`. */
export type AdapterConstructor = (new (nsp: any) => AdapterContract) | ((nsp: any) => AdapterContract);
