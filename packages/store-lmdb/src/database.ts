import { createRequire } from "node:module";
import type * as Lmdb from "lmdb";

/** LMDB with binary keys and values: all that the rest of this package knows of it. */
export type Database = Lmdb.RootDatabase<Buffer, Buffer>;

/** The file in the store's folder. */
export const DATA_FILE = "data.mdb";

/** Opens or makes the file. Throws what LMDB throws. */
export function openDatabase(path: string): Database {
  // native code, loaded when the first store is opened: a server without a store does not pay for it
  const { open } = createRequire(import.meta.url)("lmdb") as typeof Lmdb;
  return open<Buffer, Buffer>({
    path,
    noSubdir: true,
    // Off, so that a commit is not reported before it is flushed.
    overlappingSync: false,
    // Off: this package gathers batches itself, and one batch must be exactly one transaction.
    eventTurnBatching: false,
    keyEncoding: "binary",
    encoding: "binary",
    cache: false,
  });
}

/** One change of a batch; without a value it removes the key. */
export interface Change {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** Writes all changes in one transaction and resolves when it is flushed. */
export async function writeChanges(database: Database, changes: readonly Change[]): Promise<void> {
  const committed = database.batch(() => {
    for (const { key, value } of changes) {
      if (value) database.put(key, value);
      else database.remove(key);
    }
  });
  try {
    await committed;
  } catch (error) {
    throw await causeOf(error);
  }
}

/** LMDB rejects with an error that holds the promise of its cause, which nobody else would handle. */
async function causeOf(error: unknown): Promise<unknown> {
  const cause = (error as { commitError?: Promise<unknown> }).commitError;
  if (!cause) return error;
  // The cause follows within the same turn; without one, the error itself must do.
  const late = new Promise((resolve) => setImmediate(resolve, error));
  return Promise.race([
    cause.then(
      () => error,
      (reason: unknown) => reason,
    ),
    late,
  ]);
}
