/** How long to wait before the next attempt to connect. Times in milliseconds. */
export class Backoff {
  min: number;
  max: number;
  /** How far a delay strays, 0.5 being 50% either way; undefined for anything from zero to the exact delay. */
  jitter: number | undefined;
  /** Attempts since the last success. */
  attempts = 0;
  /** What the server asked for; the next delay comes on top of it, once. */
  retryAfterMs = 0;

  constructor(min: number, max: number, jitter: number | undefined) {
    this.min = min;
    this.max = max;
    this.jitter = jitter;
  }

  duration(): number {
    const { max, jitter, retryAfterMs } = this;
    const ms = this.min * 2 ** this.attempts++;
    const random = Math.random();
    this.retryAfterMs = 0;
    return (
      retryAfterMs +
      (jitter === undefined
        ? random * Math.min(ms, max)
        : Math.min(ms * (1 + jitter * (2 * random - 1)), max))
    );
  }

  reset(): void {
    this.attempts = 0;
  }
}

/** The wait that an error's data asks for, or 0. */
export function retryAfterMs(error: unknown): number {
  const ms = (error as { data?: { retryAfterMs?: unknown } } | undefined)?.data?.retryAfterMs;
  return typeof ms === "number" && ms > 0 ? ms : 0;
}
