import { GroupCommit } from "./group-commit.ts";
import { RECORD_CHUNK_BYTES } from "./limits.ts";
import { MemoryData } from "./memory-data.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import { mergeChunk } from "./merge.ts";
import type { AppendOperation, Operation, Precondition, TrimOperation } from "./operations.ts";
import type { Receipt } from "./receipt.ts";
import type {
  EventChunk,
  EventQuery,
  LogChunk,
  LogCursor,
  LogInfo,
  RecordChunk,
  RecordQuery,
  SeekTarget,
  StorageUsage,
  Store,
  StoredEvent,
  StoredRecord,
  StoreEpochs,
  Tail,
  TailQuery,
} from "./store.ts";
import { StoreError } from "./store-error.ts";
import { Tails } from "./tail.ts";

export interface MemoryStoreOptions {
  /** Payload and record bytes held. Default 512 MB. */
  readonly bytesMax?: number | undefined;
  /** Default 100,000. */
  readonly logsMax?: number | undefined;
  /** Bytes that may wait for their flush. Default 64 MB. */
  readonly pendingBytesMax?: number | undefined;
  /** For tests: what every flush passes through. */
  readonly disk?: MemoryDisk | undefined;
  /** For tests: what an earlier store left. */
  readonly data?: MemoryData | undefined;
}

/** After an unclean stop, offsets go on so far behind the last stored one that none was shown before. */
const UNCLEAN_JUMP = 2 ** 28;

/**
 * The reference driver. It keeps everything in memory, and for tests it can be told when a flush ends, that it
 * fails, and that the process was killed.
 */
export class MemoryStore implements Store {
  readonly capabilities = { transactional: true, shared: false };
  readonly opened = Promise.resolve();
  readonly epochs: StoreEpochs;
  readonly #options: MemoryStoreOptions;
  readonly #data: MemoryData;
  readonly #group: GroupCommit;
  readonly #tails = new Tails(this);
  readonly #issued = new Map<string, number>();
  #closed: StoreError | undefined;
  #isKilled = false;

