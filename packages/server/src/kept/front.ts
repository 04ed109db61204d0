import type { Receipt, Store } from "@holdfast/core";
import { Gate } from "../outbox/index.ts";

/** An offset that is to be shown, and what has to happen before. */
export interface Showing {
  readonly offset: number;
  /** Opens when the offset is there for good; fails if it will never be. undefined: it is. */
  readonly durable: Gate | undefined;
  /** Fails and opens the other way round. Of what waits at the two, one half is seen. */
  readonly otherwise: Gate | undefined;
  /** What is shown then. */
  readonly fallback: number;
}

/** Where an event stands once its append was taken. */
export type Placed = Pick<Receipt, "offset" | "flush" | "isEarly">;

/** How far the events of a namespace have been issued, and how far they are on disk. */
export class Front {
  /** Resolves when `last` counts what earlier processes issued. Rejects as the store's `opened` does. */
  readonly ready: Promise<void>;
  readonly #store: Store;
  #isReady = false;
  #last = 0;
  #durable = 0;
  /** The flush in progress, and the offset of its newest event. */
  #flush: { flush: Receipt["flush"]; offset: number } | undefined;
  #showing: { flush: Receipt["flush"]; showing: Showing } | undefined;

  constructor(store: Store, namespace: string) {
    this.#store = store;
    this.ready = store.opened.then(async () => {
      const head = await store.head(namespace);
      this.#last = Math.max(this.#last, head);
      this.#durable = Math.max(this.#durable, head);
      this.#isReady = true;
    });
    // who waits for it hears of it
    this.ready.catch(() => {});
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Offset of the newest event: who joins a room now has no part in it. */
  get last(): number {
    return this.#last;
  }

  /** An event has been issued. */
  onIssue({ offset, flush, isEarly }: Placed): void {
    if (offset > this.#last) this.#last = offset;
    // shown already; after an unclean stop the store leaves these offsets out
    if (isEarly && offset > this.#durable) this.#durable = offset;
    if (this.#flush?.flush === flush) {
      this.#flush.offset = offset;
      return;
    }
    const current = { flush, offset };
    this.#flush = current;
    flush.onSettled(() => {
      if (!flush.error) this.#durable = Math.max(this.#durable, current.offset);
      // a later process may give these offsets to other events
      else if (this.#last === current.offset) this.#last = this.#durable;
    });
  }

  /** How `last` is shown to a client: a crash must not give its offset to another event (PROTOCOL §2.2). */
  show(): Showing {
    const offset = this.#last;
    const fallback = this.#durable;
    if (offset <= fallback) return { offset, durable: undefined, otherwise: undefined, fallback };
    // of the newest flush, since gates must open in the order in which a connection meets them
    const { flush, state } = this.#store.commit([]);
    // the store takes no more: what it has taken may not reach the disk
    if (state === "failed") return { offset: fallback, durable: undefined, otherwise: undefined, fallback };
    if (this.#showing?.flush === flush && this.#showing.showing.offset === offset)
      return this.#showing.showing;
    const durable = new Gate();
    const otherwise = new Gate();
    flush.onSettled(() => {
      const isThere = this.#durable >= offset;
      if (isThere) durable.open();
      else durable.fail();
      if (isThere) otherwise.fail();
      else otherwise.open();
    });
    const showing = { offset, durable, otherwise, fallback };
    this.#showing = { flush, showing };
    return showing;
  }
}
