import type { Clock } from "../log/clock.ts";
import type { Store } from "../store/index.ts";
import { jobId, type StoredJob } from "./job-record.ts";
import type { Journal } from "./journal.ts";
import type { QueueKeys } from "./keys.ts";
import type { Moves } from "./moves.ts";
import type { ReadyJobs } from "./ready-jobs.ts";
import type { TimeIndex } from "./time-index.ts";
import type { JobReport, JobState, ResolvedQueueOptions } from "./types.ts";
import type { Watchers } from "./watchers.ts";

/** What is told of jobs that are finished, so that they are remembered, and forgotten in time. */
export interface Remembered {
  /** Whether a job that is done is remembered at all. */
  readonly isKept: boolean;
  /** A job is being finished in this turn. */
  note(seq: number): void;
  /** Jobs have finished, durably. */
  flushed(): void;
  /** A job has died, durably. */
  died(diedMs: number): void;
}

/** What the parts of one queue share. */
export interface QueueContext {
  readonly name: string;
  readonly options: ResolvedQueueOptions;
  /** The queue's. */
  readonly opened: Promise<void>;
  /** The queue waits for its own workers, and is closed then: remote ones are given nothing more. */
  readonly isClosing: boolean;
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: QueueKeys;
  readonly journal: Journal;
  readonly ready: ReadyJobs;
  readonly due: TimeIndex;
  readonly expiry: TimeIndex;
  readonly finished: Remembered;
  readonly moves: Moves;
  readonly watchers: Watchers;
  random(): number;
  /** What fails where nobody waits for it. */
  onError(error: unknown): void;
  /** Jobs may have become ready, or somebody free to work on them. */
  dispatch(): void;
  /** Counts have changed: somebody may wait for the queue to be empty. */
  changed(): void;
}

/** Tells whoever watches a job what became of it. */
export function tell(
  { name, watchers }: Pick<QueueContext, "name" | "watchers">,
  job: StoredJob,
  state: JobState,
  more: Partial<JobReport> = {},
): void {
  const id = jobId(job);
  if (!watchers.has(id)) return;
  const { attempt, attempts } = job;
  watchers.tell({ id, queue: name, state, attempt, attempts, ...more });
}
