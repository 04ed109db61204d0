import type { Store } from "../store/index.ts";
import { decodeJob, type StoredJob } from "./job-record.ts";
import { KIND, type QueueKeys } from "./keys.ts";

export interface ReadyJob {
  readonly key: string;
  readonly job: StoredJob;
}

/** Bounds of what is held in memory of the jobs that wait. */
const HELD_MAX = 8192;
const HELD_BYTES_MAX = 16 * 1024 * 1024;
/** What one read brings at most, and below how much there is one. */
const CHUNK = 2048;
const CHUNK_BYTES = 4 * 1024 * 1024;
const LOW = 1024;

/**
 * The jobs that wait, in the order in which they start. Memory holds the first few thousand; the others stay in
 * the store until it is nearly their turn.
 *
 * What holds: every flushed job that waits and whose key is before `#end` is in `#held`.
 */
export class ReadyJobs {
  readonly #store: Store;
  readonly #keys: QueueKeys;
  readonly #onRead: () => void;
  readonly #onError: (error: unknown) => void;
  #held: ReadyJob[] = [];
  /** Index of the first one in `#held`; those before it are gone. */
  #first = 0;
  #bytes = 0;
  /** Excluded; undefined: there are no others. */
  #end: string | undefined;
  /** Stored among the jobs that wait, but taken: they run, or are on their way elsewhere. */
  readonly #taken = new Set<string>();
  #isReading = false;
  /** What came while a read was under way that may or may not have seen it. */
  #late: ReadyJob[] = [];
  readonly #goneLate = new Set<string>();

  constructor(store: Store, keys: QueueKeys, onRead: () => void, onError: (error: unknown) => void) {
    this.#store = store;
    this.#keys = keys;
    this.#onRead = onRead;
    this.#onError = onError;
  }

  /** Starts reading. */
  open(): void {
    this.#end = this.#keys.prefix;
    this.read();
  }

  /** True if no flushed job waits to be taken. */
  get isDrained(): boolean {
    return this.#end === undefined && !this.#isReading && this.held === 0;
  }

  /** True if nothing waits or runs, as far as the store knows too. */
  get isEmpty(): boolean {
    return this.isDrained && this.#taken.size === 0;
  }

  get held(): number {
    return this.#held.length - this.#first;
  }

  /** A job is being written that will wait: not before it is flushed, though a read may see it earlier. */
  expect(key: string): void {
    this.#taken.add(key);
  }

  /** A job waits now: it is flushed. Also one that was taken and has come back. */
  add(ready: ReadyJob): void {
    this.#taken.delete(ready.key);
    this.#goneLate.delete(ready.key);
    if (this.#end !== undefined && ready.key >= this.#end) {
      if (this.#isReading) this.#late.push(ready);
      return;
    }
    this.#insert(ready);
    if (!this.#isReading) this.#shrink();
  }

  /** The first job; it stays taken until it comes back or is gone. Undefined: none, or none read yet. */
  take(): ReadyJob | undefined {
    const ready = this.#held[this.#first];
    if (this.held < LOW) this.read();
    if (!ready) return undefined;
    this.#first++;
    if (this.#first >= 1024 && this.#first * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
    this.#bytes -= ready.job.body.bytes.length;
    this.#taken.add(ready.key);
    return ready;
  }

  /** Takes a certain one, wherever it is: it will not start. */
  withhold(key: string): void {
    this.#taken.add(key);
    const index = this.#indexOf(key);
    const ready = this.#held[index];
    if (ready?.key !== key || index < this.#first) return;
    this.#held.splice(index, 1);
    this.#bytes -= ready.job.body.bytes.length;
  }

  /** One that was taken is not among the stored ones any more: that is flushed. */
  gone(key: string): void {
    if (this.#isReading) this.#goneLate.add(key);
    else this.#taken.delete(key);
  }

  /** Reads on, if there is anything to read. */
  read(): void {
    if (this.#isReading || this.#end === undefined || this.#bytes > CHUNK_BYTES) return;
    this.#isReading = true;
    this.#readChunk().then(
      () => {
        if (this.held < LOW && this.#end !== undefined && this.#bytes <= CHUNK_BYTES) this.read();
        this.#onRead();
      },
      (error) => {
        this.#endRead();
        this.#onError(error);
      },
    );
  }

  async #readChunk(): Promise<void> {
    const { records, done } = await this.#store.records({
      kind: KIND.ready,
      from: this.#end,
      to: this.#keys.end,
      limit: CHUNK,
      bytes: CHUNK_BYTES,
    });
    for (const { key, value } of records) {
      if (!this.#taken.has(key)) this.#insert({ key, job: decodeJob(this.#keys.placeOf(key).seq, value) });
    }
    const last = records[records.length - 1];
    this.#end = done || !last ? undefined : `${last.key}\0`;
    this.#endRead();
    this.#shrink();
  }

  #endRead(): void {
    this.#isReading = false;
    const late = this.#late;
    this.#late = [];
    // One may have been taken since, by somebody who removes it.
    for (const ready of late) if (!this.#taken.has(ready.key)) this.add(ready);
    for (const key of this.#goneLate) this.#taken.delete(key);
    this.#goneLate.clear();
  }

  #insert(ready: ReadyJob): void {
    const last = this.#held[this.#held.length - 1];
    if (!last || last.key < ready.key || this.held === 0) this.#held.push(ready);
    else {
      const index = this.#indexOf(ready.key);
      if (this.#held[index]?.key === ready.key) return;
      this.#held.splice(index, 0, ready);
    }
    this.#bytes += ready.job.body.bytes.length;
  }

  /** Index of the first held one whose key is not smaller. */
  #indexOf(key: string): number {
    let low = this.#first;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#held[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Lets go of the last ones, where there are too many. */
  #shrink(): void {
    if (this.held <= HELD_MAX && this.#bytes <= HELD_BYTES_MAX) return;
    while (this.held > HELD_MAX / 2 || (this.#bytes > HELD_BYTES_MAX / 2 && this.held > 1)) {
      const { key, job } = this.#held.pop()!;
      this.#bytes -= job.body.bytes.length;
      this.#end = key;
    }
  }
}
