import type { Backlog } from "./backlog.ts";
import { ChainNode } from "./chain.ts";

/** What a flusher calls when the tick ends. */
export interface Flushable {
  flush(): void;
}

/** Connections that are sent the same packets in the same shape: they share a chain. */
export class Lane {
  /** Where every outbox that is owed nothing stands. A fresh one each tick, so that chains die young. */
  root = new ChainNode(undefined, undefined);
}

/**
 * Writes each outbox that has something to send once per tick, and owns what the outboxes of one server share: the
 * roots of this tick's chains. Nothing is written during a tick.
 */
export class Flusher {
  /** Of nearly all connections. */
  readonly lane = new Lane();
  /** Of those with a socket whose events end in one more argument: beside the others, each would be a chain of its own. */
  readonly stampedLane = new Lane();
  /** What waits for all of them. */
  readonly backlog: Backlog;
  #dirty: Flushable[] = [];
  #appended: ChainNode[] = [];
  #reached: ChainNode[] = [];
  #isScheduled = false;
  readonly #endTick = () => this.flush();

  constructor(backlog: Backlog) {
    this.backlog = backlog;
  }

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
    this.lane.root = new ChainNode(undefined, undefined);
    this.stampedLane.root = new ChainNode(undefined, undefined);
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
