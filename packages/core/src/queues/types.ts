/**
 * The public interface of message queues.
 *
 * A **job** is added to a **queue** and held there until somebody has done it. Whoever works on it has its
 * **lease**: one at a time, not one execution, since a worker that is cut off may go on without knowing. So what a
 * handler does should bear being done twice; what the queue records about a job happens once.
 *
 * - Promises of `add`, `settle` and every other write resolve once the write is flushed.
 * - An attempt is flushed before its handler starts.
 * - Jobs start by priority, then by age, counted from `add`. Whatever comes back (a retry, a delay that ends, a
 *   lease that was lost) keeps its age.
 * - A store is open in one process: others reach its queues through sockets.
 */
import type { Clock } from "../log/clock.ts";
import type { Operation, Precondition, Receipt, Store, StoreError } from "../store/index.ts";
import type { QueueError } from "./queue-error.ts";

/** How long to wait before the next attempt, in milliseconds, spread by a jitter of ± 20 %. */
export type Backoff =
  /** One for each attempt that failed; the last one serves for all later ones. */
  | readonly number[]
  /** `base`, `base × factor`, … up to `max`. Factor: 2 by default; max: one hour. */
  | { readonly base: number; readonly factor?: number | undefined; readonly max?: number | undefined };

/** At most `max` jobs start in any `perMs` milliseconds. Counted anew after a restart. */
export interface RateLimit {
  /** 1 to 100,000. */
  readonly max: number;
  readonly perMs: number;
}

/** What a queue is asked to be. All of it may change with a restart. */
export interface QueueOptions {
  /** Attempts of a job before it becomes a dead letter, 1 to 1,000. Default 5. */
  readonly attempts?: number | undefined;
  /** Default `[1_000, 10_000, 60_000]`. */
  readonly backoff?: Backoff | undefined;
  /** Milliseconds that a remote worker has a job without renewing its lease. Default 30,000. */
  readonly leaseMs?: number | undefined;
  /** Milliseconds that one attempt may take, whatever is renewed; `Infinity`: any. Default ten minutes. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that a remote worker keeps its leases after its transport is lost or we restarted. Default 30,000. */
  readonly graceMs?: number | undefined;
  /** How many jobs may start in some time. Default: any number. */
  readonly rate?: RateLimit | undefined;
  /** Jobs that wait, are delayed or run. Default 1,000,000. Past it: `QUEUE_FULL`. */
  readonly lengthMax?: number | undefined;
  /** Bytes of a job's data, encoded. Default 1 MB. Past it: `JOB_TOO_LARGE`. */
  readonly payloadBytesMax?: number | undefined;
  /** Bytes of a result, encoded. Default 64 kB. Past it the job becomes a dead letter with `RESULT_TOO_LARGE`. */
  readonly resultBytesMax?: number | undefined;
  /** Milliseconds that a finished job is remembered, with its result and id. Default one hour. */
  readonly resultAgeMs?: number | undefined;
  /** Finished jobs remembered; 0: none. Default 10,000. The oldest go first, up to a twentieth late. */
  readonly resultsMax?: number | undefined;
  /** Milliseconds that dead letters are kept. Default 30 days. */
  readonly deadAgeMs?: number | undefined;
  /** Dead letters kept. Default 10,000. The oldest go first. */
  readonly deadMax?: number | undefined;
}

/** Of one job. */
export interface AddOptions {
  /**
   * Names the job, so that adding it again is no second job: up to 256 UTF-8 bytes, not starting with `~`. It is
   * free again once what the finished job left has expired. Default: a new id, starting with `~`.
   */
  readonly id?: string | undefined;
  /** Milliseconds, of wall time and of any length, before it may start. Default 0. */
  readonly delayMs?: number | undefined;
  /** Whole number from -1,000 to 1,000; larger starts sooner. Default 0. */
  readonly priority?: number | undefined;
  /** Milliseconds of wall time, after which it is not started any more. Default: never. */
  readonly expiresMs?: number | undefined;
  /** Instead of the queue's. */
  readonly attempts?: number | undefined;
  /** Instead of the queue's. */
  readonly backoff?: Backoff | undefined;
  /** Instead of the queue's. */
  readonly timeoutMs?: number | undefined;
}

