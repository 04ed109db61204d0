/** The codes of {@link HoldfastError}. */
export type HoldfastErrorCode =
  /** The feature exists in Socket.IO and not here: uWebSockets.js. */
  | "UNSUPPORTED"
  /** A socket would be in more rooms than `roomsPerSocketMax`. */
  | "TOO_MANY_ROOMS"
  /** A client owes more acknowledgements than `pendingAcksPerSocketMax`. */
  | "TOO_MANY_PENDING_ACKS"
  /** A room's past was asked for, or `publish`, and no pattern of `rooms` keeps it. */
  | "ROOM_NOT_KEPT"
  /** Something that needs the option `store` was asked of a server without one. */
  | "NO_STORE"
  /** Options that exclude each other, such as `store` and `adapter`. */
  | "OPTIONS_CONFLICT"
  /** What a client asked for in CONNECT, or sent as a control message, is malformed. */
  | "PROTOCOL_INVALID"
  /** An option that cannot be understood. */
  | "OPTIONS_INVALID"
  /** A client came with the outbox of another user. */
  | "KEY_FOREIGN"
  /** More outboxes of clients are in use than `reliable.keysMax`. */
  | "TOO_MANY_KEYS"
  /** An event has a handler already. */
  | "HANDLER_EXISTS"
  /** A handler took longer than it may. */
  | "HANDLER_TIMEOUT"
  /** A client emitted reliably what nobody handles. */
  | "NO_HANDLER"
  /** A middleware of the socket refused an event. */
  | "EVENT_REFUSED"
  /** A handler's reply is past `reliable.replyBytesMax`. */
  | "REPLY_TOO_LARGE"
  /** A transaction was used after its handler had settled. */
  | "TX_CLOSED"
  /** A transaction would do more than one may. */
  | "TX_TOO_LARGE"
  /** There is no queue of this name. */
  | "QUEUE_UNKNOWN"
  /** A view of the rooms was written to. Sockets join and leave instead. */
  | "READ_ONLY";

/** What this package refuses by itself. Errors that Socket.IO would raise too are plain errors with its messages. */
export class HoldfastError extends Error {
  /** Stable; the message is for people. */
  readonly code: HoldfastErrorCode;

  constructor(code: HoldfastErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HoldfastError";
    this.code = code;
  }
}
