import type { Receipt } from "./receipt.ts";
import type { StoreError } from "./store-error.ts";

/**
 * Where a reader stands in a log.
 *
 * Opaque outside the store, except that within one epoch a later event has a larger `offset`. Offsets have holes.
 * A position whose epoch is not its log's epoch says nothing about what was missed: that reader has a gap.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

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

export interface StoredEvent {
  readonly offset: number;
  readonly timeMs: number;
  /** The rooms it was stored for. */
  readonly rooms: readonly string[];
  readonly payload: Uint8Array;
  readonly except: readonly string[];
  readonly sender: string | undefined;
}

export interface EventQuery {
  readonly namespace: string;
  /** Logs to merge; an event of several is returned once. Without it: all logs of the namespace. */
  readonly rooms?: readonly string[] | undefined;
  /** Only events later than this offset. */
  readonly after?: number | undefined;
  /** Only events earlier than this offset. */
  readonly before?: number | undefined;
  /** Events per chunk. Default 1,000. */
  readonly limit?: number | undefined;
  /** Payload bytes per chunk, passed by at most one event. Default 256 kB. */
  readonly bytes?: number | undefined;
  /** Newest first. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface EventChunk {
  readonly events: readonly StoredEvent[];
  /** True if nothing of the query is left. Otherwise go on behind the last event. */
  readonly done: boolean;
}

export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: number;
}

export interface RecordQuery {
  readonly kind: string;
  /** First key, included. Keys are ordered by their UTF-8 bytes. */
  readonly from?: string | undefined;
  /** End of the range, excluded. */
  readonly to?: string | undefined;
  /** Records per chunk. Default 1,000. */
  readonly limit?: number | undefined;
  /** Largest key first. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface RecordChunk {
  readonly records: readonly StoredRecord[];
  readonly done: boolean;
}

/** A log as it is now. One that does not exist has no events. */
export interface LogInfo {
  readonly namespace: string;
  readonly room: string;
  readonly exists: boolean;
  readonly epoch: string;
  readonly events: number;
  /** Payload bytes. */
  readonly bytes: number;
  /** Offset of the newest event it ever had; 0 if unknown. */
  readonly last: number;
  /** Events up to this offset may have been dropped: a reader that stands before it may have missed some. */
  readonly floor: number;
  /** Time of the oldest event; 0 without events. */
  readonly oldestMs: number;
}

/** Where a walk over all logs goes on; opaque. */
export type LogCursor = string;

export interface LogChunk {
  readonly logs: readonly LogInfo[];
  /** Where to go on; undefined at the end. */
  readonly next: LogCursor | undefined;
}

/** Where in a log to start reading. */
export type SeekTarget = { readonly sinceMs: number } | { readonly newest: number };

export interface StorageUsage {
  /** Events stored; one of several rooms counts once. */
  readonly events: number;
  /** Payload bytes of these events. */
  readonly bytes: number;
  /** Logs that have events. */
  readonly rooms: number;
  /** Time of the oldest event, milliseconds since 1970; undefined without events. */
  readonly oldestMs: number | undefined;
  /** Bytes on disk, where the driver knows. */
  readonly fileBytes?: number | undefined;
}

export interface StoreCapabilities {
  /** One commit may hold operations on several namespaces, rooms and kinds, and preconditions. */
  readonly transactional: boolean;
  /** Several processes may have this store open at once. */
  readonly shared: boolean;
}

/** Epochs of positions, known once the store is open. */
export interface StoreEpochs {
  /** Of logs whose events are flushed before they are shown. As old as the store. */
  readonly flushed: string;
  /** Of logs with `flush: false`: another after each unclean stop. */
  readonly unflushed: string;
}

export interface TailQuery {
  readonly namespace: string;
  /** Without it: all logs of the namespace. */
  readonly rooms?: readonly string[] | undefined;
  /** Start behind this offset; default: behind everything this process has issued. */
  readonly after?: number | undefined;
}

export interface Tail {
  /** No listener call starts after this. */
  close(): void;
}

/**
 * The port behind logs, sessions, reliable emits and queues: what a driver must do.
 *
 * A driver MUST show nothing, through reads, tail or receipts, before it is durable. It MUST settle commits in the
 * order in which they were issued. It MUST bound the bytes that wait for their flush, and refuse with `STORE_BUSY`
 * past that. Every failure is a StoreError. No method throws; a driver never prints and leaves no rejection
 * unhandled. All may be called before `opened` settles, and then wait for it.
 */
export interface Store {
  readonly capabilities: StoreCapabilities;
  /** Resolves when the store can be used; rejects with `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_FORMAT` or `STORE_IO`. */
  readonly opened: Promise<void>;
  /** Undefined until `opened`. */
  readonly epochs: StoreEpochs | undefined;

  /**
   * The one write: all of it or nothing, after all preconditions hold. Operations of one commit apply in order.
   * Everything issued in one tick shares one flush, except that trims and appends do not share one. Without
   * operations it is a barrier: it succeeds once everything that was issued before has settled, however it did.
   *
   * Invalid or refused writes come back as failed already. Of the others in one flush, all that append or put and
   * have no precondition share one outcome, which is the flush's.
   */
  commit(operations: Operation | readonly Operation[], preconditions?: readonly Precondition[]): Receipt;

  /** Events in order, one chunk. MUST take time that depends on the chunk, not on the length of the log. */
  events(query: EventQuery): Promise<EventChunk>;
  /** The offset to read after, in order to get what the target says. */
  seek(namespace: string, room: string, target: SeekTarget): Promise<number>;
  /**
   * The offset of the newest event of a namespace, as of this call: everything that this process issued before it
   * is durable, has an offset up to it, and everything issued afterwards a larger one.
   */
  head(namespace: string): Promise<number>;
  /** One log. */
  log(namespace: string, room: string): Promise<LogInfo>;
  /** All logs, in no particular order that means anything, a chunk at a time. */
  logs(after?: LogCursor, limit?: number): Promise<LogChunk>;

  /** One record. */
  get(kind: string, key: string): Promise<StoredRecord | undefined>;
  /** Records in key order, one chunk. */
  records(query: RecordQuery): Promise<RecordChunk>;

  /**
   * Calls the listener with events in order, each once, no matter which process appended them, and waits for the
   * promise it returns before the next call. A listener's rejection or a fault of the store goes to `onError` and
   * ends the tail.
   */
  tail(
    query: TailQuery,
    listener: (events: readonly StoredEvent[]) => void | Promise<void>,
    onError: (error: StoreError) => void,
  ): Tail;

  storage(): Promise<StorageUsage>;
  /** Flushes what was issued, then closes. Writes and reads after this call fail with `STORE_CLOSED`. */
  close(): Promise<void>;
}