/**
 * - `waiting`: may start. `delayed`: until its delay or back-off ends. `running`: somebody has its lease.
 * - `done`, `dead`, `expired`: finished, and remembered for `resultAgeMs` or `deadAgeMs`.
 * - `removed`: only ever reported to watchers.
 */
export type JobState = "waiting" | "delayed" | "running" | "done" | "dead" | "expired" | "removed";

/** An error as it is stored and told to others: never with a stack. */
export interface JobFailure {
  readonly message: string;
  readonly name?: string | undefined;
  readonly code?: string | undefined;
}

/** A job as it is now. */
export interface JobInfo<Data = unknown, Result = unknown> {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  /** Undefined once done or expired: only the outcome is remembered. */
  readonly data: Data | undefined;
  readonly priority: number;
  /** Attempts begun. */
  readonly attempt: number;
  /** After so many it is a dead letter. */
  readonly attempts: number;
  /** When it was added, in milliseconds since 1970; so are the others. */
  readonly addedMs: number;
  /** When its delay ends. */
  readonly dueMs?: number | undefined;
  /** When it was done, died or expired. */
  readonly finishedMs?: number | undefined;
  /** What the running attempt reported last. Not stored. */
  readonly progress?: unknown;
  readonly result?: Result | undefined;
  /** Why the last attempt failed. */
  readonly error?: JobFailure | undefined;
}

/** What a watcher is told: the job's state after something happened. */
export interface JobReport {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly attempts: number;
  readonly progress?: unknown;
  readonly result?: unknown;
  /** Of `dead`, and of `waiting` or `delayed` after an attempt that failed. */
  readonly error?: JobFailure | undefined;
  /** Of `delayed`: when that ends, in milliseconds since 1970. */
  readonly dueMs?: number | undefined;
}

/** A job somebody added or asked for. */
export interface JobHandle<Result = unknown> {
  readonly id: string;
  readonly queue: string;
  /** False if the job was there already. */
  readonly isNew: boolean;
  /**
   * Resolves with the result. Rejects with `JOB_DEAD`, `JOB_EXPIRED`, `JOB_REMOVED`, with `JOB_UNKNOWN` if nothing is
   * known of it any more, with `QUEUE_CLOSED` if the queue is closed before. A dead letter that is redriven is a job
   * again: ask again.
   */
  done(): Promise<Result>;
  /** Undefined if nothing is known of it. */
  info(): Promise<JobInfo<unknown, Result> | undefined>;
}

/** One of many jobs that are added at once. */
export interface JobToAdd<Data = unknown> extends AddOptions {
  readonly data: Data;
}

/**
 * A job to be added by somebody else's commit, together with other things: all of it or nothing.
 *
 * In one turn of the event loop call `store.commit([...operations, ...], [...preconditions, ...])`, and then
 * `issued(receipt)`. If there will be no commit, call `dropped()`: until one of both is called the job counts
 * against `lengthMax`, and adds of the same id wait for it.
 */
export interface PreparedAdd<Result = unknown> {
  /** Empty if the job is there already. */
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
  readonly id: string;
  readonly isNew: boolean;
  /** MUST be called in the turn of the commit. Resolves once it is flushed; rejects with its error. */
  issued(receipt: Receipt): Promise<JobHandle<Result>>;
  dropped(): void;
}

/** Jobs by state. Cheap: nothing is counted for it. */
export interface QueueCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
  /** Finished ones that are remembered: done or expired. */
  readonly done: number;
  readonly dead: number;
  readonly isPaused: boolean;
  /** Consumers and workers that take jobs. */
  readonly workers: number;
}

