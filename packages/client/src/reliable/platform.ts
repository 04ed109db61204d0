import { fileStorage } from "./file/file.ts";
import { indexedDbStorage } from "./indexeddb.ts";
import type { OutboxOptions } from "./options.ts";
import type { OutboxStorage } from "./storage.ts";

// What differs between Node (this file) and browsers (platform.browser.ts); package.json's "browser" map swaps them.

/** Undefined for memory. */
export function storageOf(option: OutboxOptions["outbox"]): OutboxStorage | undefined {
  if (option === "indexeddb") return indexedDbStorage;
  if (option === "file") return fileStorage("holdfast-outbox");
  if (typeof option === "object") return "file" in option ? fileStorage(option.file) : option;
  return undefined;
}
