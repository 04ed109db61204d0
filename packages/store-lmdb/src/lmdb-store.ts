import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type EventChunk,
  type EventQuery,
  GroupCommit,
  type LogChunk,
  type LogCursor,
  type LogInfo,
  mergeChunk,
  type Operation,
  type Precondition,
  parseSize,
  RECORD_CHUNK_BYTES,
  type Receipt,
  type RecordChunk,
  type RecordQuery,
  type SeekTarget,
  type StorageUsage,
  type Store,
  type StoredEvent,
  type StoredRecord,
  type StoreEpochs,
  StoreError,
  type Tail,
  type TailQuery,
  Tails,
} from "@holdfast/core";
import { checkDataFile } from "./data-file.ts";
import { DATA_FILE, type Database, openDatabase } from "./database.ts";
import { Directory } from "./directory.ts";
import { DiskSpace } from "./disk-space.ts";
import { FolderLock } from "./folder-lock.ts";
import { recordKey, recordKeyText } from "./keys.ts";
import { lmdbError } from "./lmdb-error.ts";
import { LogReader } from "./log-reader.ts";
import type { LogState } from "./log-state.ts";
import { type Meta, newMeta, readMeta, readTotals, writeMeta } from "./meta.ts";
import { seekNewest, seekTime } from "./seek.ts";
import { Writer } from "./writer.ts";

export interface LmdbStoreOptions {
  /** Folder of the store; made where it is missing. */
  readonly path: string;
  /** How large the file may grow, in bytes or as "10gb". Default: as large as the disk allows. */
  readonly bytesMax?: number | string | undefined;
  /** Logs, that is rooms with stored events. Default 100,000. */
  readonly logsMax?: number | undefined;
  /** Bytes that may wait for their flush. Default 64 MB. */
  readonly pendingBytesMax?: number | undefined;
}

/** After an unclean stop, offsets go on so far behind the last stored one that none was shown before. */
const UNCLEAN_JUMP = 2 ** 28;
/** Logs looked at in one turn of the event loop where all of them are. */
const LOGS_PER_TURN = 500;

interface Opened {
  readonly database: Database;
  readonly space: DiskSpace;
  readonly lock: FolderLock;
  readonly meta: Meta;
}

/** The embedded driver: one LMDB file, in a folder that one process holds. */
export class LmdbStore implements Store {
  readonly capabilities = { transactional: true, shared: false };
  readonly opened: Promise<void>;
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #directory: Directory;
  readonly #group: GroupCommit;
  readonly #writer: Writer;
  readonly #tails = new Tails(this);
  #state: Opened | undefined;
  #walk: { readonly cursor: LogCursor; readonly logs: Generator<LogState, undefined> } | undefined;
  #failure: StoreError | undefined;
  #closing: Promise<void> | undefined;

  constructor({ path, bytesMax = Infinity, logsMax = 100_000, pendingBytesMax }: LmdbStoreOptions) {
    this.#folder = path;
    this.#bytesMax = bytesMax === Infinity ? bytesMax : parseSize(bytesMax, "bytesMax");
    this.#directory = new Directory(logsMax);
    this.#writer = new Writer(this.#directory, (namespace) => this.#tails.wake(namespace));
    this.#group = new GroupCommit(this.#writer, { pendingBytesMax });
    this.opened = this.#open();
    // Whoever waits for it hears of a failure; so does every later call.
    this.opened.catch(() => {});
  }

  get epochs(): StoreEpochs | undefined {
    const meta = this.#state?.meta;
    return meta && { flushed: meta.epoch, unflushed: `${meta.epoch}.${meta.generation}` };
  }

  get pendingBytes(): number {
    return this.#group.pendingBytes;
  }

  commit(operations: Operation | readonly Operation[], preconditions?: readonly Precondition[]): Receipt {
    return this.#group.submit(operations, preconditions);
  }

  async events(query: EventQuery): Promise<EventChunk> {
    const { database } = await this.#ready();
    const namespace = this.#directory.namespaces.get(query.namespace);
    if (!namespace) return { events: [], done: true };
    const { after = 0, before = Number.MAX_SAFE_INTEGER, reverse = false } = query;
    const readers: LogReader[] = [];
    try {
      for (const room of query.rooms ?? namespace.logs.keys()) {
        const log = namespace.logs.get(room);
        if (!log || log.number === 0 || log.facts(database).last <= after) continue;
        readers.push(new LogReader(database, log, after, before, reverse));
      }
      return mergeChunk(readers, query);
    } catch (error) {
      throw lmdbError(error);
    } finally {
      for (const reader of readers) reader.close();
    }
  }

