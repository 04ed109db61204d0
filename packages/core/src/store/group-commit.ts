import { checkKey, weigh } from "./limits.ts";
import type { Operation, Precondition } from "./operations.ts";
import { Flush, Receipt } from "./receipt.ts";
import { StoreError } from "./store-error.ts";

/** The part of a driver that writes. */
export interface BatchWriter {
  /** May throw a StoreError to refuse an operation before it takes its place. */
  admit(operation: Operation): void;
  /** Gives a receipt's appends their offsets. Called once per receipt, in order, once the store is open. */
  assign(receipt: Receipt): void;
  /**
   * Makes the receipts durable, in order, then resolves. It MUST refuse a receipt whose preconditions do not hold,
   * through `receipt.fail`, and go on with the others. A rejection means that nothing of the batch was written,
   * and fails what is still pending of it. Never called while an earlier call is unsettled. The batch's weight is
   * about its bytes.
   */
  write(receipts: readonly Receipt[], weight: number): Promise<void>;
}

interface Batch {
  readonly flush: Flush;
  readonly receipts: Receipt[];
  weight: number;
  appends: boolean;
  trims: boolean;
}

export interface GroupCommitOptions {
  /** Bytes that may wait for their flush. Default 64 MB. */
  readonly pendingBytesMax?: number | undefined;
}

/** One flush holds no more than this, so that encoding a burst does not hold up the event loop for long. */
const BATCH_BYTES_MAX = 16 * 1024 * 1024;
const BATCH_RECEIPTS_MAX = 32_768;

const NO_PRECONDITIONS: readonly Precondition[] = [];

/**
 * Gathers what is issued while a flush is under way, or within one tick, into one batch, and writes batch after
 * batch. Shared by drivers.
 */
export class GroupCommit {
  readonly #writer: BatchWriter;
  readonly #pendingBytesMax: number;
  #queue: Batch[] = [];
  #isOpen = false;
  #isWriting = false;
  #isScheduled = false;
  #refusal: StoreError | undefined;
  #pendingBytes = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(writer: BatchWriter, { pendingBytesMax = 64 * 1024 * 1024 }: GroupCommitOptions = {}) {
    this.#writer = writer;
    this.#pendingBytesMax = pendingBytesMax;
  }

  /** Bytes that wait for their flush, about. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  submit(
    operations: Operation | readonly Operation[],
    preconditions: readonly Precondition[] = NO_PRECONDITIONS,
  ): Receipt {
    const list = Array.isArray(operations) ? (operations as readonly Operation[]) : [operations as Operation];
    if (this.#refusal) return refused(list, preconditions, this.#refusal);
    let weight = 64;
    let appends = false;
    let trims = false;
    try {
      for (const operation of list) {
        weight += weigh(operation);
        if (operation.type === "append") appends = true;
        else if (operation.type === "trim") trims = true;
      }
      for (const precondition of preconditions) checkKey(precondition);
      if (appends && trims) {
        throw new StoreError("STORE_UNSUPPORTED", "One commit cannot append and trim");
      }
      if (this.#pendingBytes + weight > this.#pendingBytesMax && list.length > 0) {
        throw new StoreError("STORE_BUSY", `More than ${this.#pendingBytesMax} bytes wait for their flush`);
      }
      // Last, since it may take up room that a refusal would have to give back.
      for (const operation of list) this.#writer.admit(operation);
    } catch (error) {
      return refused(list, preconditions, StoreError.from(error));
    }
    const batch = this.#batchFor(weight, appends, trims);
    const receipt = new Receipt(batch.flush, list, preconditions);
    batch.receipts.push(receipt);
    this.#pendingBytes += weight;
    if (this.#isOpen) {
      this.#writer.assign(receipt);
      this.#schedule();
    }
    return receipt;
  }

  /** Starts writing: the store is open. */
  open(): void {
    this.#isOpen = true;
    for (const batch of this.#queue) {
      for (const receipt of batch.receipts) this.#writer.assign(receipt);
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  /** Refuses what comes, and fails what waits unless it is being written. */
  abandon(error: StoreError): void {
    this.#refusal = error;
    const abandoned = this.#queue;
    this.#queue = [];
    for (const batch of abandoned) this.#settle(batch, error);
    this.#wake();
  }

  /** Refuses what comes and settles nothing any more, as a process that was killed. */
  freeze(error: StoreError): void {
    this.#refusal = error;
    this.#queue = [];
  }

  /** Refuses what comes, and resolves when everything issued has settled. */
  async drain(error: StoreError): Promise<void> {
    this.#refusal = error;
    if (!this.#isWriting && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #batchFor(weight: number, appends: boolean, trims: boolean): Batch {
    const last = this.#queue[this.#queue.length - 1];
    if (
      last &&
      last.receipts.length < BATCH_RECEIPTS_MAX &&
      (last.weight === 0 || last.weight + weight <= BATCH_BYTES_MAX) &&
      !(appends && last.trims) &&
      !(trims && last.appends)
    ) {
      last.weight += weight;
      last.appends ||= appends;
      last.trims ||= trims;
      return last;
    }
    const batch: Batch = { flush: new Flush(), receipts: [], weight, appends, trims };
    this.#queue.push(batch);
    return batch;
  }

  // Not at once when a flush ends: what its listeners issue in return belongs to the next one.
  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeNext();
    });
  }

  #writeNext(): void {
    const batch = this.#queue.shift();
    if (!batch) {
      this.#wake();
      return;
    }
    this.#isWriting = true;
    const end = (error?: StoreError) => {
      this.#isWriting = false;
      this.#settle(batch, error);
      if (this.#queue.length > 0) this.#schedule();
      else this.#wake();
    };
    this.#writer.write(batch.receipts, batch.weight).then(
      () => end(),
      (error) => end(StoreError.from(error)),
    );
  }

  #settle(batch: Batch, error: StoreError | undefined): void {
    this.#pendingBytes -= batch.weight;
    let shared = error;
    for (const receipt of batch.receipts) {
      if (receipt.state === "failed") {
        if (receipt.preconditions.length === 0) shared ??= receipt.error;
      } else if (error && (receipt.operations.length > 0 || this.#refusal === error)) receipt.fail(error);
      else receipt.state = "durable";
    }
    batch.flush.settle(shared);
  }

  #wake(): void {
    if (this.#isWriting || this.#queue.length > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function refused(
  operations: readonly Operation[],
  preconditions: readonly Precondition[],
  error: StoreError,
): Receipt {
  const flush = new Flush();
  const receipt = new Receipt(flush, operations, preconditions);
  receipt.fail(error);
  flush.settle(error);
  return receipt;
}
