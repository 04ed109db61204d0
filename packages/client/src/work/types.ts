/** A socket of this package, or of socket.io-client: what work and queues need of it. */
export interface QueueSocket {
  readonly connected: boolean;
  readonly active: boolean;
  timeout(ms: number): { emit(event: string, ...args: unknown[]): unknown };
  // biome-ignore lint/suspicious/noExplicitAny: listeners are contravariant in their arguments
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** An error that a server answered with, or `DISCONNECTED`. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  /** Stable; see docs/errors.md. */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message);
    this.code = code;
    if (cause) this.cause = cause;
  }
}

export type JobState = "waiting" | "delayed" | "running" | "done" | "dead" | "expired" | "removed";

/** Why an attempt failed. */
export interface JobFailure {
  readonly message: string;
  readonly name?: string;
  readonly code?: string;
}

/** A job as its watchers are told of it. */
export interface JobReport<Result = unknown> {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly attempts: number;
  readonly progress?: unknown;
  readonly result?: Result;
  readonly error?: JobFailure;
  /** When its delay ends, milliseconds since 1970. */
  readonly dueMs?: number;
}

export interface FailOptions {
  /** Milliseconds until the next attempt, instead of the queue's back-off. */
  readonly retryMs?: number;
  /** No further attempt: a dead letter at once. Default false. */
  readonly final?: boolean;
}

/** A job that this client has the lease of. */
export interface Job<Data = unknown> {
  readonly id: string;
  readonly queue: string;
  readonly data: Data;
  /** 1 in the first attempt. */
  readonly attempt: number;
  readonly attempts: number;
  /**
   * Aborted when somebody else may have the job now: stop working on it, its outcome is refused. The reason is a
   * QueueError with the code `LEASE_LOST`.
   */
  readonly signal: AbortSignal;
  /** Tells watchers how far it is: a fraction from 0 to 1, or any small value. Lost while there is no connection. */
  progress(value: unknown): void;
  /**
   * Asks whether the job is still this worker's, and renews the lease, as happens without it too; the queue's `timeoutMs`
   * bounds the attempt all the same. Rejects with `LEASE_LOST`; while there is no connection it asks nothing.
   */
  extend(): Promise<void>;
  /** Ends the attempt: throws what makes it fail so. */
  fail(message: string, options?: FailOptions): never;
}

export type Handler<Data = unknown, Result = unknown> = (job: Job<Data>) => Result | Promise<Result>;

export interface WorkOptions {
  /** Jobs at once, 1 to 1,000. Default 1. */
  readonly prefetch?: number;
  /**
   * Hears of what nobody waits for: the server does not let this client work (then it is tried again with the next
   * connection), or an outcome came too late. Default: nobody.
   */
  readonly onError?: (error: QueueError) => void;
}

/** Works on the jobs of a queue. */
export interface Worker {
  /** Jobs whose handlers run, or whose outcome has not been recorded. */
  readonly running: number;
  /** Resolves when the server gives jobs for the first time; rejects with its refusal, or when closed before. */
  readonly ready: Promise<void>;
  /**
   * Takes no more jobs and waits for those that run, at most `timeoutMs` (default 30,000). Those that are not done by
   * then are aborted and fail, to be tried again at once. Leaves the socket as it is.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

export interface AddOptions {
  /** Names the job, so that adding it again is no second job. Default: a new id. */
  readonly id?: string;
  /** Milliseconds before it may start. */
  readonly delayMs?: number;
  /** From -1,000 to 1,000; larger starts sooner. Default 0. */
  readonly priority?: number;
  /** Milliseconds after which it is not started any more. */
  readonly expiresMs?: number;
}

/** A job that this client added. */
export interface JobHandle<Result = unknown> {
  readonly id: string;
  readonly queue: string;
  /** False if it was there already. */
  readonly isNew: boolean;
  /** Proof of having added it: who has it may watch the job (`queue.job(id, grant)`), over any connection. */
  readonly grant: string | undefined;
  /** Resolves with the result. Rejects with `JOB_DEAD`, `JOB_EXPIRED`, `JOB_REMOVED`, `JOB_UNKNOWN` or a refusal. */
  done(): Promise<Result>;
  /**
   * Hears of the job's state now, of each change, and again after a reconnect, until it is done. What ends the watch
   * early goes to `onError`.
   *
   * @returns what ends it
   */
  watch(listener: (report: JobReport<Result>) => void, onError?: (error: QueueError) => void): () => void;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
  readonly done: number;
  readonly dead: number;
  readonly isPaused: boolean;
  readonly workers: number;
}

/** A queue on the server. What it does is up to the server's `authorize`. */
export interface RemoteQueue<Data = unknown, Result = unknown> {
  readonly name: string;
  /**
   * Adds a job, once, over as many connections as it takes; resolves when it is stored. Rejects with a refusal, or with
   * `DISCONNECTED` if the socket was closed, or if five connections broke under it: then it is too large for the server.
   */
  add(data: Data, options?: AddOptions): Promise<JobHandle<Result>>;
  /** A job that was added before. */
  job(id: string, grant?: string): JobHandle<Result>;
  /** For administrators: rejects with `QUEUE_FORBIDDEN` for others. */
  counts(): Promise<QueueCounts>;
  /** Any command of PROTOCOL §5.5: `pause`, `resume`, `drain`, `redrive`, `purge`, `deadLetters`, `remove`, `get`. */
  admin(command: string, ...args: unknown[]): Promise<unknown>;
}

/** What sockets can do with queues. */
export interface QueueClient {
  /**
   * Works on the jobs of a queue of the server, `prefetch` at a time. What the handler returns is the job's result; what
   * it throws is why the attempt failed. Leases are renewed while a handler runs, and kept over reconnects. Throws if
   * this socket works on that queue already.
   */
  work<Data = unknown, Result = unknown>(queue: string, handler: Handler<Data, Result>): Worker;
  work<Data = unknown, Result = unknown>(
    queue: string,
    options: WorkOptions,
    handler: Handler<Data, Result>,
  ): Worker;
  /** A queue of the server, for those who add jobs, wait for them, or administer it. */
  queue<Data = unknown, Result = unknown>(name: string): RemoteQueue<Data, Result>;
}
