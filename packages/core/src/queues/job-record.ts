import { type Body, joinRecord, splitRecord } from "./body.ts";
import { idOf, type Place } from "./keys.ts";
import type { Backoff, JobFailure } from "./types.ts";

/** A job that is not finished, as it is held in memory. What it is stored as is in this file only. */
export interface StoredJob extends Place {
  /** The adder's id; undefined: the one that says its place. */
  readonly givenId: string | undefined;
  /** Attempts begun. */
  readonly attempt: number;
  readonly attempts: number;
  readonly addedMs: number;
  /** Wall time after which it is not started; 0: never. */
  readonly expiresAtMs: number;
  /** Undefined: the queue's. */
  readonly timeoutMs: number | undefined;
  readonly backoff: Backoff | undefined;
  /** Of the last attempt. */
  readonly error: JobFailure | undefined;
  /** When its delay ends; 0 unless it is parked. */
  readonly dueMs: number;
  readonly body: Body;
}

export function jobId(job: Place & { readonly givenId: string | undefined }): string {
  return job.givenId ?? idOf(job);
}

type JobHeader = readonly [
  attempt: number,
  attempts: number,
  addedMs: number,
  priority: number,
  more?: JobMore,
];

interface JobMore {
  readonly i?: string | undefined;
  readonly e?: number | undefined;
  readonly t?: number | undefined;
  readonly b?: Backoff | undefined;
  readonly f?: JobFailure | undefined;
  readonly d?: number | undefined;
  readonly l?: readonly number[] | undefined;
}

export function encodeJob(job: StoredJob): string | Uint8Array {
  const { attempt, attempts, addedMs, priority, givenId, expiresAtMs, timeoutMs, backoff, error, dueMs } =
    job;
  const { lengths } = job.body;
  const isPlain =
    givenId === undefined && expiresAtMs === 0 && timeoutMs === undefined && dueMs === 0 && !lengths;
  // numbers are their own JSON
  const common = `[${attempt},${attempts},${addedMs},${priority}`;
  if (isPlain && !backoff && !error) return joinRecord(`${common}]`, job.body);
  const more: JobMore = {
    i: givenId,
    e: expiresAtMs || undefined,
    // JSON knows no Infinity.
    t: timeoutMs === Infinity ? 0 : timeoutMs,
    b: backoff,
    f: error,
    d: dueMs || undefined,
    l: lengths,
  };
  return joinRecord(`${common},${JSON.stringify(more)}]`, job.body);
}

export function decodeJob(seq: number, value: Uint8Array): StoredJob {
  const { header, bytes } = splitRecord<JobHeader>(value);
  const [attempt, attempts, addedMs, priority, more = {}] = header;
  return {
    seq,
    priority,
    givenId: more.i,
    attempt,
    attempts,
    addedMs,
    expiresAtMs: more.e ?? 0,
    timeoutMs: more.t === 0 ? Infinity : more.t,
    backoff: more.b,
    error: more.f,
    dueMs: more.d ?? 0,
    body: { bytes, lengths: more.l },
  };
}

/** What is remembered of a finished job. A dead one has its record among the dead letters, under `deadKey`. */
export interface FinishedJob extends Place {
  readonly state: "done" | "dead" | "expired";
  readonly givenId: string | undefined;
  readonly finishedMs: number;
  readonly addedMs: number;
  readonly attempt: number;
  readonly attempts: number;
  /** Secret of the lease under which it was done. */
  readonly secret: string;
  readonly deadKey: string | undefined;
  readonly result: Body;
}

type FinishedHeader = readonly [
  state: number,
  finishedMs: number,
  addedMs: number,
  attempt: number,
  attempts: number,
  priority: number,
  secret: string,
  more?: {
    readonly i?: string | undefined;
    readonly k?: string | undefined;
    readonly l?: readonly number[] | undefined;
  },
];

const FINISHED_STATES = ["done", "dead", "expired"] as const;

export function encodeFinished(job: FinishedJob): string | Uint8Array {
  const { finishedMs, addedMs, attempt, attempts, priority, secret, givenId, deadKey } = job;
  const { lengths } = job.result;
  const state = FINISHED_STATES.indexOf(job.state);
  const header = [state, finishedMs, addedMs, attempt, attempts, priority, secret] as const;
  const hasMore = givenId !== undefined || deadKey !== undefined || lengths !== undefined;
  const full: FinishedHeader = hasMore ? [...header, { i: givenId, k: deadKey, l: lengths }] : header;
  return joinRecord(JSON.stringify(full), job.result);
}

export function decodeFinished(seq: number, value: Uint8Array): FinishedJob {
  const { header, bytes } = splitRecord<FinishedHeader>(value);
  const [state, finishedMs, addedMs, attempt, attempts, priority, secret, more = {}] = header;
  return {
    seq,
    priority,
    state: FINISHED_STATES[state]!,
    givenId: more.i,
    finishedMs,
    addedMs,
    attempt,
    attempts,
    secret,
    deadKey: more.k,
    result: { bytes, lengths: more.l },
  };
}

/** An attempt under way. */
export interface LeaseRecord extends Place {
  readonly attempt: number;
  /** Whose it is; empty: a worker of the process that wrote it. */
  readonly owner: string;
  readonly secret: string;
  /** Wall time at which it ends unless renewed. */
  readonly untilMs: number;
}

type LeaseEntry = readonly [
  seq: number,
  priority: number,
  attempt: number,
  untilMs?: number,
  secret?: string,
  owner?: string,
];

export function encodeLeases(leases: readonly LeaseRecord[]): string {
  return JSON.stringify(
    leases.map(
      ({ seq, priority, attempt, owner, secret, untilMs }): LeaseEntry =>
        owner === "" ? [seq, priority, attempt] : [seq, priority, attempt, untilMs, secret, owner],
    ),
  );
}

export function decodeLeases(value: Uint8Array): LeaseRecord[] {
  const entries = JSON.parse(Buffer.from(value).toString("utf8")) as readonly LeaseEntry[];
  return entries.map(([seq, priority, attempt, untilMs = 0, secret = "", owner = ""]) => ({
    seq,
    priority,
    attempt,
    untilMs,
    secret,
    owner,
  }));
}

/** Where the job of an id that somebody chose is, and what it was added with. */
export interface IdRecord extends Place {
  /** Of the data. */
  readonly hash: string;
}

export function encodeId({ seq, priority, hash }: IdRecord): string {
  return `[${seq},${priority},${JSON.stringify(hash)}]`;
}

export function decodeId(value: Uint8Array): IdRecord {
  const [seq, priority, hash] = JSON.parse(Buffer.from(value).toString("utf8")) as [number, number, string];
  return { seq, priority, hash };
}
