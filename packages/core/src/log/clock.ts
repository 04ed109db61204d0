/** Stops a timer that has not fired. */
export type CancelTimer = () => void;

/** Time as everything that waits or dates sees it: tests inject their own. */
export interface Clock {
  /** Wall time, milliseconds since 1970. It may jump, in both directions. */
  now(): number;
  /** Milliseconds since some moment; never falls, whatever becomes of wall time. */
  monotonicMs(): number;
  /** Calls back once, after so many milliseconds: any number, `Infinity` is never. MUST NOT keep the process alive. */
  after(ms: number, callback: () => void): CancelTimer;
}

/** Node's own timers fire at once where they are set to more. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  monotonicMs: () => performance.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number) => {
      const next = leftMs > TIMER_MAX_MS ? () => wait(leftMs - TIMER_MAX_MS) : callback;
      timer = setTimeout(next, Math.min(leftMs, TIMER_MAX_MS));
      timer.unref();
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/** A clock for tests, which stands still until told. */
export class ManualClock implements Clock {
  #now: number;
  #jumped = 0;
  #timers: { at: number; callback: () => void }[] = [];

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#jumped;
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): CancelTimer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Sets wall time forward or back; no timer notices. */
  jump(ms: number): void {
    this.#jumped += ms;
  }

  /** Lets time pass, firing in order what falls due. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }
}
