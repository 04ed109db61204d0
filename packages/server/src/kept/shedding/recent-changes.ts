import type { StoredAs } from "../../outbox/index.ts";

type Flush = StoredAs["receipt"]["flush"];

/** Of an event; 0 as long as the store has not told, which it has when the event reaches connections. */
export interface Place {
  readonly offset: number;
}

/** A socket has joined the room of a log, or left it. */
export interface RoomChange {
  readonly log: string;
  readonly isJoin: boolean;
  /** The newest event issued before. */
  readonly after: Place;
}

/** Changes while one flush was the newest. */
interface Batch {
  readonly flush: Flush;
  readonly changes: Map<object, RoomChange[]>;
  count: number;
}

/** So many are remembered; with more on their way, as when a disk hangs, nobody can be told apart any more. */
const CHANGES_MAX = 100_000;

/**
 * Who has joined and left which room since the oldest event that has not reached the connections yet: whoever falls
 * behind with such an event was perhaps no member when it was issued.
 */
export class RecentChanges {
  #batches: Batch[] = [];
  #count = 0;
  /** Of the newest event. */
  #flush: Flush | undefined;

  /** Too much has changed to know. */
  get isFull(): boolean {
    return this.#count > CHANGES_MAX;
  }

  /** An event has been issued. */
  onIssue(flush: Flush): void {
    this.#flush = flush;
  }

  add(socket: object, change: RoomChange): void {
    const flush = this.#flush;
    if (!flush) return;
    let batch = this.#batches.at(-1);
    if (batch?.flush !== flush) {
      batch = { flush, changes: new Map(), count: 0 };
      this.#batches.push(batch);
      this.#dropAfter(batch);
    }
    this.#count++;
    batch.count++;
    if (this.isFull) return;
    const changes = batch.changes.get(socket);
    if (changes) changes.push(change);
    else batch.changes.set(socket, [change]);
  }

  /** In their order. */
  of(socket: object): RoomChange[] {
    return this.#batches.flatMap(({ changes }) => changes.get(socket) ?? []);
  }

  #dropAfter(batch: Batch): void {
    batch.flush.onSettled(() => {
      // once what has come through has been given to the connections, when the tick ends
      setImmediate(() => setImmediate(() => this.#drop(batch)));
    });
  }

  #drop(batch: Batch): void {
    this.#batches = this.#batches.filter((other) => other !== batch);
    this.#count -= batch.count;
    if (this.#flush === batch.flush) this.#flush = undefined;
  }
}
