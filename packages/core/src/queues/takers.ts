import type { Taker } from "./attempt.ts";

/** Whose turn it is to get the next job: one after the other, as long as they have room for more. */
export class Takers {
  readonly #all = new Set<Taker>();
  #turns: Taker[] = [];
  readonly #queued = new Set<Taker>();

  /** Those that take jobs. */
  get taking(): number {
    let count = 0;
    for (const taker of this.#all) if (taker.isTaking) count++;
    return count;
  }

  [Symbol.iterator](): IterableIterator<Taker> {
    return this.#all[Symbol.iterator]();
  }

  add(taker: Taker): void {
    this.#all.add(taker);
    this.freed(taker);
  }

  remove(taker: Taker): void {
    this.#all.delete(taker);
  }

  /** It may have room now. */
  freed(taker: Taker): void {
    if (!hasRoom(taker) || this.#queued.has(taker) || !this.#all.has(taker)) return;
    this.#queued.add(taker);
    this.#turns.push(taker);
  }

  /** Whose turn it is; who is given a job goes to the end of the line. Undefined: nobody has room. */
  next(): Taker | undefined {
    for (;;) {
      const taker = this.#turns[0];
      if (!taker) return undefined;
      if (this.#all.has(taker) && hasRoom(taker)) return taker;
      this.#turns.shift();
      this.#queued.delete(taker);
    }
  }

  /** The one whose turn it was got a job. */
  served(): void {
    const taker = this.#turns.shift()!;
    if (hasRoom(taker)) this.#turns.push(taker);
    else this.#queued.delete(taker);
  }
}

function hasRoom(taker: Taker): boolean {
  return taker.isTaking && taker.attempts.size < taker.capacity;
}
