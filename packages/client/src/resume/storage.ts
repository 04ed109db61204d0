import type { ResumeOptions, ResumeStorage } from "../options.ts";
import { fileStorage } from "./file-storage.ts";

// What differs between Node (this file) and browsers (storage.browser.ts); package.json's "browser" map swaps them.

/** What was named; if nothing, positions are in memory only. */
export const storageOf = ({ storage, file }: ResumeOptions): ResumeStorage | undefined =>
  storage ?? (file === undefined ? undefined : fileStorage(file));
