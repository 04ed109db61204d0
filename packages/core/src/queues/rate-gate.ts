import type { RateLimit } from "./types.ts";

/** Says whether a job may start: at most `max` in any `perMs`, by monotonic time. */
export class RateGate {
  readonly #max: number;
  readonly #perMs: number;
  /** When the last `max` jobs started, as a ring. */
  readonly #starts: number[] = [];
  #oldest = 0;

  constructor({ max, perMs }: RateLimit) {
    this.#max = max;
    this.#perMs = perMs;
  }

  /** Milliseconds until a job may start; 0: now. */
  waitMs(nowMs: number): number {
    if (this.#starts.length < this.#max) return 0;
    return Math.max(0, Math.ceil(this.#starts[this.#oldest]! + this.#perMs - nowMs));
  }

  started(nowMs: number): void {
    if (this.#starts.length < this.#max) this.#starts.push(nowMs);
    else {
      this.#starts[this.#oldest] = nowMs;
      this.#oldest = (this.#oldest + 1) % this.#max;
    }
  }
}
