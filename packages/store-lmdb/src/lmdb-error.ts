import { StoreError, type StoreErrorCode } from "@holdfast/core";
import type { Database } from "./database.ts";

const CODES: ReadonlyMap<number | string, StoreErrorCode> = new Map<number | string, StoreErrorCode>([
  [28, "STORE_FULL"], // ENOSPC
  [122, "STORE_FULL"], // EDQUOT
  ["ENOSPC", "STORE_FULL"],
  ["EDQUOT", "STORE_FULL"],
  [-30792, "STORE_FULL"], // MDB_MAP_FULL
  [-30793, "STORE_DAMAGED"], // MDB_INVALID: not an LMDB file
  [-30794, "STORE_FORMAT"], // MDB_VERSION_MISMATCH
  [-30796, "STORE_DAMAGED"], // MDB_CORRUPTED
  [-30797, "STORE_DAMAGED"], // MDB_PAGE_NOTFOUND
]);

/** What LMDB or the file system throws, as a StoreError. */
export function lmdbError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = (error as { code?: number | string }).code;
  const known = code === undefined ? undefined : CODES.get(code);
  // Reading past the end of bytes that should be there: a value that is not what was written.
  if (known === undefined && error instanceof RangeError) {
    return new StoreError("STORE_DAMAGED", "A stored value is not what was written", error);
  }
  if (known === undefined) return StoreError.from(error);
  return new StoreError(known, error instanceof Error ? error.message : String(error), error);
}

/**
 * False if LMDB refuses to write ever again, after it failed to write a meta page. Asked through a transaction of
 * its own: the one that writes batches would never come back.
 */
export function isUsable(database: Database): boolean {
  try {
    database.transactionSync(() => undefined);
    return true;
  } catch {
    return false;
  }
}
