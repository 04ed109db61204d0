/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Loose } from "./events.ts";
import type { OutboxOptions } from "./reliable/options.ts";

export type TransportName = "polling" | "websocket" | (string & {});

/** A transport of your own: a class that extends one of those exported here, or has their shape. */
export type TransportCtor = { new (options: Loose): { readonly name: string } };

/** What the connection (Engine.IO) understands. */
export interface EngineOptions {
  /** Sent with every request; a query in the URL takes its place. */
  query?: { [key: string]: Loose };
  /** `http.Agent` to use in Node; `false`, the default, makes a new connection per request. */
  agent?: Loose;
  /** Whether to try better transports once connected. Default true. */
  upgrade?: boolean;
  /** Sends binary data as base64 text. Default false. */
  forceBase64?: boolean;
  /** The name of the cache-busting query parameter. Default "t". */
  timestampParam?: string;
  /** Whether requests carry a cache-busting parameter. Default: polling does, WebSocket does not. */
  timestampRequests?: boolean;
  /** The transports to use, in order, by name or as classes. Default ["polling", "websocket"]. */
  transports?: TransportName[] | TransportCtor[];
  /** Whether the next transport is tried when the first can't connect. Default false. */
  tryAllTransports?: boolean;
  /** Whether to begin with WebSocket after it has worked once. Default false. */
  rememberUpgrade?: boolean;
  /** Milliseconds after which a polling request fails, in Node. Default: no limit. */
  requestTimeout?: number;
  /** More options per transport name. */
  transportOptions?: object;
  /** TLS, in Node: see `tls.connect`. */
  pfx?: Loose;
  key?: Loose;
  passphrase?: string;
  cert?: Loose;
  ca?: Loose;
  ciphers?: string;
  /** Whether the server's certificate is verified, in Node. Default true. */
  rejectUnauthorized?: boolean;
  /** Headers of requests. Browsers can't set those of WebSocket. */
  extraHeaders?: { [header: string]: string };
  /** Whether cookies cross origins; in Node, whether cookies are kept at all. Default false. */
  withCredentials?: boolean;
  /** Whether to close the connection without a disconnect event on `beforeunload`. Default false. */
  closeOnBeforeunload?: boolean;
  /** Whether to use the timers and the Date found when this module was loaded, whatever mocks them later. Default false. */
  useNativeTimers?: boolean;
  /** Whether timers and connections let a Node process end. Default false. */
  autoUnref?: boolean;
  /** permessage-deflate, in Node: messages under `threshold` bytes (default 1024) are not compressed. */
  perMessageDeflate?: { threshold: number } | false;
  /** The server's path. Default "/socket.io". */
  path?: string;
  /** Whether the path ends with a slash. Default true. */
  addTrailingSlash?: boolean;
  /** WebSocket subprotocols. */
  protocols?: string | string[];
}

export interface ManagerOptions extends EngineOptions {
  /** Whether to make a new connection even where one could be shared. Default false. */
  forceNew: boolean;
  /** Whether sockets of several namespaces share a connection. Default true. */
  multiplex: boolean;
  path: string;
  /** Whether to reconnect. Default true. */
  reconnection: boolean;
  /** Default Infinity. */
  reconnectionAttempts: number;
  /** Milliseconds before the first attempt, at most; doubles with each. Default 1000. */
  reconnectionDelay: number;
  /** Milliseconds between attempts, at most. Default 5000. */
  reconnectionDelayMax: number;
  /**
   * How far a delay strays from the exact one: 0.5 is 50% either way. Not given, a delay is anything from zero to
   * the exact one, which spreads the clients of a restarted server best.
   */
  randomizationFactor: number;
  /** Milliseconds to wait for a connection; false waits for ever. Default 20000. */
  timeout: number;
  /** Whether creating a socket connects it. Default true. */
  autoConnect: boolean;
  /** A `{ Encoder, Decoder }` of your own, the same on the server. */
  parser: Loose;
}

export interface SocketOptions extends OutboxOptions {
  /** Credentials for the server's middleware, or a function that hands them over at each connection. */
  auth?: { [key: string]: Loose } | ((callback: (data: object) => void) => void);
  /** How often a packet is sent again before its sender is told of the failure. Default: packets are not queued. */
  retries?: number;
  /** Milliseconds to wait for an acknowledgement. */
  ackTimeout?: number;
  /**
   * Whether kept rooms continue where this client stood: after a disconnect, a reload, days later; and how. Takes a
   * Holdfast server with a store; to any other it changes nothing. Default false.
   */
  resume?: boolean | ResumeOptions;
}

export interface ResumeOptions {
  /**
   * Where positions are kept: `localStorage`, `sessionStorage`, or a storage of your own. Default: `sessionStorage` in
   * a browser, which is one tab's; memory elsewhere.
   */
  storage?: ResumeStorage;
  /** In Node: the file that positions are kept in, instead of a storage. */
  file?: string;
  /** Keeps the positions of several users of one storage apart. Default: none. */
  user?: string;
  /** How many replayed events the server may send ahead of the handlers, 1 to 100,000. Default 1,000. */
  credit?: number;
}

/** A place for texts: `localStorage` has this form, and so has what other platforms keep. What it throws is reported. */
export interface ResumeStorage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>;
  /** May return a promise. What is set later MUST count. */
  setItem(key: string, value: string): unknown;
}

/** What the server says when a connection opens (Engine.IO protocol v4, "Handshake"). */
export interface HandshakeData {
  sid: string;
  upgrades: string[];
  pingInterval: number;
  pingTimeout: number;
  maxPayload: number;
  /** Present when the server is Holdfast. */
  holdfast?: number;
}
