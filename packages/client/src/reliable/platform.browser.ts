import { indexedDbStorage } from "./indexeddb.ts";
import type { OutboxOptions } from "./options.ts";
import type { OutboxStorage } from "./storage.ts";

// What differs between browsers (this file) and Node (platform.ts); package.json's "browser" map swaps them.

/** Undefined for memory. */
export function storageOf(option: OutboxOptions["outbox"]): OutboxStorage | undefined {
  // without files the next best
  if (option === "indexeddb" || option === "file") return indexedDbStorage;
  return typeof option === "object" && "open" in option ? option : undefined;
}
