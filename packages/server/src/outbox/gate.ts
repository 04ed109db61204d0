/** What waits at a gate: told once, when it opens or fails. */
export interface GateWaiter {
  onGate(): void;
}

/**
 * Holds back packets that nobody may see yet: those of one commit that is on its way to disk. An outbox is written up
 * to its first closed gate. Gates of one process open in the order in which they were made: whoever opens them MUST
 * keep to that, since an outbox looks only at the newest gate of its chain.
 */
export class Gate {
  #state: "closed" | "open" | "failed" = "closed";
  #waiters = new Set<GateWaiter>();

  /** False until {@link open} or {@link fail}. */
  get isPassable(): boolean {
    return this.#state !== "closed";
  }

  /** True when the commit failed: the packets behind this gate are never delivered. */
  get hasFailed(): boolean {
    return this.#state === "failed";
  }

  /** The packets may leave. Only the first call of `open` or `fail` counts. */
  open(): void {
    this.#settle("open");
  }

  /** The packets are dropped from every outbox; what was issued after them may leave. */
  fail(): void {
    this.#settle("failed");
  }

  wait(waiter: GateWaiter): void {
    this.#waiters.add(waiter);
  }

  #settle(state: "open" | "failed"): void {
    if (this.#state !== "closed") return;
    this.#state = state;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const waiter of waiters) waiter.onGate();
  }
}
