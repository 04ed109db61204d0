import { Socket } from "../api.ts";
import { queue } from "./queue.ts";
import type { QueueClient, QueueSocket } from "./types.ts";
import { work } from "./worker.ts";

export {
  type AddOptions,
  type FailOptions,
  type Job,
  type JobFailure,
  type JobHandle,
  type JobReport,
  type JobState,
  QueueError,
  type RemoteQueue,
  type Worker,
  type WorkOptions,
} from "./types.ts";

// PROTOCOL §5: plain events, of which nothing is negotiated
const methods: QueueClient & ThisType<QueueSocket> = {
  work(name: string, ...rest: never[]) {
    return work(this as unknown as QueueSocket, name, ...(rest as unknown as [never]));
  },
  queue(name) {
    return queue(this as unknown as QueueSocket, name);
  },
};
Object.assign(Socket.prototype, methods);
