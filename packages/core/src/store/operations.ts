/** An event to be stored: once, however many rooms it went to. */
export interface AppendOperation {
  readonly type: "append";
  readonly namespace: string;
  /** The logs that index it: at least one, none twice. */
  readonly rooms: readonly string[];
  /** Opaque to the store. A string is stored as UTF-8. Bytes MUST NOT change before the receipt settles. */
  readonly payload: string | Uint8Array;
  /** Wall time, milliseconds since 1970. Drivers clamp it so that it never falls within a store. */
  readonly timeMs: number;
  /** Who must not get it: rooms and socket ids. Opaque to the store, read back as it was given. */
  readonly except?: readonly string[] | undefined;
  /** The socket that sent it. Opaque to the store. */
  readonly sender?: string | undefined;
  /**
   * False if the event may be shown before it is durable (default: true). After an unclean stop the epoch of
   * such a log is another.
   */
  readonly flush?: boolean | undefined;
}

/** Sets a record. Its new version is larger than every version that this store gave before. */
export interface PutOperation {
  readonly type: "put";
  readonly kind: string;
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** Removes a record; removing what is not there succeeds. */
export interface DeleteOperation {
  readonly type: "delete";
  readonly kind: string;
  readonly key: string;
}

/**
 * Drops the oldest events of a log until it is within all limits given. A driver bounds the work of one trim and
 * says whether `more` remains. A log without events is removed, and its number given back.
 */
export interface TrimOperation {
  readonly type: "trim";
  readonly namespace: string;
  readonly room: string;
  /** The newest that may stay; 0 forgets the log. */
  readonly eventsMax?: number | undefined;
  /** Payload bytes of the newest events that may stay. */
  readonly bytesMax?: number | undefined;
  /** Older events go. */
  readonly sinceMs?: number | undefined;
  /** Events up to this offset go. */
  readonly through?: number | undefined;
  /**
   * False if nobody will ask whether events of this log were dropped after the log itself is gone (default: true).
   * For logs of short-lived rooms, so that they do not raise the floor of the whole namespace.
   */
  readonly trace?: boolean | undefined;
}

export type Operation = AppendOperation | PutOperation | DeleteOperation | TrimOperation;

/** A demand on a record: `version` 0 demands that it does not exist. */
export interface Precondition {
  readonly kind: string;
  readonly key: string;
  readonly version: number;
}

export interface TrimResult {
  /** Events dropped from this log by this trim. */
  readonly events: number;
  /** True if the limits are not reached yet: trim again. */
  readonly more: boolean;
}

/** What one `commit` did; each list is in the order of the operations. */
export interface CommitResult {
  readonly offsets: readonly number[];
  readonly versions: readonly number[];
  readonly trims: readonly TrimResult[];
}
