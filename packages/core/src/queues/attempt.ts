import { randomBytes } from "node:crypto";
import type { Deadline } from "./deadlines.ts";
import { jobId, type LeaseRecord, type StoredJob } from "./job-record.ts";
import type { ReadyJob } from "./ready-jobs.ts";
import type { LeaseEnd } from "./types.ts";

/** Somebody who is given jobs: a worker of this process, or a consumer for a remote one. */
export interface Taker {
  /** Empty for workers of this process. */
  readonly owner: string;
  /** Attempts it may have at once. */
  readonly capacity: number;
  /** False while it wants no more. */
  readonly isTaking: boolean;
  readonly attempts: Set<Attempt>;
  /** The attempt is flushed: it begins. */
  deliver(attempt: Attempt): void;
  /** The attempt is not its any more, and had no outcome. */
  lost(attempt: Attempt, reason: LeaseEnd): void;
}

/** The leases that were given in one turn, as far as they are not over. */
export interface LeaseBatch {
  readonly key: string;
  readonly leases: Map<number, LeaseRecord>;
}

/** One attempt at a job: who has it, and until when. A job has one at a time. */
export class Attempt implements Deadline {
  readonly key: string;
  readonly id: string;
  /** As it waited: without this attempt. */
  readonly before: StoredJob;
  /** With this attempt. */
  readonly job: StoredJob;
  /** Empty: a worker of this process. */
  readonly owner: string;
  readonly secret: string;
  /** Undefined while its owner is away, after a restart. */
  taker: Taker | undefined;
  /**
   * - `beginning`: not flushed yet. `running`: somebody works on it.
   * - `ending`: its outcome is on its way to disk; nobody has it any more.
   */
  state: "beginning" | "running" | "ending" = "beginning";
  /** Its taker left before it began. */
  isUnwanted = false;
  progress: unknown;
  /** The records that say that it runs: more than one while it is renewed. */
  readonly batches: LeaseBatch[] = [];
  /** Called when it is over, durably. */
  readonly endListeners: (() => void)[] = [];
  /** Monotonic milliseconds. */
  leaseEndsAt = Infinity;
  timeoutAt = Infinity;
  heapIndex = -1;
  heapAt = Infinity;

  constructor(ready: ReadyJob, taker: Taker | undefined, owner: string, secret: string) {
    this.key = ready.key;
    this.before = ready.job;
    this.job = { ...ready.job, attempt: ready.job.attempt + 1, error: undefined };
    this.id = jobId(ready.job);
    this.taker = taker;
    this.owner = owner;
    this.secret = secret;
  }

  get endsAt(): number {
    return Math.min(this.leaseEndsAt, this.timeoutAt);
  }
}

const SECRET_BYTES = 12;
let pool = Buffer.alloc(0);
let used = 0;

/** 96 random bits as text. Drawn from a pool: a call for each would cost as much as the rest of a lease. */
export function newSecret(): string {
  if (used + SECRET_BYTES > pool.length) {
    pool = randomBytes(SECRET_BYTES * 256);
    used = 0;
  }
  const secret = pool.toString("base64url", used, used + SECRET_BYTES);
  pool.fill(0, used, used + SECRET_BYTES);
  used += SECRET_BYTES;
  return secret;
}
