import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { decodeRecords, encodeRecord, type JournalRecord } from "./record.ts";

/** Bytes below which a journal is not worth being written anew. */
const COMPACT_BYTES_MIN = 1_048_576;
/** How many times as large as when it was last written anew it may be. */
const GROWTH_MAX = 4;

/**
 * A file of records. Those of one moment are written and flushed together; what has become useless goes when the file is
 * written anew, beside the old one, which it then replaces.
 */
export class Journal {
  private readonly _path: string;
  private readonly _snapshot: () => JournalRecord[];
  private _file: FileHandle | undefined;
  /** Where the next record goes: behind the last that is whole. */
  private _end = Infinity;
  private _compactEnd = 0;
  private _pending: Buffer[] = [];
  /** The write that `_pending` is part of, and the one before it. */
  private _next: Promise<void> | undefined;
  private _current: Promise<void> = Promise.resolve();

  /** @param snapshot everything that counts at this moment, as records */
  constructor(path: string, snapshot: () => JournalRecord[]) {
    this._path = path;
    this._snapshot = snapshot;
  }

  /** What the file holds; nothing if there is none. A write that a crash cut off is left out. */
  static async read(path: string): Promise<JournalRecord[]> {
    try {
      return decodeRecords(await readFile(path)).records;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  /** Resolves once the record is on disk. The first write replaces the file by a snapshot. */
  write(record: JournalRecord): Promise<void> {
    this._pending.push(encodeRecord(record));
    this._next ??= this._flushAfter(this._current);
    return this._next;
  }

  async close(): Promise<void> {
    await this._next?.catch(() => {});
    await this._current.catch(() => {});
    await this._file?.close();
    this._file = undefined;
  }

  private async _flushAfter(previous: Promise<void>): Promise<void> {
    await previous.catch(() => {});
    this._current = this._next!;
    this._next = undefined;
    const bytes = Buffer.concat(this._pending.splice(0));
    // a snapshot has in it what the records say
    if (this._end > Math.max(COMPACT_BYTES_MIN, this._compactEnd * GROWTH_MAX)) await this._compact();
    else await this._append(bytes);
  }

  private async _append(bytes: Buffer): Promise<void> {
    const file = this._file!;
    try {
      // at the end of what is whole: what a failed write left is written over
      await file.write(bytes, 0, bytes.length, this._end);
      await file.datasync();
      this._end += bytes.length;
    } catch (error) {
      // a flush that failed may have lost what was written before: the next write starts anew
      this._end = Infinity;
      throw error;
    }
  }

  private async _compact(): Promise<void> {
    const bytes = Buffer.concat(this._snapshot().map(encodeRecord));
    const fresh = await open(`${this._path}.new`, "w", 0o600);
    try {
      await fresh.writeFile(bytes);
      await fresh.sync();
      await rename(`${this._path}.new`, this._path);
      await syncFolder(dirname(this._path));
    } catch (error) {
      await fresh.close();
      throw error;
    }
    await this._file?.close();
    this._file = fresh;
    this._end = this._compactEnd = bytes.length;
  }
}

/** Makes a new name in a folder durable, where folders can be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
