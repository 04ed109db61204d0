import type { Attempt } from "./attempt.ts";
import { type Body, decodeBody, encodeBody } from "./body.ts";
import { type QueueContext, tell } from "./context.ts";
import { failureOf } from "./failure.ts";
import type { StoredJob } from "./job-record.ts";
import type { LeaseLog } from "./lease-log.ts";
import { backoffMs, TIME_MAX_MS } from "./options.ts";
import { finishedOf, type Transition, toDead, toFinished, toParked, toReady } from "./transitions.ts";
import type { JobFailure } from "./types.ts";

/** What becomes of an attempt, and of its job. */
export interface Ending extends Transition {
  /** It is to be noted in the log of finished jobs. */
  readonly isFinish?: boolean | undefined;
  /** What who told the outcome is told, once this is flushed: it is not recorded as it was told. */
  readonly refusal?: Error | undefined;
  /** MUST be called in the turn in which the transition is known to be flushed. */
  flushed(): void;
}

export interface FailedOutcome {
  readonly error: JobFailure;
  readonly retryMs?: number | undefined;
  readonly isFinal?: boolean | undefined;
}

/** It is done. */
export function doneEnding(
  context: QueueContext,
  leases: LeaseLog,
  attempt: Attempt,
  result: unknown,
): Ending {
  const { keys, clock, options, finished, ready, watchers } = context;
  const { job, secret } = attempt;
  let body: Body;
  try {
    body = encodeBody(result, options.resultBytesMax, "RESULT_TOO_LARGE");
  } catch (error) {
    const ending = failedEnding(context, leases, attempt, { error: failureOf(error), isFinal: true });
    return { ...ending, refusal: error as Error };
  }
  const record = finished.isKept ? finishedOf(job, "done", clock.now(), { result: body, secret }) : undefined;
  const { operations, change } = toFinished(keys, job, "ready", record);
  return {
    operations,
    change,
    isFinish: true,
    flushed: () => {
      ready.gone(attempt.key);
      finished.flushed();
      if (watchers.has(attempt.id)) tell(context, job, "done", { result: decodeBody(body) });
    },
  };
}

/** It failed: another one follows, or none does. */
export function failedEnding(
  context: QueueContext,
  leases: LeaseLog,
  attempt: Attempt,
  { error, retryMs, isFinal }: FailedOutcome,
): Ending {
  const { keys, clock, options, ready, due, finished } = context;
  const job: StoredJob = { ...attempt.job, error };
  const now = clock.now();
  if (isFinal || job.attempt >= job.attempts) {
    const flushed = () => {
      ready.gone(attempt.key);
      finished.died(now);
      tell(context, job, "dead", { error });
    };
    const { operations, change } = toDead(keys, job, now);
    return { operations: [...operations, ...leases.without(attempt)], change, flushed };
  }
  if (job.expiresAtMs > 0 && job.expiresAtMs <= now) {
    const flushed = () => {
      ready.gone(attempt.key);
      finished.flushed();
      tell(context, job, "expired", { error });
    };
    const record = finished.isKept ? finishedOf(job, "expired", now) : undefined;
    const transition = toFinished(keys, job, "ready", record);
    return { ...transition, isFinish: true, flushed };
  }
  const wait = backoffMs(job.backoff ?? options.backoff, job.attempt, context.random());
  const delayMs = retryMs ?? wait;
  if (delayMs <= 0) {
    const flushed = () => {
      ready.add({ key: attempt.key, job });
      tell(context, job, "waiting", { error });
    };
    return { ...toReady(keys, job), flushed };
  }
  const dueMs = Math.min(Math.ceil(now + delayMs), TIME_MAX_MS);
  const flushed = () => {
    ready.gone(attempt.key);
    due.note(dueMs);
    tell(context, job, "delayed", { error, dueMs });
  };
  return { ...toParked(keys, { ...job, dueMs }), flushed };
}