  constructor(options: MemoryStoreOptions = {}) {
    this.#options = options;
    this.#data = options.data ?? new MemoryData();
    this.epochs = this.#data.epochs;
    this.#group = new GroupCommit(
      {
        admit: (operation) => this.#admit(operation),
        assign: (receipt) => this.#assign(receipt),
        write: (receipts) => this.#write(receipts),
      },
      options,
    );
    this.#group.open();
  }

  get pendingBytes(): number {
    return this.#group.pendingBytes;
  }

  commit(operations: Operation | readonly Operation[], preconditions?: readonly Precondition[]): Receipt {
    return this.#group.submit(operations, preconditions);
  }

  async events(query: EventQuery): Promise<EventChunk> {
    this.#check();
    const namespace = this.#data.namespaces.get(query.namespace);
    if (!namespace) return { events: [], done: true };
    const { after = 0, before = Infinity, reverse = false } = query;
    const rooms = query.rooms ?? namespace.logs.keys();
    const sources = [];
    for (const room of rooms) {
      const log = namespace.logs.get(room);
      if (log && log.last > after) sources.push(log.source(after, before, reverse));
    }
    return mergeChunk(sources, query);
  }

  async seek(namespace: string, room: string, target: SeekTarget): Promise<number> {
    this.#check();
    const log = this.#data.namespaces.get(namespace)?.logs.get(room);
    if (!log) return this.#data.namespaces.get(namespace)?.last ?? 0;
    return "sinceMs" in target
      ? log.offsetBefore(target.sinceMs)
      : log.offsetOfNewest(target.newest, target.through);
  }

  async head(namespace: string): Promise<number> {
    this.#check();
    const head = this.#issuedIn(namespace);
    await this.commit([]).durable();
    return head;
  }

  async log(namespace: string, room: string): Promise<LogInfo> {
    this.#check();
    const space = this.#data.namespaces.get(namespace);
    const log = space?.logs.get(room);
    if (log && log.size > 0) return log.info(this.epochs);
    return {
      namespace,
      room,
      exists: false,
      epoch: this.epochs.flushed,
      events: 0,
      bytes: 0,
      last: 0,
      floor: space?.removedThrough ?? 0,
      oldestMs: 0,
    };
  }

  async logs(after?: LogCursor, limit = 1000): Promise<LogChunk> {
    this.#check();
    const logs = [...this.#data.namespaces.values()]
      .flatMap((space) => [...space.logs.values()])
      .filter((log) => log.size > 0 && log.serial > Number(after ?? 0))
      .sort((a, b) => a.serial - b.serial);
    const chunk = logs.slice(0, limit);
    return {
      logs: chunk.map((log) => log.info(this.epochs)),
      next: chunk.length < logs.length ? String(chunk[chunk.length - 1]!.serial) : undefined,
    };
  }

  async get(kind: string, key: string): Promise<StoredRecord | undefined> {
    this.#check();
    return this.#data.kinds.get(kind)?.records.get(key);
  }

  async getMany(kind: string, keys: readonly string[]): Promise<(StoredRecord | undefined)[]> {
    this.#check();
    const records = this.#data.kinds.get(kind)?.records;
    return keys.map((key) => records?.get(key));
  }

  async records({
    kind,
    from,
    to,
    limit = 1000,
    bytes = RECORD_CHUNK_BYTES,
    reverse = false,
  }: RecordQuery): Promise<RecordChunk> {
    this.#check();
    const held = this.#data.kinds.get(kind);
    if (!held) return { records: [], done: true };
    const start = from === undefined ? 0 : held.keys.indexOf(from);
    const end = to === undefined ? held.keys.size : held.keys.indexOf(to);
    const count = Math.max(0, Math.min(limit, end - start));
    const records: StoredRecord[] = [];
    let room = bytes;
    if (count > 0) {
      for (const key of held.keys.from(reverse ? end - 1 : start, reverse)) {
        const record = held.records.get(key)!;
        records.push(record);
        room -= record.value.length;
        if (records.length === count || room <= 0) break;
      }
    }
    return { records, done: records.length >= end - start };
  }

  tail(
    query: TailQuery,
    listener: (events: readonly StoredEvent[]) => void | Promise<void>,
    onError: (error: StoreError) => void,
  ): Tail {
    return this.#tails.start(query, listener, onError);
  }

  async storage(): Promise<StorageUsage> {
    this.#check();
    let oldestMs: number | undefined;
    let rooms = 0;
    for (const { logs } of this.#data.namespaces.values()) {
      for (const log of logs.values()) {
        const time = log.oldest?.timeMs;
        if (time === undefined) continue;
        rooms++;
        if (oldestMs === undefined || time < oldestMs) oldestMs = time;
      }
    }
    return { events: this.#data.events, bytes: this.#data.eventBytes, rooms, oldestMs };
  }

  async close(): Promise<void> {
    this.#closed ??= new StoreError("STORE_CLOSED", "The store is closed");
    await this.#group.drain(this.#closed);
    this.#tails.close();
  }

  /** For tests: the process is killed now. Nothing settles any more; returns the store as the next process finds it. */
  crash(): MemoryStore {
    this.#isKilled = true;
    this.#closed ??= new StoreError("STORE_CLOSED", "The process was killed");
    this.#group.freeze(this.#closed);
    const data = this.#data;
    data.generation++;
    for (const space of data.namespaces.values()) if (space.hasUnflushed) space.last += UNCLEAN_JUMP;
    return new MemoryStore({ ...this.#options, data });
  }

  /** For tests: the store as the next process finds it, after a `close`. */
  reopen(): MemoryStore {
    return new MemoryStore({ ...this.#options, data: this.#data });
  }

  #admit(operation: Operation): void {
    if (operation.type !== "append") return;
    const logsMax = this.#options.logsMax ?? 100_000;
    const { logs } = this.#data.namespace(operation.namespace);
    const fresh = operation.rooms.filter((room) => !logs.has(room));
    if (fresh.length === 0) return;
    if (this.#data.logs + fresh.length > logsMax) {
      throw new StoreError("TOO_MANY_LOGS", `There are ${logsMax} logs`);
    }
    for (const room of fresh) this.#data.log(operation.namespace, room);
  }

  #assign(receipt: Receipt): void {
    for (const operation of receipt.operations) {
      if (operation.type !== "append") continue;
      const offset = this.#issuedIn(operation.namespace) + 1;
      this.#issued.set(operation.namespace, offset);
      receipt.addOffset(offset);
      receipt.isEarly =
        receipt.operations.length === 1 &&
        operation.flush === false &&
        this.#data.namespace(operation.namespace).hasUnflushed;
    }
  }

  async #write(receipts: readonly Receipt[]): Promise<void> {
    try {
      await this.#options.disk?.flush();
    } catch (error) {
      this.#forgetEmptyLogs(receipts);
      throw error;
    }
    // The process was killed while it waited for its disk.
    if (this.#isKilled) await new Promise<never>(() => {});
    const isFull = this.#isFull(receipts);
    const touched = new Set<string>();
    for (const receipt of receipts) {
      if (isFull && receipt.operations.some(grows)) {
        receipt.fail(new StoreError("STORE_FULL", "The store holds as much as its bytesMax allows"));
      } else if (!this.#holds(receipt.preconditions)) {
        receipt.fail(new StoreError("PRECONDITION_FAILED", "A record has another version"));
        this.#forgetEmptyLogs([receipt]);
      } else this.#apply(receipt, touched);
    }
    if (isFull) this.#forgetEmptyLogs(receipts);
    // Receipts settle first, then tails hear of it.
    queueMicrotask(() => {
      for (const namespace of touched) this.#tails.wake(namespace);
    });
  }

  #apply(receipt: Receipt, touched: Set<string>): void {
    const offsets = receipt.offsets;
    let appends = 0;
    for (const operation of receipt.operations) {
      switch (operation.type) {
        case "append":
          this.#append(operation, offsets[appends++]!);
          touched.add(operation.namespace);
          break;
        case "put":
          receipt.addVersion(this.#put(operation.kind, operation.key, operation.value));
          break;
        case "delete":
          this.#delete(operation.kind, operation.key);
          break;
        case "trim":
          receipt.addTrim(this.#trim(operation));
          break;
      }
    }
  }

  #append(operation: AppendOperation, offset: number): void {
    const data = this.#data;
    const isUnflushed = operation.flush === false;
    data.timeMs = Math.max(data.timeMs, operation.timeMs);
    const event: StoredEvent = {
      offset,
      timeMs: data.timeMs,
      rooms: [...operation.rooms],
      payload: bytesOf(operation.payload),
      except: [...(operation.except ?? [])],
      sender: operation.sender,
    };
    const space = data.namespace(operation.namespace);
    space.last = offset;
    if (isUnflushed) space.hasUnflushed = true;
    for (const room of operation.rooms) {
      data.log(operation.namespace, room).push(event, isUnflushed, space.removedThrough);
    }
    data.references.set(event, operation.rooms.length);
    data.events++;
    data.eventBytes += event.payload.length;
  }

  #put(kind: string, key: string, value: string | Uint8Array): number {
    const { keys, records } = this.#data.kind(kind);
    const bytes = bytesOf(value);
    const version = ++this.#data.version;
    const old = records.get(key);
    if (!old) keys.add(key);
    this.#data.recordBytes += bytes.length - (old?.value.length ?? -key.length);
    records.set(key, { key, value: bytes, version });
    return version;
  }

  #delete(kind: string, key: string): void {
    const { keys, records } = this.#data.kind(kind);
    const old = records.get(key);
    if (!old) return;
    records.delete(key);
    keys.remove(key);
    this.#data.recordBytes -= old.value.length + key.length;
  }

  #trim(operation: TrimOperation) {
    const data = this.#data;
    const space = data.namespace(operation.namespace);
    const log = space.logs.get(operation.room);
    if (!log) return { events: 0, more: false };
    const result = log.trim(operation, (event) => {
      const left = data.references.get(event)! - 1;
      if (left > 0) data.references.set(event, left);
      else {
        data.references.delete(event);
        data.events--;
        data.eventBytes -= event.payload.length;
      }
    });
    if (log.size === 0) {
      if (operation.trace !== false) space.removedThrough = Math.max(space.removedThrough, log.floor);
      data.removeLog(log);
    }
    return result;
  }

  #holds(preconditions: readonly Precondition[]): boolean {
    return preconditions.every(
      ({ kind, key, version }) => (this.#data.kinds.get(kind)?.records.get(key)?.version ?? 0) === version,
    );
  }

  #isFull(receipts: readonly Receipt[]): boolean {
    let bytes = this.#data.eventBytes + this.#data.recordBytes;
    const bytesMax = this.#options.bytesMax ?? 512 * 1024 * 1024;
    for (const { operations } of receipts) {
      for (const operation of operations) {
        if (operation.type === "append") bytes += operation.payload.length;
        else if (operation.type === "put") bytes += operation.value.length;
      }
    }
    return bytes > bytesMax;
  }

  #forgetEmptyLogs(receipts: readonly Receipt[]): void {
    for (const { operations } of receipts) {
      for (const operation of operations) {
        if (operation.type !== "append") continue;
        for (const room of operation.rooms) {
          const log = this.#data.namespace(operation.namespace).logs.get(room);
          if (log?.size === 0) this.#data.removeLog(log);
        }
      }
    }
  }

  #issuedIn(namespace: string): number {
    return Math.max(this.#issued.get(namespace) ?? 0, this.#data.namespaces.get(namespace)?.last ?? 0);
  }

  #check(): void {
    if (this.#closed) throw this.#closed;
  }
}

function grows({ type }: Operation): boolean {
  return type === "append" || type === "put";
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  // A copy: what the caller does to its buffer afterwards must not reach what is stored.
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
}
