export { QueueError, type QueueErrorCode, RetryLater, Unrecoverable } from "./queue-error.ts";
export type * from "./types.ts";
