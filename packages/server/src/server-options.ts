import type { RoomsOption } from "@holdfast/core";
import type { AdapterConstructor } from "./adapter/index.ts";
import type { AttachOptions, ServerOptions as EngineOptions } from "./engine/index.ts";
import type { ErrorContext, StoreOption } from "./kept/kept.ts";
import type { QueuesServerOptions } from "./queues/index.ts";
import type { ReliableOptions } from "./reliable/options.ts";
import type { ResumeOptions } from "./resume/options.ts";
import type { Socket } from "./socket.ts";

/** The options of {@link Server}: those of the connection layer, those of Socket.IO, and limits of our own. */
export interface ServerOptions extends EngineOptions, AttachOptions {
  /** The path that is served. Default "/socket.io". */
  path: string;
  /** Whether the client's files are served under the path. Default true. */
  serveClient: boolean;
  /** The class of the namespaces' adapters. Default the in-memory one. */
  adapter: AdapterConstructor;
  /** How packets are encoded, if not as Socket.IO does: what `socket.io-msgpack-parser` exports, for example. */
  // biome-ignore lint/suspicious/noExplicitAny: parsers are untyped, or typed by a class hierarchy of their own
  parser: any;
  /** How long, in ms, a client may stay without a namespace. Default 45,000. */
  connectTimeout: number;
  /** Whether a client that was lost may come back to its rooms, its data and what it missed. Default no. */
  connectionStateRecovery: {
    /** How long, in ms, sessions and events are kept. Default 120,000. */
    maxDisconnectionDuration?: number;
    /** Whether middleware is skipped when a session is resumed. Default true. */
    skipMiddlewares?: boolean;
    /** The most events kept per namespace (with a store: per room, default no limit); the oldest go first. Default 100,000. */
    eventsMax?: number;
    /** The most bytes of events kept per namespace; the oldest go first. Default 67,108,864. With a store: per room, no limit. */
    bytesMax?: number;
    /** The most sessions kept per namespace; the oldest go first. Default 100,000. */
    sessionsMax?: number;
  };
  /**
   * Where kept rooms are kept: a folder (embedded LMDB), a folder with a limit in bytes, "memory", or a store of your
   * own. Default none.
   */
  store: StoreOption;
  /**
   * Which rooms are kept, in every namespace, and for how long: patterns of names, where `*` stands for any text and
   * the first that matches decides. Needs `store`. Default none.
   */
  rooms: RoomsOption;
  /** For clients that ask to go on where they stood. Needs `store`. */
  resume: ResumeOptions;
  /** How emits of clients that are to take effect once are taken. Needs `store`. */
  reliable: ReliableOptions;
  /** What clients may do with the queues of `io.queue`. Default: nothing. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server's types of events
  queues: QueuesServerOptions<Socket<any, any, any, any>>;
  /**
   * Hears of what fails in the background: an event that could not be stored, a store that could not be opened.
   * Default: a warning of the process.
   */
  onError: (error: Error, context: ErrorContext) => void;
  /** Whether a dynamic namespace is forgotten when its last socket has left. Default false. */
  cleanupEmptyChildNamespaces: boolean;
  /** The most binary attachments of one packet; the connection of a client that sends more is closed. Default 10. */
  attachmentsMax: number;
  /** How deep one packet's arrays and objects may nest; beyond, the connection is closed. Default 1,000. */
  jsonDepthMax: number;
  /** The most arguments of one event or acknowledgement; beyond, the connection is closed. Default 10,000. */
  argumentsMax: number;
  /** The most namespaces one client may be in; further ones are refused with CONNECT_ERROR. Default 1,000. */
  namespacesPerConnectionMax: number;
  /** The most rooms of one socket; beyond, its connection is closed. Default 10,000. */
  roomsPerSocketMax: number;
  /** The most acknowledgements that one socket's client may owe; beyond, its connection is closed. Default 100,000. */
  pendingAcksPerSocketMax: number;
}

/** The limits that are not those of the connection layer. */
const DEFAULT_LIMITS = {
  attachmentsMax: 10,
  jsonDepthMax: 1_000,
  argumentsMax: 10_000,
  namespacesPerConnectionMax: 1_000,
  roomsPerSocketMax: 10_000,
  pendingAcksPerSocketMax: 100_000,
};

export type Limits = typeof DEFAULT_LIMITS;

/** The limits as the options have them, else as they are by default. */
export function resolveLimits(options: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(limits) as (keyof Limits)[]) limits[name] = options[name] ?? limits[name];
  return limits;
}
