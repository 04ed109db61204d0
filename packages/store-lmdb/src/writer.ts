import { type BatchWriter, type Operation, type Receipt, StoreError } from "@holdfast/core";
import { Arena } from "./arena.ts";
import { Batch } from "./batch.ts";
import { type Database, writeChanges } from "./database.ts";
import type { Directory } from "./directory.ts";
import type { DiskSpace } from "./disk-space.ts";
import { isUsable, lmdbError } from "./lmdb-error.ts";
import { NO_TOTALS, type Totals } from "./totals.ts";

/** Writes batches: one LMDB transaction each, one at a time. */
export class Writer implements BatchWriter {
  readonly #directory: Directory;
  readonly #onAppended: (namespace: string) => void;
  readonly #arena = new Arena();
  #database: Database | undefined;
  #space: DiskSpace | undefined;
  #broken: StoreError | undefined;
  readonly #heads = new WeakMap<Receipt, () => void>();
  totals: Totals = NO_TOTALS;

  constructor(directory: Directory, onAppended: (namespace: string) => void) {
    this.#directory = directory;
    this.#onAppended = onAppended;
  }

  open(database: Database, space: DiskSpace, totals: Totals): void {
    this.#database = database;
    this.#space = space;
    this.totals = totals;
  }

  admit(operation: Operation): void {
    // Before the store is open its names are unknown: then the batch itself makes what is missing.
    if (operation.type !== "append" || !this.#database) return;
    this.#directory.reserve(this.#directory.namespace(operation.namespace), operation.rooms);
  }

  assign(receipt: Receipt): void {
    const { operations } = receipt;
    if (operations.length === 0) this.#heads.get(receipt)?.();
    for (const operation of operations) {
      if (operation.type !== "append") continue;
      const namespace = this.#directory.namespace(operation.namespace);
      receipt.addOffset(++namespace.issued);
      receipt.isEarly = operation.flush === false && operations.length === 1 && namespace.facts.hasUnflushed;
    }
  }

  /** The offset issued last when a barrier takes its place. */
  headAt(barrier: Receipt, namespace: string): () => number {
    const issued = () => this.#directory.namespaces.get(namespace)?.issued ?? 0;
    let head = issued();
    // Nothing is issued before the store is open: then it takes its place behind what waits already.
    if (!this.#database)
      this.#heads.set(barrier, () => {
        head = issued();
      });
    return () => head;
  }

  async write(receipts: readonly Receipt[], weight: number): Promise<void> {
    if (this.#broken) throw this.#broken;
    const database = this.#database!;
    const growing = receipts.filter(({ operations }) => operations.some(grows));
    if (growing.length > 0) this.#refuseIfFull(growing, weight);
    let batch: Batch;
    try {
      batch = new Batch(database, this.#directory, this.#arena, this.totals, receipts);
    } catch (error) {
      this.#arena.reset();
      throw lmdbError(error);
    }
    try {
      if (batch.changes.length > 0) await writeChanges(database, batch.changes);
    } catch (error) {
      batch.discard();
      throw this.#explain(error);
    } finally {
      this.#arena.reset();
    }
    batch.apply();
    this.totals = batch.totals;
    // Receipts settle first, then tails hear of it.
    queueMicrotask(() => {
      for (const namespace of batch.namespaces) this.#onAppended(namespace);
    });
  }

  #refuseIfFull(growing: readonly Receipt[], weight: number): void {
    const refusal = this.#space!.refusal(weight);
    if (refusal === undefined) return;
    const error = new StoreError("STORE_FULL", refusal);
    for (const receipt of growing) receipt.fail(error);
    // What was reserved for them is not needed.
    for (const { operations } of growing) {
      for (const operation of operations) {
        if (operation.type === "append") this.#directory.unreserve(operation.namespace, operation.rooms);
      }
    }
  }

  // LMDB reports a write that was cut short by a full disk as an input/output error.
  #explain(error: unknown): StoreError {
    const explained = lmdbError(error);
    if (!isUsable(this.#database!)) this.#broken = explained;
    if (explained.code === "STORE_IO" && this.#space!.isDiskFull()) {
      return new StoreError("STORE_FULL", "The disk is full", error);
    }
    return explained;
  }
}

function grows({ type }: Operation): boolean {
  return type === "append" || type === "put";
}
