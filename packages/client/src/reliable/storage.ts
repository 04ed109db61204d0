/** An event on its way. */
export interface Entry {
  /** Its place in the outbox, and its sequence on the wire. */
  readonly id: number;
  readonly event: string;
  readonly args: unknown[];
  /** About how many bytes it takes. */
  readonly bytes: number;
  /** Whether it may have reached the server. */
  readonly sent: boolean;
}

export type NewEntry = Omit<Entry, "id" | "sent">;

/**
 * One outbox in a storage. Operations take effect in the order of their calls, and all or nothing; the caller does not
 * wait for one before it calls the next. What rejects has changed nothing.
 */
export interface StoredOutbox {
  /** Whether other pages may have it open too: they then share it through Web Locks and a BroadcastChannel. */
  readonly shared?: boolean;
  /** The client's key, 22 to 128 characters of `A–Z a–z 0–9 - _`: random, made with the outbox, and kept as long. */
  readonly key: string;
  /** Adds entries; resolves with their ids: from 1, rising, never used twice. */
  append(entries: readonly NewEntry[]): Promise<number[]>;
  /**
   * The first `count` entries behind the id `after`, as they were. These and all before them count as sent from then
   * on: that MUST be durable before it resolves.
   */
  take(after: number, count: number): Promise<Entry[]>;
  /** Removes those that are not sent, or all of them if `evenSent`; resolves with the ids that are gone. */
  remove(ids: readonly number[], evenSent: boolean): Promise<number[]>;
  /** Everything, by id. */
  list(): Promise<Entry[]>;
  close(): void | Promise<void>;
}

/** Where outboxes are kept. */
export interface OutboxStorage {
  /**
   * Opens the outbox of that name, an empty one the first time. A rejection with a `code` reaches whoever emits;
   * `NOT_DURABLE` makes it an outbox in memory.
   */
  open(name: string): Promise<StoredOutbox>;
}

/** 256 random bits, as text. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
