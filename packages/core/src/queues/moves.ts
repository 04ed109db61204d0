/**
 * Jobs that nobody works on and that are on their way from one state to another: each is moved by one at a time.
 * (A job that runs is moved by its attempt.)
 */
export class Moves {
  readonly #waiters = new Map<number, (() => void)[]>();

  /** False if somebody else moves it. */
  tryEnter(seq: number): boolean {
    if (this.#waiters.has(seq)) return false;
    this.#waiters.set(seq, []);
    return true;
  }

  /** Waits for its turn. */
  async enter(seq: number): Promise<void> {
    while (!this.tryEnter(seq)) await this.left(seq);
  }

  leave(seq: number): void {
    const waiters = this.#waiters.get(seq);
    this.#waiters.delete(seq);
    for (const resolve of waiters ?? []) resolve();
  }

  /** Resolves when nobody moves it, at once if nobody does. */
  left(seq: number): Promise<void> {
    const waiters = this.#waiters.get(seq);
    return waiters ? new Promise((resolve) => waiters.push(resolve)) : Promise.resolve();
  }
}
