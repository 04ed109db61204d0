import type { RateLimit } from "./types.ts";

/** Says whether a job may start: at most `max` in any `perMs`, by monotonic time. */
export class RateGate {
  readonly #max: number;
  readonly #perMs: number;
  /** When the last `max` jobs started, as a ring. */
  readonly #starts: number[] = [];
  #oldest = 0;
  /** The last so many of them have yet to be flushed: what counts is when they begin. */
  #beginning = 0;

  constructor({ max, perMs }: RateLimit) {
    this.#max = max;
    this.#perMs = perMs;
  }

  /** Milliseconds until a job may start; 0: now. */
  waitMs(nowMs: number): number {
    if (this.#starts.length < this.#max) return 0;
    if (this.#beginning === this.#max) return this.#perMs;
    return Math.max(0, Math.ceil(this.#starts[this.#oldest]! + this.#perMs - nowMs));
  }

  /** A job is given to somebody. `began` MUST follow, in the same order. */
  started(nowMs: number): void {
    this.#beginning++;
    if (this.#starts.length < this.#max) this.#starts.push(nowMs);
    else {
      this.#starts[this.#oldest] = nowMs;
      this.#oldest = (this.#oldest + 1) % this.#max;
    }
  }

  /** The first of those that have yet to begin has begun, or never will. */
  began(nowMs: number): void {
    const { length } = this.#starts;
    this.#starts[(this.#oldest - this.#beginning + length) % length] = nowMs;
    this.#beginning--;
  }
}
