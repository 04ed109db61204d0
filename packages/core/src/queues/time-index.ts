import type { CancelTimer, Clock } from "../log/clock.ts";
import { type Store, type StoredRecord, sortable } from "../store/index.ts";
import { isOver } from "./failure.ts";
import type { QueueKeys } from "./keys.ts";

/** Read at a time. */
const CHUNK = 500;
/** Wall time may jump while a timer sleeps: it is looked at so often. */
const SLEEP_MAX_MS = 60_000;
const RETRY_MS = 1000;

export interface TimeIndexOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: QueueKeys;
  /** Of its records, keyed by wall time. */
  readonly kind: string;
  /** They are due so long after the time in their keys. Default 0. */
  readonly ageMs?: number | undefined;
  /** Deals with records whose time has come. They MUST be gone once it resolves. */
  onDue(records: readonly StoredRecord[]): Promise<void>;
  onError(error: unknown): void;
}

/** A stored index of moments of wall time, and one timer for the first of them. */
export class TimeIndex {
  readonly #options: TimeIndexOptions;
  readonly #ageMs: number;
  /** When the first one is due. */
  #nextMs = Infinity;
  #cancel: CancelTimer | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: TimeIndexOptions) {
    this.#options = options;
    this.#ageMs = options.ageMs ?? 0;
  }

  /** Reads when the first one is due. */
  async open(): Promise<void> {
    await this.#findNext();
  }

  /** A record for this time was flushed. */
  note(timeMs: number): void {
    if (timeMs + this.#ageMs >= this.#nextMs) return;
    this.#nextMs = timeMs + this.#ageMs;
    this.#schedule();
  }

  /** Resolves when what was under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  #schedule(retryMs = 0): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#isClosed || this.#running || this.#nextMs === Infinity) return;
    const ms = Math.max(retryMs, Math.ceil(this.#nextMs - this.#options.clock.now()));
    this.#cancel = this.#options.clock.after(Math.min(ms, SLEEP_MAX_MS), () => this.#wake());
  }

  #wake(): void {
    if (this.#options.clock.now() < this.#nextMs) {
      this.#schedule();
      return;
    }
    this.#nextMs = Infinity;
    this.#running = this.#run().then(
      () => {
        this.#running = undefined;
        this.#schedule();
      },
      (error) => {
        this.#running = undefined;
        this.#nextMs = Math.min(this.#nextMs, this.#options.clock.now());
        if (!this.#isClosed) this.#options.onError(error);
        if (!isOver(error)) this.#schedule(RETRY_MS);
      },
    );
  }

  async #run(): Promise<void> {
    const { store, clock, keys, kind, onDue } = this.#options;
    while (!this.#isClosed) {
      const to = keys.prefix + sortable(Math.max(0, clock.now() - this.#ageMs + 1));
      const { records } = await store.records({ kind, from: keys.prefix, to, limit: CHUNK });
      if (records.length === 0) break;
      await onDue(records);
    }
    await this.#findNext();
  }

  async #findNext(): Promise<void> {
    const { store, keys, kind } = this.#options;
    const { records } = await store.records({ kind, from: keys.prefix, to: keys.end, limit: 1 });
    if (records[0]) this.note(keys.timeOf(records[0].key));
  }
}
