import type { Operation, Precondition, Store } from "../store/index.ts";
import { afterPrefix } from "../store/index.ts";
import {
  type Batch,
  deleteReply,
  encodeBatch,
  findInBatch,
  MARK,
  type Mark,
  parseBatch,
  parseMark,
  putMark,
  REPLY,
  replyKey,
  replyPrefix,
  type StoredOutcome,
} from "./records.ts";

/** How much is remembered of one key. */
export interface LedgerLimits {
  /** Outcomes; the oldest are forgotten first. */
  readonly outcomesMax: number;
  /** Their bytes. */
  readonly bytesMax: number;
}

/** A change of a ledger that a commit is to bring. */
export interface Draft {
  /** The mark comes first. */
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
  /** What it means for the store as a whole. */
  readonly bytes: number;
  readonly isNewKey: boolean;
  /** The commit succeeded. `version` of its first operation, where that is asked for. */
  adopt(version?: number): void;
}

/** All that is known of one key: through where its entries have an outcome, and where the outcomes are. */
export class Ledger {
  readonly id: string;
  readonly #store: Store;
  readonly #limits: LedgerLimits;
  #batches: readonly Batch[] = [];
  #bytes = 0;
  #outcomes = 0;
  #through = 0;
  #low = 1;
  #atMs = 0;
  #version = 0;
  #isStored = false;
  /** As in {@link Mark}. */
  user: Mark["user"] = undefined;
  /**
   * True if the client says that it has sent entries before and there is no mark: what came of them has been
   * forgotten.
   */
  isDoubtful = false;

  constructor(store: Store, id: string, limits: LedgerLimits) {
    this.id = id;
    this.#store = store;
    this.#limits = limits;
  }

  /** All entries up to this sequence have an outcome. */
  get through(): number {
    return this.#through;
  }

  /** Whether there is a mark on disk. */
  get isStored(): boolean {
    return this.#isStored;
  }

  get atMs(): number {
    return this.#atMs;
  }

  /** Bytes of outcomes on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads what is stored. Nothing may be committed meanwhile. */
  async load(): Promise<void> {
    const record = await this.#store.get(MARK, this.id);
    const batches: Batch[] = [];
    const mark = record && parseMark(record);
    if (mark && mark.outcomes > 0) {
      const prefix = replyPrefix(this.id);
      for (let from = prefix, isDone = false; !isDone; ) {
        const { records, done } = await this.#store.records({ kind: REPLY, from, to: afterPrefix(prefix) });
        for (const reply of records) batches.push(parseBatch(reply));
        isDone = done || records.length === 0;
        if (!isDone) from = `${records[records.length - 1]!.key}\0`;
      }
    }
    this.#isStored = mark !== undefined;
    this.#version = record?.version ?? 0;
    this.#through = mark?.through ?? 0;
    this.#atMs = mark?.atMs ?? 0;
    this.user = mark?.user;
    this.#setBatches(batches);
  }

  /** The client has the outcomes of all entries below this sequence: they go with the next commit. */
  forgetBelow(low: number): void {
    if (low > this.#low) this.#low = low;
  }

  /** The outcome of an entry; undefined if it is not, or no longer, known. */
  async find(sequence: number): Promise<Uint8Array | undefined> {
    const batch = this.#batches.find(({ first, last }) => first <= sequence && sequence <= last);
    const record = batch && (await this.#store.get(REPLY, replyKey(this.id, batch)));
    return record && findInBatch(record, sequence);
  }

  /**
   * Adds outcomes, in order and behind all others, or only notes that the key is used.
   *
   * @param isTight what is not needed for these outcomes is forgotten
   */
  draft(outcomes: readonly StoredOutcome[], nowMs: number, isTight = false): Draft {
    const added = outcomes.length > 0 ? encodeBatch(outcomes) : undefined;
    const [kept, dropped] = this.#divide(added?.batch, isTight);
    const through = added ? added.batch.last : this.#through;
    const bytes = sum(kept, ({ bytes }) => bytes);
    const mark: Mark = {
      through,
      user: this.user,
      atMs: nowMs,
      outcomes: sum(kept, (batch) => batch.outcomes),
      bytes,
    };
    const operations: Operation[] = [putMark(this.id, mark)];
    if (added) {
      const key = replyKey(this.id, added.batch);
      operations.push({ type: "put", kind: REPLY, key, value: added.value });
    }
    for (const batch of dropped) operations.push(deleteReply(replyKey(this.id, batch)));
    const { shared } = this.#store.capabilities;
    return {
      operations,
      preconditions: shared ? [{ kind: MARK, key: this.id, version: this.#version }] : [],
      bytes: bytes - this.#bytes,
      isNewKey: !this.#isStored,
      adopt: (version = 0) => {
        this.#through = through;
        this.#atMs = nowMs;
        this.#version = version;
        this.#isStored = true;
        this.isDoubtful = false;
        this.#setBatches(kept);
      },
    };
  }

  /** What stays and what goes once this batch is added. */
  #divide(added: Batch | undefined, isTight: boolean): [Batch[], readonly Batch[]] {
    const { outcomesMax, bytesMax } = this.#limits;
    let outcomes = this.#outcomes + (added?.outcomes ?? 0);
    let bytes = this.#bytes + (added?.bytes ?? 0);
    const isTooMuch = () => outcomes > outcomesMax || bytes > bytesMax || isTight;
    let goes = 0;
    for (const batch of this.#batches) {
      if (batch.last >= this.#low && !isTooMuch()) break;
      outcomes -= batch.outcomes;
      bytes -= batch.bytes;
      goes++;
    }
    const kept = this.#batches.slice(goes);
    if (added) kept.push(added);
    return [kept, this.#batches.slice(0, goes)];
  }

  #setBatches(batches: readonly Batch[]): void {
    this.#batches = batches;
    this.#bytes = sum(batches, ({ bytes }) => bytes);
    this.#outcomes = sum(batches, ({ outcomes }) => outcomes);
  }
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  let total = 0;
  for (const item of list) total += value(item);
  return total;
}