/** A job that was given up. */
export interface DeadLetter<Data = unknown> {
  readonly id: string;
  readonly data: Data;
  /** Why its last attempt failed. */
  readonly error: JobFailure;
  /** Attempts that were begun. */
  readonly attempt: number;
  /** In milliseconds since 1970, as is `diedMs`. */
  readonly addedMs: number;
  readonly diedMs: number;
  /** Where the next page of `deadLetters` goes on. */
  readonly cursor: string;
}

/** Which dead letters. */
export interface DeadLetterQuery {
  /** 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
  /** A `cursor`: only later ones. */
  readonly after?: string | undefined;
}

/** When a job repeats: every so many milliseconds, or by a cron expression (five or six fields). */
export type Schedule =
  | { readonly everyMs: number }
  /** `tz`: a name such as "Europe/Zurich". Default: UTC. */
  | { readonly cron: string; readonly tz?: string | undefined };

/** A job that repeats. */
export interface RepeatInfo {
  readonly key: string;
  readonly schedule: Schedule;
  /** When it runs next, milliseconds since 1970; undefined if never again. */
  readonly nextMs: number | undefined;
  readonly data: unknown;
}

/** What a handler is given. */
export interface Job<Data = unknown> {
  readonly id: string;
  /** Name of the queue. */
  readonly queue: string;
  readonly data: Data;
  /** 1 in the first attempt. */
  readonly attempt: number;
  /** If this is the last of them and fails, the job is a dead letter. */
  readonly attempts: number;
  readonly priority: number;
  /** When it was added, in milliseconds since 1970. */
  readonly addedMs: number;
  /** Aborted when the lease is lost: time-out, removal, or the worker is closed without waiting. */
  readonly signal: AbortSignal;
  /** Tells watchers how far it is: a fraction from 0 to 1, or any small value. Not stored. */
  progress(value: unknown): void;
  /** Starts the attempt's `timeoutMs` anew. Throws `LEASE_LOST`. */
  extend(): void;
}

/** Of a worker in this process. */
export interface WorkOptions {
  /** Jobs at once, 1 to 10,000. Default 1. */
  readonly concurrency?: number | undefined;
}

/** Does a job: what it returns, or resolves with, is the result; if it throws, the attempt has failed. */
export type Handler<Data = unknown, Result = unknown> = (job: Job<Data>) => Result | Promise<Result>;

