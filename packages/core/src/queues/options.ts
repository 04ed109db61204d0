import { QueueError } from "./queue-error.ts";
import type { AddOptions, Backoff, QueueOptions, ResolvedQueueOptions } from "./types.ts";

/** Bounds that no option raises. */
export const QUEUE_LIMITS = {
  /** UTF-8 bytes of a queue's name. */
  nameBytesMax: 128,
  /** UTF-8 bytes of a job's id, a repeat's key and a consumer's owner. */
  idBytesMax: 256,
  /** Jobs of one `addMany`. */
  addManyMax: 10_000,
  /** Leases of one consumer, or handlers of one worker. */
  concurrencyMax: 10_000,
  prefetchMax: 1000,
  prioritySpan: 1000,
  attemptsMax: 1000,
  /** Steps of a back-off. */
  backoffStepsMax: 1000,
  rateMax: 100_000,
  /** Listeners of `watch`, and promises of `done` that wait, per queue. */
  watchersMax: 100_000,
  /** Repeats of one queue. */
  repeatsMax: 1000,
  /** Characters of a stored error's message. */
  messageCharsMax: 4096,
  /** Bytes of what a remote worker says about its progress, encoded. */
  progressBytesMax: 4096,
  /** Binaries in a job's data, a result or a progress: Socket.IO's clients take no more in one packet. */
  binariesMax: 10,
  /** Dead letters of one page. */
  pageMax: 1000,
} as const;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Wall times up to the year 10,000, so that sums stay safe integers. */
export const TIME_MAX_MS = 253_402_300_799_999;

export function resolveQueueOptions(options: QueueOptions = {}): ResolvedQueueOptions {
  const { rate } = options;
  if (rate) {
    whole("rate.max", rate.max, 1, QUEUE_LIMITS.rateMax);
    whole("rate.perMs", rate.perMs, 1, DAY_MS);
  }
  return {
    attempts: whole("attempts", options.attempts ?? 5, 1, QUEUE_LIMITS.attemptsMax),
    backoff: checkBackoff(options.backoff ?? [1000, 10_000, 60_000]),
    leaseMs: whole("leaseMs", options.leaseMs ?? 30_000, 1, DAY_MS),
    timeoutMs: checkTimeout(options.timeoutMs ?? 600_000),
    graceMs: whole("graceMs", options.graceMs ?? 30_000, 0, DAY_MS),
    rate: rate && { max: rate.max, perMs: rate.perMs },
    lengthMax: whole("lengthMax", options.lengthMax ?? 1_000_000, 1),
    payloadBytesMax: whole("payloadBytesMax", options.payloadBytesMax ?? 1_048_576, 0, 8 * 1_048_576),
    resultBytesMax: whole("resultBytesMax", options.resultBytesMax ?? 65_536, 0, 8 * 1_048_576),
    resultAgeMs: whole("resultAgeMs", options.resultAgeMs ?? 3_600_000, 0, TIME_MAX_MS),
    resultsMax: whole("resultsMax", options.resultsMax ?? 10_000, 0, 100_000_000),
    deadAgeMs: whole("deadAgeMs", options.deadAgeMs ?? 30 * DAY_MS, 0, TIME_MAX_MS),
    deadMax: whole("deadMax", options.deadMax ?? 10_000, 0, 100_000_000),
  };
}

/** Throws `QUEUE_INVALID`. */
export function checkAddOptions(options: AddOptions): void {
  if (typeof options !== "object" || options === null) throw invalid("The options of a job are an object");
  const { id, delayMs, priority, expiresMs, attempts, backoff, timeoutMs } = options;
  if (id !== undefined) {
    checkName("A job's id", id, QUEUE_LIMITS.idBytesMax);
    if (id.startsWith("~")) throw invalid("A job's id cannot start with ~");
  }
  if (delayMs !== undefined) duration("delayMs", delayMs);
  if (expiresMs !== undefined) duration("expiresMs", expiresMs);
  if (priority !== undefined) {
    whole("priority", priority, -QUEUE_LIMITS.prioritySpan, QUEUE_LIMITS.prioritySpan);
  }
  if (attempts !== undefined) whole("attempts", attempts, 1, QUEUE_LIMITS.attemptsMax);
  if (backoff !== undefined) checkBackoff(backoff);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
}

/** Throws `QUEUE_INVALID` unless it is text of 1 to so many bytes. Returns it. */
export function checkName(what: string, name: unknown, bytesMax: number): string {
  if (typeof name !== "string" || name.length === 0 || Buffer.byteLength(name) > bytesMax) {
    throw invalid(`${what} is text of 1 to ${bytesMax} bytes`);
  }
  return name;
}

/** Throws `QUEUE_INVALID` unless it is a whole number within bounds. Returns it. */
export function whole(what: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw invalid(`${what} is a whole number from ${min} to ${max}`);
  }
  return value as number;
}

/** Milliseconds before the next attempt, after so many; `random` is from 0 to below 1. */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const spread = 0.8 + 0.4 * random;
  if (!("base" in backoff)) {
    const step = backoff[Math.min(attempt, backoff.length) - 1] ?? 0;
    return Math.round(step * spread);
  }
  const { base, factor = 2, max = 3_600_000 } = backoff;
  // 0 × Infinity is no number
  return base === 0 ? 0 : Math.round(Math.min(base * factor ** (attempt - 1), max) * spread);
}

function checkBackoff(backoff: Backoff): Backoff {
  if (Array.isArray(backoff)) {
    if (backoff.length > QUEUE_LIMITS.backoffStepsMax) throw invalid("backoff has too many steps");
    for (const step of backoff) duration("backoff", step);
    return [...backoff];
  }
  if (!backoff || typeof backoff !== "object" || !("base" in backoff)) {
    throw invalid("backoff is a list of milliseconds, or { base, factor, max }");
  }
  const { base, factor, max } = backoff;
  duration("backoff.base", base);
  if (factor !== undefined && !(factor >= 1 && factor <= 1000)) throw invalid("backoff.factor is 1 to 1,000");
  if (max !== undefined) duration("backoff.max", max);
  return { base, factor, max };
}

function checkTimeout(ms: number): number {
  return ms === Infinity ? ms : whole("timeoutMs", ms, 1, TIME_MAX_MS);
}

function duration(what: string, ms: unknown): void {
  if (typeof ms !== "number" || !(ms >= 0 && ms <= TIME_MAX_MS)) throw invalid(`${what} is in milliseconds`);
}

function invalid(message: string): QueueError {
  return new QueueError("QUEUE_INVALID", message);
}
