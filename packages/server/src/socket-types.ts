// biome-ignore-all lint/suspicious/noExplicitAny: descriptions and arguments are of any kind
/** Why a socket was disconnected. */
export type DisconnectReason =
  // the connection was lost
  | "transport error"
  | "transport close"
  | "forced close"
  | "ping timeout"
  | "parse error"
  // somebody closed it
  | "server shutting down"
  | "forced server close"
  | "client namespace disconnect"
  | "server namespace disconnect";

export interface SocketReservedEventsMap {
  disconnect: (reason: DisconnectReason, description?: any) => void;
  disconnecting: (reason: DisconnectReason, description?: any) => void;
  error: (err: Error) => void;
}

/** An event as `socket.use` sees it: its name and arguments. */
export type Event = [string, ...any[]];

/** An error that a middleware refuses a client with. */
export interface ExtendedError extends Error {
  /** Sent to the client along with the message. */
  data?: any;
}

/** After these a client may come back and resume. */
export const RECOVERABLE_REASONS: ReadonlySet<string> = new Set<DisconnectReason>([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);
