export { QUEUE_LIMITS } from "./options.ts";
export { QueueError, type QueueErrorCode, RetryLater, Unrecoverable } from "./queue-error.ts";
export { Queues } from "./queues.ts";
export type * from "./types.ts";
