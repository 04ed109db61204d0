import { ChainNode } from "./chain.ts";

/** What a flusher calls when the tick ends. */
export interface Flushable {
  flush(): void;
}

/**
 * Writes each outbox that has something to send once per tick, and owns what the outboxes of one server share: the
 * root of this tick's chain. Nothing is written during a tick.
 */
export class Flusher {
  /** Where every outbox that is owed nothing stands. A fresh one each tick, so that chains die young. */
  root = new ChainNode(undefined, undefined);
  #dirty: Flushable[] = [];
  #appended: ChainNode[] = [];
  #reached: ChainNode[] = [];
  #isScheduled = false;
  readonly #endTick = () => this.flush();

  /** Flushes `outbox` when this tick ends. */
  mark(outbox: Flushable): void {
    this.#dirty.push(outbox);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#endTick);
  }

  /** `node.next` was set: to be cleared when the tick ends. */
  onAppend(node: ChainNode): void {
    this.#appended.push(node);
  }

  /** An outbox was written up to `node` and waits for a gate: what lies before it can go when the tick ends. */
  onReach(node: ChainNode): void {
    this.#reached.push(node);
  }

  flush(): void {
    const dirty = this.#dirty;
    const appended = this.#appended;
    this.#dirty = [];
    this.#appended = [];
    this.#isScheduled = false;
    this.root = new ChainNode(undefined, undefined);
    for (const outbox of dirty) {
      try {
        outbox.flush();
      } catch (error) {
        // a listener of one connection failed: the others must not wait for ever
        process.nextTick(rethrow, error);
      }
    }
    for (const node of appended) node.next = undefined;
    if (this.#reached.length === 0) return;
    const reached = this.#reached;
    this.#reached = [];
    for (const node of reached) node.forgetPast();
  }
}

/** As an uncaught exception, which it would have been. */
function rethrow(error: unknown): never {
  throw error;
}
