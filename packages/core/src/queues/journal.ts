import type { Operation, Receipt, Store, StoreError } from "../store/index.ts";

/** Records of a queue, by kind: what its counts are made of. */
export interface Tally {
  /** Jobs that wait or run. */
  ready: number;
  parked: number;
  finished: number;
  dead: number;
}

export const NO_CHANGE: Partial<Tally> = {};

interface Turn {
  readonly operations: Operation[];
  readonly entries: { readonly change: Partial<Tally>; readonly settled: (error?: StoreError) => void }[];
  bytes: number;
}

/** One commit holds about so much, so that a burst of large jobs is not refused as a whole. */
const TURN_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Gathers what a queue writes in one turn of the event loop into one commit, with its counts: adds, attempts and
 * outcomes alike. Calls back in the order of the writes, once they are flushed or have failed.
 */
export class Journal {
  /** As of everything flushed. */
  readonly flushed: Tally = { ready: 0, parked: 0, finished: 0, dead: 0 };
  /** As of everything written, flushed or not: what the next commit says. */
  readonly written: Tally = { ready: 0, parked: 0, finished: 0, dead: 0 };
  readonly #store: Store;
  readonly #seal: () => Operation[];
  #turns: Turn[] = [];
  #isScheduled = false;
  #isStale = false;
  #pending = 0;
  #idleWaiters: (() => void)[] = [];

  /** `seal` gives what belongs to each commit: the queue's own record, and the log of finished jobs. */
  constructor(store: Store, seal: () => Operation[]) {
    this.#store = store;
    this.#seal = seal;
  }

  /** Starts from what is stored. */
  open(tally: Tally): void {
    Object.assign(this.flushed, tally);
    Object.assign(this.written, tally);
  }

  write(
    operations: readonly Operation[],
    change: Partial<Tally>,
    settled: (error?: StoreError) => void,
  ): void {
    let bytes = 0;
    for (const operation of operations) if (operation.type === "put") bytes += operation.value.length;
    // What is written by sealing is part of the first commit of a turn.
    let turn = this.#turns[operations.length === 0 ? 0 : this.#turns.length - 1];
    if (!turn || (turn.bytes > 0 && turn.bytes + bytes > TURN_BYTES_MAX)) {
      turn = { operations: [], entries: [], bytes: 0 };
      this.#turns.push(turn);
    }
    for (const operation of operations) turn.operations.push(operation);
    turn.bytes += bytes;
    turn.entries.push({ change, settled });
    add(this.written, change, 1);
    this.#pending++;
    this.touch();
  }

  /**
   * Resolves when the write is flushed, rejects with its error. `settled` is called in the turn in which that is known:
   * nobody reads in between.
   */
  put(
    operations: readonly Operation[],
    change: Partial<Tally> = NO_CHANGE,
    settled?: (error?: StoreError) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) =>
      this.write(operations, change, (error) => {
        settled?.(error);
        if (error) reject(error);
        else resolve();
      }),
    );
  }

  /** Somebody else's commit changes this queue too. */
  follow(receipt: Receipt, change: Partial<Tally>, settled: (error?: StoreError) => void): void {
    add(this.written, change, 1);
    this.#pending++;
    this.touch();
    receipt.flush.onSettled(() => {
      const error = receipt.state === "failed" ? receipt.error : undefined;
      this.#settle(change, error, settled);
      this.#wake();
    });
  }

  /** True if all that was written in this turn so far is one commit. */
  get isOneCommit(): boolean {
    return this.#turns.length <= 1;
  }

  /** True if something written waits for its flush. */
  get isBusy(): boolean {
    return this.#pending > 0 || this.#isScheduled;
  }

  /** The queue's own record is to be written with the next commit, even if nothing else is. */
  touch(): void {
    this.#isStale = true;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#commit());
  }

  /** Resolves when nothing written waits for its flush any more. */
  async idle(): Promise<void> {
    if (!this.isBusy) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #commit(): void {
    this.#isScheduled = false;
    const turns = this.#turns;
    this.#turns = [];
    if (turns.length === 0) turns.push({ operations: [], entries: [], bytes: 0 });
    for (let i = 0; i < turns.length; i++) {
      const { operations, entries } = turns[i]!;
      if (i === 0 && this.#isStale) {
        this.#isStale = false;
        operations.push(...this.#seal());
      }
      this.#pending++;
      const receipt = this.#store.commit(operations);
      receipt.flush.onSettled(() => {
        this.#pending--;
        const error = receipt.state === "failed" ? receipt.error : undefined;
        for (const { change, settled } of entries) this.#settle(change, error, settled);
        this.#wake();
      });
    }
  }

  #settle(
    change: Partial<Tally>,
    error: StoreError | undefined,
    settled: (error?: StoreError) => void,
  ): void {
    this.#pending--;
    if (error) {
      add(this.written, change, -1);
      // Corrected with the next commit that there is a reason for: a store that fails should not be asked in a loop.
      this.#isStale = true;
    } else add(this.flushed, change, 1);
    settled(error);
  }

  #wake(): void {
    if (this.isBusy) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function add(tally: Tally, change: Partial<Tally>, sign: 1 | -1): void {
  if (change.ready) tally.ready += sign * change.ready;
  if (change.parked) tally.parked += sign * change.parked;
  if (change.finished) tally.finished += sign * change.finished;
  if (change.dead) tally.dead += sign * change.dead;
}
