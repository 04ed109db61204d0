import type { CancelTimer, Clock } from "../log/clock.ts";

/** Something that ends at a moment of monotonic time. One heap holds it at a time. */
export interface Deadline {
  /** Monotonic milliseconds; Infinity: never. */
  readonly endsAt: number;
  /** Place in the heap; -1, as it starts: none. The heap's own. */
  heapIndex: number;
  /** When it is looked at. It may have been put off since. The heap's own. */
  heapAt: number;
}

/** A timer waits no longer at a time: Node's own fire at once past 2^31 milliseconds. */
const TIMER_MAX_MS = 2 ** 30;

/** Calls back for each deadline that has passed, with one timer for all: a heap, which holds what is watched only. */
export class Deadlines<Item extends Deadline> {
  readonly #clock: Clock;
  readonly #onPassed: (item: Item) => void;
  readonly #heap: Item[] = [];
  #cancel: CancelTimer | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, onPassed: (item: Item) => void) {
    this.#clock = clock;
    this.#onPassed = onPassed;
  }

  /** Adds one, or takes note of one that ends sooner than it did. Putting off costs nothing until then. */
  watch(item: Item): void {
    const { endsAt } = item;
    const isHeld = item.heapIndex >= 0;
    if (endsAt >= (isHeld ? item.heapAt : Infinity)) return;
    item.heapAt = endsAt;
    if (!isHeld) {
      item.heapIndex = this.#heap.length;
      this.#heap.push(item);
    }
    this.#rise(item);
    this.#schedule();
  }

  drop(item: Item): void {
    if (item.heapIndex >= 0) this.#remove(item);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#timerAt = Infinity;
  }

  // A timer that fires for what was dropped meanwhile finds nothing: cheaper than one made anew for each drop.
  #schedule(): void {
    const first = this.#heap[0];
    if (!first || first.heapAt >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = first.heapAt;
    const ms = Math.min(Math.max(0, Math.ceil(first.heapAt - this.#clock.monotonicMs())), TIMER_MAX_MS);
    this.#cancel = this.#clock.after(ms, () => {
      this.#timerAt = Infinity;
      this.#pass();
      this.#schedule();
    });
  }

  #pass(): void {
    const now = this.#clock.monotonicMs();
    const passed: Item[] = [];
    for (let item = this.#heap[0]; item && item.heapAt <= now; item = this.#heap[0]) {
      const { endsAt } = item;
      if (endsAt > now && endsAt !== Infinity) {
        item.heapAt = endsAt;
        this.#sink(item);
        continue;
      }
      this.#remove(item);
      if (endsAt <= now) passed.push(item);
    }
    for (const item of passed) this.#onPassed(item);
  }

  #remove(item: Item): void {
    const index = item.heapIndex;
    item.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    last.heapIndex = index;
    this.#heap[index] = last;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: Item): void {
    while (item.heapIndex > 0) {
      const parent = this.#heap[(item.heapIndex - 1) >> 1]!;
      if (parent.heapAt <= item.heapAt) return;
      this.#swap(parent, item);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#heap[2 * item.heapIndex + 1];
      const right = this.#heap[2 * item.heapIndex + 2];
      if (!left) return;
      const child = right && right.heapAt < left.heapAt ? right : left;
      if (child.heapAt >= item.heapAt) return;
      this.#swap(item, child);
    }
  }

  /** The upper one goes down, the lower one up. */
  #swap(upper: Item, lower: Item): void {
    const index = upper.heapIndex;
    upper.heapIndex = lower.heapIndex;
    lower.heapIndex = index;
    this.#heap[upper.heapIndex] = upper;
    this.#heap[lower.heapIndex] = lower;
  }
}
