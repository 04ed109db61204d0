/** Who may have how many more replayed events (PROTOCOL §3.6). */
export class Credit {
  readonly #max: number;
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  #available: number;
  #waiting: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param onTimeout called when a replay has waited for `timeoutMs` without any; MUST close the connection */
  constructor(max: number, timeoutMs: number, onTimeout: () => void) {
    this.#max = max;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
    this.#available = max;
  }

  /** The client has handled so many. */
  give(events: number): void {
    // never more at once than it asked for, whatever it counts
    this.#available = Math.min(this.#max, this.#available + events);
    this.#wake();
  }

  spend(events: number): void {
    this.#available -= events;
  }

  /** How many events may be sent; resolves when there are any, or nobody is left to send to. One replay at a time. */
  async available(): Promise<number> {
    if (this.#available <= 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        this.#timer = setTimeout(() => this.#onTimeout(), this.#timeoutMs);
      });
    }
    return Math.max(1, this.#available);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    clearTimeout(this.#timer);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
