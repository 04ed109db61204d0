import type { IncomingMessage } from "node:http";
import type { ZlibOptions } from "node:zlib";
import type { SerializeOptions } from "cookie";
import type { CorsOptions, CorsOptionsDelegate } from "cors";
import { type PerMessageDeflateOptions, WebSocketServer } from "ws";
import type { Part } from "../outbox/index.ts";

export type TransportName = "polling" | "websocket";

/** The options of Engine.IO's server, and the limits that are ours. */
export interface ServerOptions {
  /** How long, in ms, without a pong until a connection counts as lost. Default 20,000. */
  pingTimeout?: number;
  /** How long, in ms, between a pong and the next ping. Default 25,000. */
  pingInterval?: number;
  /** How long, in ms, an upgrade may take. Default 10,000. */
  upgradeTimeout?: number;
  /** The most bytes of one message, or of one POST, from a client. Default 1,000,000. */
  maxHttpBufferSize?: number;
  /** Decides on a handshake: `fn(null, true)` accepts, `fn("reason", false)` refuses with code 4. */
  allowRequest?: (
    req: IncomingMessage,
    fn: (message: string | null | undefined, success: boolean) => void,
  ) => void;
  /** Default both. WebTransport is not supported. */
  transports?: (TransportName | "webtransport")[];
  /** Default true. */
  allowUpgrades?: boolean;
  /** WebSocket compression (RFC 7692). Default false. `threshold` is in bytes, default 1024. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** Compression of polling responses. Default `{ threshold: 1024 }`, in bytes. */
  httpCompression?: boolean | (ZlibOptions & { threshold?: number });
  /** The class of the WebSocket server. Default that of `ws`. Another one loses the outbox's shared writes. */
  wsEngine?: new (
    options: never,
  ) => WebSocketEngine;
  /** Sent as the first message of each connection. Default none. */
  initialPacket?: Part;
  /** A cookie with the session id, for load balancers: true for `io`, or its options. Default none. */
  cookie?: (SerializeOptions & { name?: string }) | boolean;
  /** Passed to the `cors` package. Default none. */
  cors?: CorsOptions | CorsOptionsDelegate;
  /** Whether clients of Engine.IO v3 (Socket.IO 2) may connect. Default false. */
  allowEIO3?: boolean;
  /** Members of our own in the open frame, for clients of Engine.IO v4. Default none. */
  openFrame?: Readonly<Record<string, unknown>>;
  /**
   * The most bytes that may wait for one connection because its reader is slow. One message of any size fits while
   * nothing waits. Past the limit the connection is closed. Default 16,777,216.
   */
  outboxBytesMax?: number;
  /**
   * How many bytes may wait for one connection before stored events no longer wait in memory: they come from the log
   * as the reader takes them. Without a log nothing changes at this point. Default 1,048,576.
   */
  shedBytes?: number;
  /**
   * The most bytes that may wait for all connections together. Past half of it, `shedBytes` counts as 65,536 or less;
   * past it, a connection for which more than its share waits is closed. Default 536,870,912.
   */
  outboxTotalBytesMax?: number;
}

export interface AttachOptions {
  /** The path that is served. Default "/engine.io". */
  path?: string;
  /** Whether upgrades for other paths are closed when nobody else answers them. Default true. */
  destroyUpgrade?: boolean;
  /** How long, in ms, others have to answer. Default 1,000. */
  destroyUpgradeTimeout?: number;
  /** Whether the path ends in a slash. Default true. */
  addTrailingSlash?: boolean;
}

/** What is asked of `wsEngine`: the part of `ws`'s server that is used. */
export interface WebSocketEngine {
  handleUpgrade(...args: Parameters<WebSocketServer["handleUpgrade"]>): void;
  on?(event: "headers", listener: (headers: string[], request: IncomingMessage) => void): unknown;
  close(): void;
}

type Defaulted =
  | "pingTimeout"
  | "pingInterval"
  | "upgradeTimeout"
  | "maxHttpBufferSize"
  | "transports"
  | "allowUpgrades"
  | "httpCompression"
  | "wsEngine"
  | "allowEIO3"
  | "cors"
  | "outboxBytesMax"
  | "shedBytes"
  | "outboxTotalBytesMax";

/** Options with their defaults filled in. */
export type ResolvedOptions = Omit<ServerOptions, Defaulted | "cors"> &
  Required<Pick<ServerOptions, Exclude<Defaulted, "cors">>> & {
    cors: ServerOptions["cors"] | false;
  };

export function resolveOptions(options: ServerOptions): ResolvedOptions {
  const resolved = {
    wsEngine: WebSocketServer,
    pingTimeout: 20_000,
    pingInterval: 25_000,
    upgradeTimeout: 10_000,
    maxHttpBufferSize: 1e6,
    transports: ["polling", "websocket"],
    allowUpgrades: true,
    httpCompression: { threshold: 1024 },
    cors: false,
    allowEIO3: false,
    outboxBytesMax: 16 * 1024 * 1024,
    shedBytes: 1024 * 1024,
    outboxTotalBytesMax: 512 * 1024 * 1024,
    ...options,
  } as ResolvedOptions;
  if (options.cookie) {
    resolved.cookie = { name: "io", path: "/", httpOnly: true, sameSite: "lax", ...Object(options.cookie) };
  }
  if (options.perMessageDeflate) {
    resolved.perMessageDeflate = { threshold: 1024, ...Object(options.perMessageDeflate) };
  }
  return resolved;
}
