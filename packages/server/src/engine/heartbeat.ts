import { clearTimeout, setTimeout } from "node:timers";

/** A longer time-out would overflow, and fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** An entry of a {@link Deadlines} queue; in one queue at a time. */
export interface Timed {
  deadline: number;
  earlier: Timed | undefined;
  later: Timed | undefined;
  deadlines: Deadlines | undefined;
  onDeadline(queue: Deadlines): void;
}

/**
 * Any number of entries that are all due the same time after they were added: one timer for all of them, since they
 * come due in the order in which they were added.
 */
export class Deadlines {
  readonly #delayMs: number;
  #first: Timed | undefined;
  #last: Timed | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** Adds `entry`, or starts its time anew. It leaves whatever queue it was in. */
  add(entry: Timed): void {
    entry.deadlines?.remove(entry);
    entry.deadlines = this;
    // a fraction would be an object of its own
    entry.deadline = Math.ceil(performance.now() + this.#delayMs);
    entry.earlier = this.#last;
    if (this.#last) this.#last.later = entry;
    else this.#first = entry;
    this.#last = entry;
    this.#timer ??= setTimeout(this.#onTimer, Math.min(this.#delayMs, TIMER_MS_MAX));
  }

  remove(entry: Timed): void {
    if (entry.deadlines !== this) return;
    if (entry.earlier) entry.earlier.later = entry.later;
    else this.#first = entry.later;
    if (entry.later) entry.later.earlier = entry.earlier;
    else this.#last = entry.earlier;
    entry.earlier = entry.later = entry.deadlines = undefined;
    if (this.#first) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  // what has arrived while the process was busy is read first: a pong that waits in the kernel counts
  readonly #onTimer = () => {
    setImmediate(this.#expire);
  };

  readonly #expire = () => {
    // the queue may have been emptied and filled again since the timer fired
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    try {
      while (this.#first && this.#first.deadline <= now + 1) {
        const entry = this.#first;
        this.remove(entry);
        entry.onDeadline(this);
      }
    } finally {
      // also if a listener to one connection's end throws: the others have theirs to come
      if (this.#first) {
        const delayMs = Math.max(1, this.#first.deadline - now);
        this.#timer ??= setTimeout(this.#onTimer, Math.min(delayMs, TIMER_MS_MAX));
      }
    }
  };
}

/** The queues behind a server's heartbeats. */
export class Heartbeats {
  /** Until the next ping is due (Engine.IO v4: the server pings). */
  readonly ping: Deadlines;
  /** Until a pong counts as missing. */
  readonly pong: Deadlines;
  /** Until a client's ping counts as missing (Engine.IO v3: the client pings). */
  readonly clientPing: Deadlines;

  constructor(pingIntervalMs: number, pingTimeoutMs: number) {
    this.ping = new Deadlines(pingIntervalMs);
    this.pong = new Deadlines(pingTimeoutMs);
    this.clientPing = new Deadlines(pingIntervalMs + pingTimeoutMs);
  }
}
