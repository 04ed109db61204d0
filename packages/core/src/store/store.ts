import type { Operation, Precondition } from "./operations.ts";
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
  /** Bytes of values per chunk, passed by at most one record. Default 16 MB. */
  readonly bytes?: number | undefined;
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

/** Where in a log to start reading: at a time, or so many events back, from the offset `through` or from the end. */
export type SeekTarget =
  | { readonly sinceMs: number }
  | { readonly newest: number; readonly through?: number | undefined };

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

/** What a driver can do. */
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
  /** What it can do; what needs more is refused with a code. */
  readonly capabilities: StoreCapabilities;
  /** Resolves when the store can be used; rejects with `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_FORMAT` or `STORE_IO`. */
  readonly opened: Promise<void>;
  /** Undefined until `opened`. */
  readonly epochs: StoreEpochs | undefined;
  /** What waits for its flush, in bytes, where the driver knows. */
  readonly pendingBytes?: number;

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
  /** Several of one kind: each in the place of its key, undefined where there is none. */
  getMany(kind: string, keys: readonly string[]): Promise<(StoredRecord | undefined)[]>;
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

  /** What it holds. Takes time by the number of its logs. */
  storage(): Promise<StorageUsage>;
  /** Flushes what was issued, then closes. Writes and reads after this call fail with `STORE_CLOSED`. */
  close(): Promise<void>;
}
