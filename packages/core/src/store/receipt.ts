import type { CommitResult, Operation, Precondition, TrimResult } from "./operations.ts";
import type { StoreError } from "./store-error.ts";

/**
 * What happens to everything that shares one flush: what a gate waits for.
 *
 * It settles once, after all its receipts did, and after every flush before it.
 */
export class Flush {
  /** Why appends and puts without preconditions failed, if they did. */
  error: StoreError | undefined;
  isSettled = false;
  #listeners: (() => void)[] = [];

  /** Calls back when settled, in order of registration; at once if it already is. A listener must not throw. */
  onSettled(listener: () => void): void {
    if (this.isSettled) listener();
    else this.#listeners.push(listener);
  }

  /** For drivers: after every receipt of this flush has settled. */
  settle(error?: StoreError): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.error = error;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) {
      try {
        listener();
      } catch (thrown) {
        // A broken listener is a bug that must surface, but not one that keeps other gates closed.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
}

const NO_OFFSETS: readonly number[] = [];

/**
 * The state of one `commit`. No promise is made unless somebody asks for one: a tick of ten thousand events costs
 * ten thousand of these and one flush.
 */
export class Receipt {
  readonly flush: Flush;
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
  state: "pending" | "durable" | "failed" = "pending";
  /** Set once failed. */
  error: StoreError | undefined;
  /**
   * Offset of the first append, 0 until it is known. Drivers that own their namespace know it when `commit`
   * returns, others when it has settled.
   */
  offset = 0;
  /** True if this may be shown before its flush: a `flush: false` event whose offset is known. */
  isEarly = false;
  /** Offsets of all appends, where there is more than one. */
  #offsets: number[] | undefined;
  #versions: number[] | undefined;
  #trims: TrimResult[] | undefined;

  constructor(flush: Flush, operations: readonly Operation[], preconditions: readonly Precondition[]) {
    this.flush = flush;
    this.operations = operations;
    this.preconditions = preconditions;
  }

  /** Offsets of all appends, in order. */
  get offsets(): readonly number[] {
    return this.#offsets ?? (this.offset === 0 ? NO_OFFSETS : [this.offset]);
  }

  /** Resolves when all of it is durable, rejects with a StoreError when none of it will be. */
  durable(): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      if (this.state === "failed") reject(this.error);
      else
        this.flush.onSettled(() => {
          if (this.state === "failed") reject(this.error);
          else resolve({ offsets: this.offsets, versions: this.#versions ?? [], trims: this.#trims ?? [] });
        });
    });
  }

  /** For drivers, in the order of the operations. */
  addOffset(offset: number): void {
    if (this.offset === 0) this.offset = offset;
    else if (this.#offsets) this.#offsets.push(offset);
    else this.#offsets = [this.offset, offset];
  }

  /** For drivers, in the order of the operations. */
  addVersion(version: number): void {
    if (this.#versions) this.#versions.push(version);
    else this.#versions = [version];
  }

  /** For drivers, in the order of the operations. */
  addTrim(trim: TrimResult): void {
    if (this.#trims) this.#trims.push(trim);
    else this.#trims = [trim];
  }

  /** For drivers: none of it is or will be written. */
  fail(error: StoreError): void {
    if (this.state !== "pending") return;
    this.state = "failed";
    this.error = error;
  }
}