  async seek(namespace: string, room: string, target: SeekTarget): Promise<number> {
    const { database } = await this.#ready();
    const space = this.#directory.namespaces.get(namespace);
    const log = space?.logs.get(room);
    if (!log || log.number === 0) return space?.facts.last ?? 0;
    try {
      return "sinceMs" in target
        ? seekTime(database, log, target.sinceMs)
        : seekNewest(database, log, target.newest, target.through);
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async head(namespace: string): Promise<number> {
    const barrier = this.commit([]);
    const head = this.#writer.headAt(barrier, namespace);
    await barrier.durable();
    return head();
  }

  async log(namespace: string, room: string): Promise<LogInfo> {
    const { database } = await this.#ready();
    const space = this.#directory.namespaces.get(namespace);
    const log = space?.logs.get(room);
    if (log && log.number !== 0) {
      const info = this.#info(database, log);
      if (info.events > 0) return info;
    }
    return {
      namespace,
      room,
      exists: false,
      epoch: this.epochs!.flushed,
      events: 0,
      bytes: 0,
      last: 0,
      floor: space?.facts.removedThrough ?? 0,
      oldestMs: 0,
    };
  }

  async logs(after?: LogCursor, limit = LOGS_PER_TURN): Promise<LogChunk> {
    const { database } = await this.#ready();
    const chunk: LogInfo[] = [];
    // Going on where the last chunk ended spares a walk over all that came before.
    const isNext = after !== undefined && this.#walk?.cursor === after;
    const walk = isNext ? this.#walk!.logs : this.#directory.logsAfter(after);
    this.#walk = undefined;
    for (;;) {
      const { value: log } = walk.next();
      if (!log) return { logs: chunk, next: undefined };
      if (log.number === 0) continue;
      const info = this.#info(database, log);
      if (info.events === 0) continue;
      chunk.push(info);
      if (chunk.length === limit) {
        const cursor = this.#directory.cursorOf(log);
        this.#walk = { cursor, logs: walk };
        return { logs: chunk, next: cursor };
      }
    }
  }

  async get(kind: string, key: string): Promise<StoredRecord | undefined> {
    const [record] = await this.getMany(kind, [key]);
    return record;
  }

  async getMany(kind: string, keys: readonly string[]): Promise<(StoredRecord | undefined)[]> {
    const { database } = await this.#ready();
    const number = this.#directory.kind(kind);
    if (number === undefined) return keys.map(() => undefined);
    try {
      return keys.map((key) => {
        const value = database.get(recordKey(number, key));
        return value && { key, value: value.subarray(8), version: value.readDoubleLE(0) };
      });
    } catch (error) {
      throw lmdbError(error);
    }
  }

  async records({
    kind,
    from,
    to,
    limit = 1000,
    bytes = RECORD_CHUNK_BYTES,
    reverse = false,
  }: RecordQuery): Promise<RecordChunk> {
    const { database } = await this.#ready();
    const number = this.#directory.kind(kind);
    if (number === undefined) return { records: [], done: true };
    const low = recordKey(number, from ?? "");
    const high = to === undefined ? recordKey(number + 1, "") : recordKey(number, to);
    const records: StoredRecord[] = [];
    let room = bytes;
    const range = reverse
      ? database.getRange({ start: high, end: low, exclusiveStart: true, inclusiveEnd: true, reverse })
      : database.getRange({ start: low, end: high });
    try {
      for (const { key, value } of range) {
        if (records.length === limit || room <= 0) return { records, done: false };
        room -= value.length - 8;
        records.push({ key: recordKeyText(key), value: value.subarray(8), version: value.readDoubleLE(0) });
      }
    } catch (error) {
      throw lmdbError(error);
    }
    return { records, done: true };
  }

  tail(
    query: TailQuery,
    listener: (events: readonly StoredEvent[]) => void | Promise<void>,
    onError: (error: StoreError) => void,
  ): Tail {
    return this.#tails.start(query, listener, onError);
  }

  async storage(): Promise<StorageUsage> {
    const { space } = await this.#ready();
    let oldestMs: number | undefined;
    let rooms = 0;
    let next: LogCursor | undefined;
    do {
      const chunk = await this.logs(next);
      for (const log of chunk.logs) {
        rooms++;
        if (oldestMs === undefined || log.oldestMs < oldestMs) oldestMs = log.oldestMs;
      }
      next = chunk.next;
      if (next) await new Promise<void>((resolve) => setImmediate(resolve));
    } while (next);
    const { events, bytes } = this.#writer.totals;
    return { events, bytes, rooms, oldestMs, fileBytes: space.fileBytes };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    let lock: FolderLock | undefined;
    let database: Database | undefined;
    try {
      mkdirSync(this.#folder, { recursive: true });
      lock = await FolderLock.acquire(this.#folder);
      const path = join(this.#folder, DATA_FILE);
      checkDataFile(path);
      database = openDatabase(path);
      const found = readMeta(database);
      const wasClean = found?.isClean ?? true;
      const meta = { ...(found ?? newMeta()), isClean: false };
      if (!wasClean) meta.generation++;
      this.#directory.load(database);
      if (!wasClean) this.#directory.jump(UNCLEAN_JUMP);
      const space = new DiskSpace(database, this.#folder, this.#bytesMax);
      await writeMeta(database, meta);
      this.#writer.open(database, space, readTotals(database));
      this.#state = { database, space, lock, meta };
      this.#group.open();
    } catch (error) {
      this.#failure = lmdbError(error);
      await database?.close();
      await lock?.release();
      this.#group.abandon(this.#failure);
      throw this.#failure;
    }
  }

  async #close(): Promise<void> {
    const drained = this.#group.drain(new StoreError("STORE_CLOSED", "The store is closed"));
    await this.opened.catch(() => {});
    await drained;
    this.#tails.close();
    const state = this.#state;
    if (!state) return;
    this.#state = undefined;
    try {
      await writeMeta(state.database, { ...state.meta, isClean: true });
    } catch {
      // A disk that is full or gone: the next start finds an unclean stop, which is what this was.
    }
    await state.database.close();
    await state.lock.release();
  }

  async #ready(): Promise<Opened> {
    if (!this.#state) {
      if (this.#failure) throw this.#failure;
      await this.opened;
    }
    if (!this.#state || this.#closing) throw new StoreError("STORE_CLOSED", "The store is closed");
    return this.#state;
  }

  #info(database: Database, log: LogState): LogInfo {
    const facts = log.facts(database);
    const epochs = this.epochs!;
    return {
      namespace: log.namespace.name,
      room: log.room,
      exists: true,
      epoch: facts.isUnflushed ? epochs.unflushed : epochs.flushed,
      events: facts.totalEvents - facts.floorEvents,
      bytes: facts.totalBytes - facts.floorBytes,
      last: facts.last,
      floor: facts.floor,
      oldestMs: facts.oldestMs,
    };
  }
}
