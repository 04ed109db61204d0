export type { QueueAction, QueueRequest, QueueSocket, QueuesServerOptions } from "./queue-socket.ts";
export { ServerQueues } from "./server-queues.ts";
