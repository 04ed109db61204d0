import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Entries } from "../entries.ts";
import { newKey, type OutboxStorage, type StoredOutbox } from "../storage.ts";
import { FolderLock } from "./folder-lock.ts";
import { Journal } from "./journal.ts";
import type { JournalRecord } from "./record.ts";

/**
 * Outboxes in a folder: each has a folder of its own there, with a journal that is flushed to disk. One process has it
 * open: others get `OUTBOX_LOCKED`, until it closes the outbox or ends.
 */
export function fileStorage(folder: string): OutboxStorage {
  return {
    async open(name) {
      const own = join(folder, createHash("sha256").update(name).digest("hex").slice(0, 32));
      await mkdir(own, { recursive: true, mode: 0o700 });
      const lock = await FolderLock.acquire(own);
      try {
        return await openJournal(join(own, "journal"), lock);
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

async function openJournal(path: string, lock: FolderLock): Promise<StoredOutbox> {
  const entries = new Entries();
  let key = newKey();
  for (const record of await Journal.read(path)) key = replay(record, entries) ?? key;
  /** The last id that is flagged on disk. */
  let flaggedId = entries.sentId;
  const journal = new Journal(path, () => [
    { key, lastId: entries.lastId, sentId: entries.sentId },
    { append: entries.list() },
  ]);
  // the key is on disk before anybody is shown it
  await journal.write({ sentId: flaggedId });
  return {
    key,
    async append(added) {
      const ids = entries.append(added);
      try {
        await journal.write({ append: added.map((entry, i) => ({ ...entry, id: ids[i]!, sent: false })) });
      } catch (error) {
        entries.remove(ids, true);
        throw error;
      }
      return ids;
    },
    async take(after, count) {
      const taken = entries.take(after, count);
      const { sentId } = entries;
      if (sentId > flaggedId) {
        await journal.write({ sentId });
        flaggedId = Math.max(flaggedId, sentId);
      }
      // those that could not be stored are gone
      return taken.filter(({ id }) => entries.has(id));
    },
    async remove(ids, evenSent) {
      const gone = entries.remove(ids, evenSent);
      if (gone[0]) await journal.write({ remove: gone });
      return gone;
    },
    list: async () => entries.list(),
    async close() {
      await journal.close();
      await lock.release();
    },
  };
}

/** Does again what a record says; the key, if it tells that. */
function replay(record: JournalRecord, entries: Entries): string | undefined {
  if ("append" in record) for (const entry of record.append) entries.put(entry);
  else if ("remove" in record) entries.remove(record.remove, true);
  else {
    entries.sentId = record.sentId;
    if ("key" in record) entries.lastId = record.lastId;
    return "key" in record ? record.key : undefined;
  }
  return undefined;
}
