import { clearTimeout, setTimeout } from "node:timers";

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
    entry.deadline = performance.now() + this.#delayMs;
    entry.earlier = this.#last;
    if (this.#last) this.#last.later = entry;
    else this.#first = entry;
    this.#last = entry;
    this.#timer ??= setTimeout(this.#onTimer, this.#delayMs);
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
    this.#timer = undefined;
    const now = performance.now();
    while (this.#first && this.#first.deadline <= now + 1) {
      const entry = this.#first;
      this.remove(entry);
      entry.onDeadline(this);
    }
    if (this.#first) this.#timer ??= setTimeout(this.#onTimer, Math.max(1, this.#first.deadline - now));
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
