import type { CancelTimer, Clock } from "../log/clock.ts";

/** Something that ends at a moment of monotonic time, which may be put off at no cost. */
export interface Deadline {
  /** Monotonic milliseconds; Infinity: never. */
  endsAt: number;
}

/** A timer waits no longer at a time: Node's own fire at once past 2^31 milliseconds. */
export const TIMER_MAX_MS = 2 ** 30;

/**
 * Calls back for each deadline that has passed, with one timer for all. A heap by the moment at which each is to be
 * looked at; one that was put off meanwhile is put back, one that was dropped is left out.
 */
export class Deadlines<Item extends Deadline> {
  readonly #clock: Clock;
  readonly #onPassed: (item: Item) => void;
  readonly #heap: { readonly at: number; readonly item: Item }[] = [];
  /** When each is looked at next. */
  readonly #items = new Map<Item, number>();
  #cancel: CancelTimer | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, onPassed: (item: Item) => void) {
    this.#clock = clock;
    this.#onPassed = onPassed;
  }

  /** Adds one, or takes note of one that ends sooner than it did. Putting off needs no call. */
  watch(item: Item): void {
    const { endsAt } = item;
    if (endsAt === Infinity || endsAt >= (this.#items.get(item) ?? Infinity)) return;
    this.#items.set(item, endsAt);
    this.#push({ at: endsAt, item });
    this.#schedule();
  }

  drop(item: Item): void {
    this.#items.delete(item);
    if (this.#items.size > 0) return;
    // Nobody waits: what is left in the heap is of no interest.
    this.#heap.length = 0;
    this.close();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#timerAt = Infinity;
  }

  #schedule(): void {
    const first = this.#heap[0];
    if (!first || first.at >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = first.at;
    const ms = Math.min(Math.max(0, Math.ceil(first.at - this.#clock.monotonicMs())), TIMER_MAX_MS);
    this.#cancel = this.#clock.after(ms, () => {
      this.#timerAt = Infinity;
      this.#pass();
      this.#schedule();
    });
  }

  #pass(): void {
    const now = this.#clock.monotonicMs();
    const passed: Item[] = [];
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { at, item } = this.#pop();
      // Dropped, or looked at sooner than that since.
      if (this.#items.get(item) !== at) continue;
      const { endsAt } = item;
      if (endsAt <= now) {
        this.#items.delete(item);
        passed.push(item);
      } else if (endsAt === Infinity) this.#items.delete(item);
      else {
        this.#items.set(item, endsAt);
        this.#push({ at: endsAt, item });
      }
    }
    for (const item of passed) this.#onPassed(item);
  }

  #push(node: { readonly at: number; readonly item: Item }): void {
    const heap = this.#heap;
    let index = heap.push(node) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= node.at) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = node;
  }

  #pop(): { readonly at: number; readonly item: Item } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}
