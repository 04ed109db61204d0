import type { CancelTimer, Clock } from "../log/clock.ts";

/** Something that ends at a moment of monotonic time. */
export interface Deadline {
  /** Monotonic milliseconds; Infinity: never. */
  readonly endsAt: number;
}

interface Node<Item> {
  readonly item: Item;
  /** When the item is looked at. It may have been put off since. */
  at: number;
  index: number;
}

/** A timer waits no longer at a time: Node's own fire at once past 2^31 milliseconds. */
const TIMER_MAX_MS = 2 ** 30;

/** Calls back for each deadline that has passed, with one timer for all: a heap, which holds what is watched only. */
export class Deadlines<Item extends Deadline> {
  readonly #clock: Clock;
  readonly #onPassed: (item: Item) => void;
  readonly #heap: Node<Item>[] = [];
  readonly #nodes = new Map<Item, Node<Item>>();
  #cancel: CancelTimer | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, onPassed: (item: Item) => void) {
    this.#clock = clock;
    this.#onPassed = onPassed;
  }

  /** Adds one, or takes note of one that ends sooner than it did. Putting off costs nothing until then. */
  watch(item: Item): void {
    const { endsAt } = item;
    const node = this.#nodes.get(item);
    if (endsAt >= (node?.at ?? Infinity)) return;
    if (node) {
      node.at = endsAt;
      this.#rise(node);
    } else {
      const added = { item, at: endsAt, index: this.#heap.length };
      this.#nodes.set(item, added);
      this.#heap.push(added);
      this.#rise(added);
    }
    this.#schedule();
  }

  drop(item: Item): void {
    const node = this.#nodes.get(item);
    if (node) this.#remove(node);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#timerAt = Infinity;
  }

  // A timer that fires for what was dropped meanwhile finds nothing: cheaper than one made anew for each drop.
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
    for (let node = this.#heap[0]; node && node.at <= now; node = this.#heap[0]) {
      const { endsAt } = node.item;
      if (endsAt > now && endsAt !== Infinity) {
        node.at = endsAt;
        this.#sink(node);
        continue;
      }
      this.#remove(node);
      if (endsAt <= now) passed.push(node.item);
    }
    for (const item of passed) this.#onPassed(item);
  }

  #remove(node: Node<Item>): void {
    this.#nodes.delete(node.item);
    const last = this.#heap.pop()!;
    if (last === node) return;
    last.index = node.index;
    this.#heap[last.index] = last;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(node: Node<Item>): void {
    while (node.index > 0) {
      const parent = this.#heap[(node.index - 1) >> 1]!;
      if (parent.at <= node.at) return;
      this.#swap(parent, node);
    }
  }

  #sink(node: Node<Item>): void {
    for (;;) {
      const left = this.#heap[2 * node.index + 1];
      const right = this.#heap[2 * node.index + 2];
      if (!left) return;
      const child = right && right.at < left.at ? right : left;
      if (child.at >= node.at) return;
      this.#swap(node, child);
    }
  }

  /** The upper one goes down, the lower one up. */
  #swap(upper: Node<Item>, lower: Node<Item>): void {
    const { index } = upper;
    upper.index = lower.index;
    lower.index = index;
    this.#heap[upper.index] = upper;
    this.#heap[lower.index] = lower;
  }
}
