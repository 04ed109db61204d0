export {
  type AddOptions,
  type Backoff,
  type DeadLetter,
  type Gap,
  type Job,
  type JobFailure,
  type JobHandle,
  type JobInfo,
  type JobReport,
  type JobState,
  type JobToAdd,
  MemoryStore,
  type Queue,
  type QueueCounts,
  QueueError,
  type QueueErrorCode,
  type QueueOptions,
  RetryLater,
  type RoomsOption,
  type Schedule,
  type Store,
  StoreError,
  Unrecoverable,
  type Worker,
} from "@holdfast/core";
export { Adapter } from "./adapter/index.ts";
export type { BroadcastOperator, RemoteSocket } from "./broadcast-operator.ts";
export { HoldfastError, type HoldfastErrorCode } from "./errors.ts";
export type { ErrorContext, HistoryEvent, LastResult, ReplayResult, StoreOption } from "./kept/index.ts";
export { Namespace } from "./namespace.ts";
export type { QueueAction, QueueRequest, QueuesServerOptions } from "./queues/index.ts";
export type { RecoveryFailure } from "./recovery/index.ts";
export {
  type Handler,
  type HandlerOptions,
  Rejection,
  type ReliableOptions,
  retryLater,
  type ServerTransaction,
  type Transaction,
} from "./reliable/index.ts";
export type { ResumeOptions } from "./resume/index.ts";
export { Server, Server as default } from "./server.ts";
export type { ServerOptions } from "./server-options.ts";
export type { ServerStats } from "./server-stats.ts";
export { Socket } from "./socket.ts";
export type { DisconnectReason, Event, ExtendedError } from "./socket-types.ts";
export type { DefaultEventsMap } from "./typed-events.ts";
