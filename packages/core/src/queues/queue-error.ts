/**
 * What went wrong with a queue or a job, stable across versions:
 *
 * | code | when |
 * |---|---|
 * | `QUEUE_INVALID` | an option, name, id or argument that cannot be understood, or past a limit of its own |
 * | `QUEUE_CONFLICT` | a queue was asked for again with other options |
 * | `QUEUE_UNSUPPORTED` | the store lacks what queues need, or may be open in several processes |
 * | `QUEUE_FULL` | the queue holds `lengthMax` jobs, or its watchers or repeats are as many as may be |
 * | `QUEUE_CLOSED` | the queue or the consumer was closed; after a restart, ask again |
 * | `QUEUE_JOB_CONFLICT` | another job, with other data, has this id |
 * | `JOB_TOO_LARGE` | the data of a job is past `payloadBytesMax`, or cannot be written as JSON |
 * | `RESULT_TOO_LARGE` | a result is past `resultBytesMax`, or cannot be written as JSON; the attempt fails with it, for good |
 * | `JOB_UNKNOWN` | no such job: never added, or what it left has expired |
 * | `JOB_DEAD` | its attempts are used up, or its error was final; `cause` is the last error |
 * | `JOB_EXPIRED` | it was not started within `expiresMs` |
 * | `JOB_REMOVED` | somebody removed it |
 * | `JOB_RUNNING` | it cannot be removed while it runs |
 * | `JOB_TIMEOUT` | an attempt took longer than `timeoutMs` |
 * | `JOB_FAILED` | an attempt failed; the message is its error's |
 * | `LEASE_LOST` | the job is not this worker's any more: stop working on it |
 *
 * What the store refuses comes as a StoreError (`STORE_BUSY`, `STORE_FULL`, `STORE_IO`, `STORE_CLOSED`).
 */
export type QueueErrorCode =
  | "QUEUE_INVALID"
  | "QUEUE_CONFLICT"
  | "QUEUE_UNSUPPORTED"
  | "QUEUE_FULL"
  | "QUEUE_CLOSED"
  | "QUEUE_JOB_CONFLICT"
  | "JOB_TOO_LARGE"
  | "RESULT_TOO_LARGE"
  | "JOB_UNKNOWN"
  | "JOB_DEAD"
  | "JOB_EXPIRED"
  | "JOB_REMOVED"
  | "JOB_RUNNING"
  | "JOB_TIMEOUT"
  | "JOB_FAILED"
  | "LEASE_LOST";

/** The error of queues, jobs and leases. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly code: QueueErrorCode;

  constructor(code: QueueErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Thrown by a handler: the attempt failed, and the next one comes after so many milliseconds. */
export class RetryLater extends Error {
  override readonly name: string = "RetryLater";
  /** For who is not a handler, such as a caller of `io.transaction`, and has to try again by itself. */
  readonly code = "RETRY_LATER";
  /** Milliseconds until the next attempt. */
  readonly retryMs: number;

  constructor(retryMs: number, message = `Try again in ${retryMs} ms`, options?: ErrorOptions) {
    super(message, options);
    this.retryMs = retryMs;
  }
}

/** Thrown by a handler: no further attempt would help. The job becomes a dead letter at once. */
export class Unrecoverable extends Error {
  override readonly name: string = "Unrecoverable";
}
