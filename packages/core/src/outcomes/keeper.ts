import type { CancelTimer, Clock } from "../log/index.ts";
import { afterPrefix, type Operation, type Store, type StoredRecord } from "../store/index.ts";
import { deleteReply, MARK, parseMark, REPLY, replyPrefix } from "./records.ts";

/** What all keys together may be. */
export interface KeeperLimits {
  readonly keysMax: number;
  readonly bytesMax: number;
  readonly ageMs: number;
}

/** A key that could be forgotten. */
interface Candidate {
  readonly id: string;
  readonly atMs: number;
  readonly isUnused: boolean;
  readonly bytes: number;
}

/** Who has keys in memory. */
export interface KeyUser {
  isInUse(id: string): boolean;
  /** It is about to be removed from the store. Only if it is not in use. */
  onForget(id: string): void;
}

const SWEEP_INTERVAL_MS = 3_600_000;
/** Room that a sweep makes, as a share of the limit, so that the next one is not due at once. */
const SLACK = 0.05;
const BATCH = 200;

/** Counts what is stored of all keys, and forgets those that were not used for the longest time. */
export class Keeper {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: KeeperLimits;
  readonly #onError: (error: Error) => void;
  readonly #user: KeyUser;
  /** Keys that are being forgotten, until that is done. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  #keys = 0;
  #bytes = 0;
  #opening: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;
  #cancel: CancelTimer | undefined;
  #isClosed = false;

  constructor(
    store: Store,
    clock: Clock,
    limits: KeeperLimits,
    onError: (error: Error) => void,
    user: KeyUser,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#onError = onError;
    this.#user = user;
  }

  get keys(): number {
    return this.#keys;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** No key can be added: those in use are too many, or a sweep can't keep up. */
  get isFull(): boolean {
    return this.#keys >= this.#limits.keysMax * (1 + SLACK) + 1;
  }

  /** So much is stored that each key keeps only what is being given out. */
  get isTight(): boolean {
    return this.#bytes > this.#limits.bytesMax;
  }

  /** Counts what there is, once. Rejects as the store does; then it is tried again when asked again. */
  ready(): Promise<void> {
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Resolves when nobody forgets this key. */
  async released(id: string): Promise<void> {
    await this.#leaving.get(id);
  }

  count(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
    if (this.#keys > this.#limits.keysMax || this.#bytes > this.#limits.bytesMax) this.#sweepSoon();
  }

  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  reopen(): void {
    this.#isClosed = false;
    this.#sweepLater();
  }

  async #open(): Promise<void> {
    await this.#store.opened;
    let keys = 0;
    let bytes = 0;
    for await (const record of this.#marks()) {
      keys++;
      bytes += parseMark(record).bytes;
    }
    this.#keys = keys;
    this.#bytes = bytes;
    this.#sweepLater();
  }

  #sweepLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#clock.after(SWEEP_INTERVAL_MS, () => {
      this.#sweepSoon();
      this.#sweepLater();
    });
  }

  #sweepSoon(): void {
    if (this.#sweeping || this.#isClosed) return;
    // tried again within the hour, or with the next outcome
    this.sweep().catch((error) => {
      if (!this.#isClosed) this.#onError(error);
    });
  }

  async #sweep(): Promise<void> {
    await this.ready();
    const { keysMax, bytesMax, ageMs } = this.#limits;
    const oldest = this.#clock.now() - ageMs;
    const candidates: Candidate[] = [];
    let keys = 0;
    let bytes = 0;
    for await (const record of this.#marks()) {
      const mark = parseMark(record);
      keys++;
      bytes += mark.bytes;
      if (this.#user.isInUse(record.key)) continue;
      candidates.push({ id: record.key, atMs: mark.atMs, isUnused: mark.through === 0, bytes: mark.bytes });
    }
    const goal = (max: number, now: number) => (now > max ? max * (1 - SLACK) : max);
    const keysGoal = goal(keysMax, keys);
    const bytesGoal = goal(bytesMax, bytes);
    // those that never did anything are missed least
    candidates.sort((a, b) => Number(b.isUnused) - Number(a.isUnused) || a.atMs - b.atMs);
    let batch: string[] = [];
    for (const candidate of candidates) {
      const helps = keys > keysGoal || (bytes > bytesGoal && candidate.bytes > 0);
      if (!helps && candidate.atMs >= oldest) continue;
      if (this.#isClosed) return;
      keys--;
      bytes -= candidate.bytes;
      batch.push(candidate.id);
      if (batch.length < BATCH) continue;
      await this.#forget(batch);
      batch = [];
    }
    await this.#forget(batch);
  }

  async #forget(ids: readonly string[]): Promise<void> {
    // asked in the turn in which they are locked
    const forgotten = ids.filter((id) => !this.#user.isInUse(id));
    for (const id of forgotten) this.#user.onForget(id);
    const done = this.#delete(forgotten);
    const settled = done.catch(() => {});
    for (const id of forgotten) this.#leaving.set(id, settled);
    try {
      await done;
    } finally {
      for (const id of forgotten) this.#leaving.delete(id);
    }
  }

  async #delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const operations: Operation[] = [{ type: "delete", kind: MARK, key: id }];
      const mark = await this.#store.get(MARK, id);
      if (!mark) continue;
      const { bytes } = parseMark(mark);
      for await (const { key } of this.#walk(REPLY, replyPrefix(id))) operations.push(deleteReply(key));
      await this.#store.commit(operations).durable();
      this.count(-1, -bytes);
    }
  }

  #marks(): AsyncGenerator<StoredRecord> {
    return this.#walk(MARK, "");
  }

  async *#walk(kind: string, prefix: string): AsyncGenerator<StoredRecord> {
    const to = prefix === "" ? undefined : afterPrefix(prefix);
    for (let from = prefix, isDone = false; !isDone; ) {
      const chunk = await this.#store.records({ kind, from: from === "" ? undefined : from, to });
      yield* chunk.records;
      const last = chunk.records[chunk.records.length - 1];
      isDone = chunk.done || !last;
      if (last) from = `${last.key}\0`;
    }
  }
}
