/** Why a client did not get its session back. */
export type RecoveryFailure =
  /** It showed a pid that this server, with this store, did not issue for this namespace. */
  | "unknown"
  /** It was away for longer than `maxDisconnectionDuration`. */
  | "expired"
  /** It, or the server, had ended the session. */
  | "disconnected"
  /** Another connection has begun to resume it meanwhile. */
  | "takeover"
  /** It was lost while a room was being replayed to it (`join` with `since`), and may not have got all of that. */
  | "replaying"
  /** It had left a room and joined it again, and may not have got all from before. */
  | "rejoined"
  /** Some of what it missed has been dropped already: more than was allowed to be kept. */
  | "trimmed"
  /** More than `sessionsMax` clients were away. */
  | "crowded"
  /** Something that it should have got, or something of the session, could not be stored or read. */
  | "storage fault";
