import type { OutboxStorage } from "./storage.ts";

/** How reliable emits are kept until they have an outcome. */
export interface OutboxOptions {
  /**
   * Where: "memory", the default, ends with the page or process. "indexeddb" outlives both and is shared by the pages of
   * an origin. "file", in Node, is the folder `holdfast-outbox`, `{ file }` another one; one process at a time. Or a
   * storage of your own.
   */
  outbox?: "memory" | "indexeddb" | "file" | { readonly file: string } | OutboxStorage;
  /** Whose events these are: each user has an outbox apart, so that nobody's go out as another's. Default: nobody. */
  user?: string;
  /** How many events it holds at most; past it `emit` rejects with `OUTBOX_FULL`. Default 10,000. */
  outboxMax?: number;
  /** How many bytes, about. Default 16,777,216. */
  outboxBytesMax?: number;
}
