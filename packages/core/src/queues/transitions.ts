import type { Operation } from "../store/index.ts";
import { type Body, NO_BODY } from "./body.ts";
import { encodeFinished, encodeJob, type FinishedJob, type StoredJob } from "./job-record.ts";
import type { Tally } from "./journal.ts";
import { KIND, type QueueKeys } from "./keys.ts";

/** What is written when a job goes from one state to another, and what that does to the counts. */
export interface Transition {
  readonly operations: Operation[];
  readonly change: Partial<Tally>;
}

/** Where a job's record is; those that run are among the ready ones. */
export type Shelf = "ready" | "parked";

/** A new job: waiting, or delayed if it has `dueMs`. */
export function toAdd(keys: QueueKeys, job: StoredJob): Transition {
  const operations = job.dueMs > 0 ? putParked(keys, job) : [putReady(keys, job)];
  if (job.expiresAtMs > 0) {
    const key = keys.time(job.expiresAtMs, job.seq);
    operations.push({ type: "put", kind: KIND.expiry, key, value: String(job.priority) });
  }
  return { operations, change: job.dueMs > 0 ? { parked: 1 } : { ready: 1 } };
}

/** The end of an attempt after which the job waits again. */
export function toReady(keys: QueueKeys, job: StoredJob): Transition {
  return { operations: [putReady(keys, job)], change: {} };
}

/** The end of an attempt after which the job waits for its back-off to end. */
export function toParked(keys: QueueKeys, job: StoredJob): Transition {
  return {
    operations: [drop(KIND.ready, keys.ready(job)), ...putParked(keys, job)],
    change: { ready: -1, parked: 1 },
  };
}

/** A delay has ended. `parked` is the job as it was. */
export function toPromoted(keys: QueueKeys, parked: StoredJob): Transition {
  return {
    operations: [...dropParked(keys, parked), putReady(keys, { ...parked, dueMs: 0 })],
    change: { parked: -1, ready: 1 },
  };
}

/** Done or expired; undefined if that is not remembered. */
export function toFinished(
  keys: QueueKeys,
  job: StoredJob,
  from: Shelf,
  finished: FinishedJob | undefined,
): Transition {
  const { operations, change } = take(keys, job, from);
  if (finished) {
    operations.push({
      type: "put",
      kind: KIND.finished,
      key: keys.seq(job.seq),
      value: encodeFinished(finished),
    });
    change.finished = 1;
  } else if (job.givenId !== undefined) operations.push(drop(KIND.id, keys.name(job.givenId)));
  return { operations, change };
}

/** Dead, at `diedMs`. */
export function toDead(keys: QueueKeys, job: StoredJob, diedMs: number): Transition {
  const { operations, change } = take(keys, job, "ready");
  const deadKey = keys.time(diedMs, job.seq);
  const marker = finishedOf(job, "dead", diedMs, { deadKey });
  operations.push(
    { type: "put", kind: KIND.dead, key: deadKey, value: encodeJob({ ...job, dueMs: 0, expiresAtMs: 0 }) },
    { type: "put", kind: KIND.finished, key: keys.seq(job.seq), value: encodeFinished(marker) },
  );
  change.dead = 1;
  return { operations, change };
}

/** Forgotten while it waits, runs or is parked. */
export function toRemoved(keys: QueueKeys, job: StoredJob, from: Shelf): Transition {
  const { operations, change } = take(keys, job, from);
  if (job.givenId !== undefined) operations.push(drop(KIND.id, keys.name(job.givenId)));
  return { operations, change };
}

/** Forgotten after it died; `isBack`: it is added again in the same commit, so that its id stays. */
export function dropDead(keys: QueueKeys, deadKey: string, job: StoredJob, isBack: boolean): Operation[] {
  const operations = [drop(KIND.dead, deadKey), drop(KIND.finished, keys.seq(job.seq))];
  if (job.givenId !== undefined && !isBack) operations.push(drop(KIND.id, keys.name(job.givenId)));
  return operations;
}

/** Forgotten after it was done or expired. */
export function dropFinished(keys: QueueKeys, { seq, givenId }: FinishedJob): Operation[] {
  const operations = [drop(KIND.finished, keys.seq(seq))];
  if (givenId !== undefined) operations.push(drop(KIND.id, keys.name(givenId)));
  return operations;
}

export function finishedOf(
  job: StoredJob,
  state: FinishedJob["state"],
  finishedMs: number,
  more: { result?: Body; secret?: string; deadKey?: string } = {},
): FinishedJob {
  const { seq, priority, givenId, addedMs, attempt, attempts } = job;
  const { result = NO_BODY, secret = "", deadKey } = more;
  return {
    seq,
    priority,
    givenId,
    addedMs,
    attempt,
    attempts,
    state,
    finishedMs,
    secret,
    deadKey,
    result,
  };
}

export function drop(kind: string, key: string): Operation {
  return { type: "delete", kind, key };
}

function putReady(keys: QueueKeys, job: StoredJob): Operation {
  return { type: "put", kind: KIND.ready, key: keys.ready(job), value: encodeJob(job) };
}

function putParked(keys: QueueKeys, job: StoredJob): Operation[] {
  return [
    { type: "put", kind: KIND.parked, key: keys.seq(job.seq), value: encodeJob(job) },
    { type: "put", kind: KIND.due, key: keys.time(job.dueMs, job.seq), value: "" },
  ];
}

function dropParked(keys: QueueKeys, job: StoredJob): Operation[] {
  return [drop(KIND.parked, keys.seq(job.seq)), drop(KIND.due, keys.time(job.dueMs, job.seq))];
}

/** Takes a job's own records away. */
function take(
  keys: QueueKeys,
  job: StoredJob,
  from: Shelf,
): { operations: Operation[]; change: Partial<Tally> } {
  const operations = from === "parked" ? dropParked(keys, job) : [drop(KIND.ready, keys.ready(job))];
  if (job.expiresAtMs > 0) operations.push(drop(KIND.expiry, keys.time(job.expiresAtMs, job.seq)));
  return { operations, change: from === "parked" ? { parked: -1 } : { ready: -1 } };
}
