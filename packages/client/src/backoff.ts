/**
 * How long to wait before an attempt to connect. All times in milliseconds.
 * @param min before the first attempt; it doubles with each
 * @param max the most
 * @param factor how far the delay strays, 0.5 being 50% either way; undefined for anything from zero to the exact delay
 * @param attempt counts from 0
 */
export function backoffMs(min: number, max: number, factor: number | undefined, attempt: number): number {
  const ms = min * 2 ** attempt;
  const random = Math.random();
  return factor === undefined
    ? random * Math.min(ms, max)
    : Math.min(ms + ms * factor * (2 * random - 1), max);
}

/** The wait in milliseconds that an error's data asks for, or 0. */
export function retryAfterMs(error: unknown): number {
  const ms = (error as { data?: { retryAfterMs?: number } }).data?.retryAfterMs;
  return ms! > 0 ? +ms! : 0;
}