/** Works on jobs in this process. */
export interface Worker {
  /** Jobs whose handlers run. */
  readonly running: number;
  /**
   * Takes no more jobs and waits for those that run, at most `timeoutMs` (default: 30,000); the others are aborted
   * and handed back, with their attempt used. Resolves when everything is flushed.
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;
}

/** A job on its way to a remote worker. */
export interface Lease<Data = unknown> {
  /** Unguessable; says to which queue and job it belongs (`Queues.queueOf`). Valid from its owner only. */
  readonly token: string;
  readonly id: string;
  readonly queue: string;
  readonly data: Data;
  readonly attempt: number;
  readonly attempts: number;
  readonly priority: number;
  readonly addedMs: number;
  /** Renew within so many milliseconds. */
  readonly leaseMs: number;
}

/**
 * - `expired`: not renewed in time, or not back within `graceMs`. `timeout`: the attempt took too long.
 * - `removed`: the job was removed. `closed`: the consumer was released.
 */
export type LeaseEnd = "expired" | "timeout" | "removed" | "closed";

/** Of the consumer of a remote worker. */
export interface ConsumerOptions {
  /**
   * Who it is, for as long as a session lasts: outcomes are taken from consumers of the owner that has the lease,
   * and from nobody else. 1 to 256 bytes. Several consumers may have one owner.
   */
  readonly owner: string;
  /** Leases without an outcome, 1 to 1,000. Default 1. */
  readonly prefetch?: number | undefined;
  /** It takes no jobs before `start`. Default false. */
  readonly isStopped?: boolean | undefined;
  /**
   * Takes a job whose attempt is flushed: from here on it counts as begun. Not called from within a call of
   * the consumer, nor while it is in grace or stopped. A throw gives the lease back and goes to `onError`.
   */
  deliver(lease: Lease): void;
  /** A lease ended that had no outcome. */
  onLost?(token: string, reason: LeaseEnd): void;
}

/** How an attempt ended, as a remote worker tells it. */
export type Outcome =
  | { readonly result: unknown }
  | {
      readonly error: JobFailure;
      /** Try again after so many milliseconds, instead of the back-off. */
      readonly retryMs?: number | undefined;
      /** No further attempt: dead letter. */
      readonly isFinal?: boolean | undefined;
    }
  /** Not begun: back to where it was, and the attempt does not count. */
  | { readonly handBack: true };

/** A remote worker's side of a queue: what a transport drives. */
export interface Consumer {
  readonly owner: string;
  readonly leaseMs: number;
  /** Tokens of leases without an outcome that it has. */
  readonly leases: readonly string[];
  /** Whether `extend` would renew it: to ask costs less than what that throws. */
  holds(token: string): boolean;
  /** Changes the prefetch, 1 to 1,000. */
  setPrefetch(prefetch: number): void;
  /**
   * Records how an attempt ended; resolves once that is flushed. Rejects with `LEASE_LOST` if the job is not its owner's
   * any more, with `RESULT_TOO_LARGE` if its result made the job a dead letter, or with a StoreError: then the lease
   * still holds, try again. The same outcome told again while it is
   * remembered resolves: an answer that was lost is no reason to be told off.
   */
  settle(token: string, outcome: Outcome): Promise<void>;
  /**
   * Renews a lease and returns the milliseconds it has, or throws `LEASE_LOST`. A lease of the same owner that
   * another consumer left in grace, or that survived our restart, becomes this consumer's.
   */
  extend(token: string): number;
  /** Tells watchers. Throws `LEASE_LOST`, or `QUEUE_INVALID` for a value of more than 4,096 bytes. */
  progress(token: string, value: unknown): void;
  /** No more jobs; leases stay until their outcome. `start` takes it back. */
  stop(): void;
  start(): void;
  /** Its transport is lost: no more jobs; leases last `graceMs` (default: the queue's), then they are lost. */
  grace(graceMs?: number): void;
  /** Its transport is back: goes on with the leases it has left, each with a new `leaseMs`. */
  resume(): void;
  /** It left: leases are given back at once, with their attempts used. Resolves when that is flushed. */
  release(): Promise<void>;
}

/** Jobs of one kind, held until somebody has done them. */
export interface Queue<Data = unknown, Result = unknown> {
  readonly name: string;
  /** Options with their defaults. */
  readonly options: ResolvedQueueOptions;
  /** Resolves when the queue has been read; writes before it wait. Rejects with a StoreError. */
  readonly opened: Promise<void>;

  /**
   * Adds a job; resolves when it is flushed. With the `id` of a job that is there already (or of a finished one
   * that is remembered) and the same data: that job. Rejects with `QUEUE_JOB_CONFLICT`, `QUEUE_FULL`,
   * `JOB_TOO_LARGE`, `QUEUE_INVALID`, `QUEUE_CLOSED` or a StoreError.
   */
  add(data: Data, options?: AddOptions): Promise<JobHandle<Result>>;
  /** Up to 10,000 jobs, in one commit: all or none. */
  addMany(jobs: readonly JobToAdd<Data>[]): Promise<JobHandle<Result>[]>;
  /**
   * For a commit of somebody else. Rejects as `add` does.
   *
   * @param owner whose commit that is: an id that it adds twice is there already the second time. Rejects with
   *   `RetryLater` if two owners would wait for each other.
   */
  prepare(data: Data, options?: AddOptions, owner?: object): Promise<PreparedAdd<Result>>;

  /** Works in this process. A throw of the handler is a failed attempt; see RetryLater and Unrecoverable. */
  work(handler: Handler<Data, Result>): Worker;
  work(options: WorkOptions, handler: Handler<Data, Result>): Worker;
  /** For a remote worker. Throws `QUEUE_INVALID`, `QUEUE_FULL` or `QUEUE_CLOSED`. */
  consumer(options: ConsumerOptions): Consumer;

