import type { Receipt } from "@holdfast/core";
import type { Placed } from "../kept/index.ts";

/** How far a namespace's events have been issued, and how far clients may be told of them. */
export class Issued {
  #last = 0;
  #released = 0;
  /** The flush in progress, and the offset of its newest event. */
  #flush: { flush: Receipt["flush"]; offset: number } | undefined;

  /** Offset of the newest event that was issued. */
  get last(): number {
    return this.#last;
  }

  /** Offset of the newest event that has been let go. */
  get released(): number {
    return this.#released;
  }

  /** Earlier processes came so far. */
  onOpen(head: number): void {
    if (head > this.#last) this.#last = head;
    this.#release(head);
  }

  /** An event has been issued. */
  add({ offset, flush, isEarly }: Placed): void {
    if (offset > this.#last) this.#last = offset;
    if (isEarly) this.#release(offset);
    if (this.#flush?.flush === flush) {
      this.#flush.offset = offset;
      return;
    }
    const current = { flush, offset };
    this.#flush = current;
    flush.onSettled(() => this.#release(current.offset));
  }

  #release(offset: number): void {
    if (offset > this.#released) this.#released = offset;
  }
}
