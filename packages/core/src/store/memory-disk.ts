import type { StoreError } from "./store-error.ts";

/**
 * The disk of a memory store, for tests: every flush passes through it. It can be held (a slow disk), let go, and
 * told to fail.
 */
export class MemoryDisk {
  #isHeld = false;
  #failures: StoreError[] = [];
  #waiting: (() => void)[] = [];
  /** Flushes that have come through, failed ones included. */
  flushes = 0;

  /** From now on flushes wait. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets all flushes through that wait, and those to come. */
  release(): void {
    this.#isHeld = false;
    this.step();
  }

  /** Lets those through that wait now, and holds on to later ones. */
  step(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Flushes that wait now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The next flush fails with this error; several calls fail several flushes. */
  failNext(error: StoreError): void {
    this.#failures.push(error);
  }

  /** For the store. */
  async flush(): Promise<void> {
    if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.flushes++;
    const failure = this.#failures.shift();
    if (failure) throw failure;
  }
}