  /** A handle of a job by its id, whether or not it is there. */
  job(id: string): JobHandle<Result>;
  /** What is known of a job; undefined if nothing. Rejects with a StoreError. */
  get(id: string): Promise<JobInfo<Data, Result> | undefined>;
  /**
   * Tells of every change of a job, in order, each once it is flushed, progress included; ends by itself when the
   * job is finished for good (done, expired, removed). Returns a function that ends it. Throws `QUEUE_FULL`. A
   * throw of the listener goes to `onError`.
   */
  watch(id: string, listener: (report: JobReport) => void): () => void;
  /** What is flushed of them. */
  counts(): QueueCounts;

  /** No job starts until `resume`, also after a restart. Running ones go on. */
  pause(): Promise<void>;
  /** Jobs start again. Both resolve once that is flushed, and reject with a StoreError. */
  resume(): Promise<void>;
  /** Resolves when no job waits, is delayed or runs; at once if none does. Rejects with `QUEUE_CLOSED`. */
  drain(): Promise<void>;
  /**
   * Forgets a job, whatever became of it. True if there was one. Rejects with `JOB_RUNNING` while it runs, unless
   * `force`: then its lease is lost.
   */
  remove(id: string, options?: { readonly force?: boolean | undefined }): Promise<boolean>;

  /** Oldest first. Rejects with `QUEUE_INVALID` for a limit out of bounds, or a StoreError. */
  deadLetters(query?: DeadLetterQuery): Promise<DeadLetter<Data>[]>;
  /** Makes dead letters jobs again, with all attempts before them: one, or all. Returns how many. */
  redrive(id?: string): Promise<number>;
  /** Forgets dead letters: one, or all. Returns how many. */
  purge(id?: string): Promise<number>;

  /**
   * Adds such a job at each tick. The same key again replaces schedule and data; the same schedule keeps its next
   * tick, so that every start of a program may say it. Ticks that were missed make one job. At most 1,000 keys.
   */
  repeat(key: string, schedule: Schedule, data: Data, options?: RepeatOptions): Promise<RepeatInfo>;
  /** True if there was one. */
  unrepeat(key: string): Promise<boolean>;
  /** All that repeat. Rejects with `QUEUE_CLOSED` or a StoreError. */
  repeats(): Promise<RepeatInfo[]>;
}

/** Of each job that a repetition makes. */
export type RepeatOptions = Omit<AddOptions, "id" | "delayMs">;

/** {@link QueueOptions}, defaults filled in. */
export type ResolvedQueueOptions = {
  readonly [Key in keyof QueueOptions as Key extends "rate" ? never : Key]-?: NonNullable<QueueOptions[Key]>;
} & { readonly rate: RateLimit | undefined };

/** Of all queues of a store. */
export interface QueuesOptions {
  /** Must be transactional, and open in one process: else `QUEUE_UNSUPPORTED`. It is not closed with the queues. */
  readonly store: Store;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** What fails where nobody waits for it. */
  readonly onError?:
    | ((error: QueueError | StoreError | Error, context: { stage: "queue"; queue: string }) => void)
    | undefined;
  /** Queues with a name. Default 1,000. */
  readonly queuesMax?: number | undefined;
  /** Spread of back-offs: a number from 0 to below 1. Default `Math.random`. For tests. */
  readonly random?: (() => number) | undefined;
}

/** All queues of one store. */
export interface QueueRegistry {
  /**
   * The queue of that name (1 to 128 UTF-8 bytes), made where it is missing. Asking again without options, or
   * with the same, gives the same queue; with others `QUEUE_CONFLICT` is thrown.
   */
  queue<Data = unknown, Result = unknown>(name: string, options?: QueueOptions): Queue<Data, Result>;
  /** True if `queue` was called with that name. */
  has(name: string): boolean;
  /** The queue that a lease's token is about, if it is open. */
  queueOf(token: string): Queue | undefined;
  /** Names of queues that are open. */
  names(): readonly string[];
  /** Closes workers (each waiting at most `timeoutMs`, default 30,000), gives leases of this process back, flushes. */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;
}
