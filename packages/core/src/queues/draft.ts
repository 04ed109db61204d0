import { digest } from "../digest.ts";
import { type Body, encodeBody } from "./body.ts";
import type { QueueContext } from "./context.ts";
import { idConflict } from "./id-claims.ts";
import { encodeId, type StoredJob } from "./job-record.ts";
import { KIND, type QueueKeys } from "./keys.ts";
import { checkAddOptions, TIME_MAX_MS } from "./options.ts";
import { type Transition, toAdd } from "./transitions.ts";
import type { AddOptions } from "./types.ts";

/** 132 bits. */
const HASH_CHARS = 22;

/** A job that is about to be added. */
export interface Draft {
  readonly job: StoredJob;
  /** Of its data, if it has an id of its own. */
  readonly hash: string;
}

/** Gives out sequences. */
export interface Sequence {
  next(): number;
  /** Resolves when all sequences given out so far are safe from being given out again after a crash. */
  reserved(): Promise<void>;
}

/** Throws `QUEUE_INVALID` or `JOB_TOO_LARGE`. */
export function draftJob(
  { clock, options: queue }: Pick<QueueContext, "clock" | "options">,
  sequence: Sequence,
  data: unknown,
  options: AddOptions,
): Draft {
  checkAddOptions(options);
  const { id, priority = 0, delayMs = 0, expiresMs, attempts = queue.attempts, backoff, timeoutMs } = options;
  const body = encodeBody(data, queue.payloadBytesMax, "JOB_TOO_LARGE");
  const now = clock.now();
  const job: StoredJob = {
    seq: sequence.next(),
    priority,
    givenId: id,
    attempt: 0,
    attempts,
    addedMs: now,
    expiresAtMs: expiresMs === undefined ? 0 : later(now, expiresMs),
    timeoutMs,
    backoff,
    error: undefined,
    dueMs: delayMs > 0 ? later(now, delayMs) : 0,
    body,
  };
  return { job, hash: id === undefined ? "" : hashOf(body) };
}

/** What is written to add it, with its id. */
export function toAddDraft(keys: QueueKeys, { job, hash }: Draft): Transition {
  const transition = toAdd(keys, job);
  if (job.givenId !== undefined) {
    const value = encodeId({ seq: job.seq, priority: job.priority, hash });
    transition.operations.push({ type: "put", kind: KIND.id, key: keys.name(job.givenId), value });
  }
  return transition;
}

/** Hashes by id, of one batch in which an id may come twice. Throws `QUEUE_JOB_CONFLICT`. */
export function hashesOf(drafts: readonly Draft[]): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const { job, hash } of drafts) {
    const id = job.givenId;
    if (id === undefined) continue;
    if ((hashes.get(id) ?? hash) !== hash) throw idConflict(id);
    hashes.set(id, hash);
  }
  return hashes;
}

/** Where one binary ends and the next begins is part of what it says. */
function hashOf({ bytes, lengths }: Body): string {
  const hashed = lengths ? Buffer.concat([Buffer.from(bytes), Buffer.from(JSON.stringify(lengths))]) : bytes;
  return digest("sha256", hashed).slice(0, HASH_CHARS);
}

function later(now: number, ms: number): number {
  return Math.min(now + Math.ceil(ms), TIME_MAX_MS);
}
