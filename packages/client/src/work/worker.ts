import { FOR_EVER_MS, isDisconnected, linkOf } from "./link.ts";
import { type JobMessage, type RunningJob, type RunningJobHost, runJob } from "./running-job.ts";
import { type Handler, QueueError, type QueueSocket, type Worker, type WorkOptions } from "./types.ts";

const CLOSE_TIMEOUT_MS = 30_000;
/** What a server that cannot let a worker in right now is given before it is asked again, in ms. */
const RETRY_MS = 1_000;
/** Refusals that asking again on the same connection does not change. */
const FINAL_REFUSALS = new Set(["QUEUE_FORBIDDEN", "QUEUE_UNKNOWN", "QUEUE_INVALID", "QUEUE_LIMIT"]);

interface WorkAnswer {
  readonly worker: string;
  /** Leases that were shown and have passed on. */
  readonly lost: readonly string[];
}

/** See `QueueClient.work`. */
export function work(
  socket: QueueSocket,
  queue: string,
  ...rest: [WorkOptions, Handler<never>] | [Handler<never>]
): Worker {
  const handler = rest.pop() as Handler<never>;
  const { prefetch = 1, onError } = (rest[0] ?? {}) as WorkOptions;
  const link = linkOf(socket);
  if (link.queues.has(queue)) throw new Error(`already works on ${queue}`);
  link.queues.add(queue);

  const jobs = new Map<string, RunningJob>();
  /** The connection that the server knows this worker on. */
  let isReady = false;
  let isClosed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let onIdle: (() => void) | undefined;
  let onFirst: { resolve(): void; reject(error: QueueError): void } | undefined;
  const ready = new Promise<void>((resolve, reject) => {
    onFirst = { resolve, reject };
  });
  // nobody need ask
  ready.catch(() => {});

  const host: RunningJobHost = {
    link,
    isReady: () => isReady && socket.connected,
    onError: (error) => onError?.(error),
    onEnd(lease) {
      jobs.delete(lease);
      if (jobs.size === 0) onIdle?.();
    },
  };

  /** Tells the server who works here, and on what. */
  async function begin(): Promise<void> {
    clearTimeout(retry);
    isReady = false;
    // a worker that is closed comes back only for what it still has
    if (isClosed && jobs.size === 0) return;
    try {
      const { worker } = link;
      const answer = await link.ask<WorkAnswer>("work", queue, {
        // one that is closed has no room for more
        prefetch: isClosed ? jobs.size : prefetch,
        leases: [...jobs.keys()],
        ...(worker && { worker }),
      });
      link.worker = answer.worker;
      isReady = true;
      if (isClosed) link.ask("stop", queue).catch(() => {});
      for (const lease of answer.lost) {
        jobs.get(lease)?.lose(new QueueError("LEASE_LOST", "somebody else may have the job now"));
      }
      for (const job of [...jobs.values()]) job.onReady();
      onFirst?.resolve();
      onFirst = undefined;
    } catch (error) {
      if (isDisconnected(error)) return;
      if (!FINAL_REFUSALS.has((error as QueueError).code)) {
        retry = setTimeout(begin, RETRY_MS);
        return;
      }
      onFirst?.reject(error as QueueError);
      onFirst = undefined;
      onError?.(error as QueueError);
    }
  }

  const ends = [
    link.on<JobMessage>("holdfast:queue:job", (message) => {
      // one that runs here already was told twice
      if (message.queue === queue && !jobs.has(message.lease)) {
        jobs.set(message.lease, runJob(host, message, handler));
      }
    }),
    link.on<{ lease: string; reason: string }>("holdfast:queue:lost", ({ lease, reason }) => {
      jobs.get(lease)?.lose(new QueueError("LEASE_LOST", `the lease has ended: ${reason}`));
    }),
    link.on("disconnect", () => {
      isReady = false;
      clearTimeout(retry);
    }),
    link.onConnect(begin),
  ];

  return {
    ready,
    get running() {
      return jobs.size;
    },
    async close({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      isClosed = true;
      onFirst?.reject(new QueueError("QUEUE_CLOSED", "the worker was closed"));
      onFirst = undefined;
      // what is on its way still comes, and runs
      await link.ask("stop", queue).catch(() => {});
      if (jobs.size > 0) {
        let timer: ReturnType<typeof setTimeout> | undefined;
        await new Promise<void>((resolve) => {
          onIdle = resolve;
          timer = setTimeout(
            () => {
              for (const job of [...jobs.values()]) job.abandon();
              // their failures go out now, or never
              timer = setTimeout(resolve, RETRY_MS);
            },
            Math.min(timeoutMs, FOR_EVER_MS),
          );
        });
        clearTimeout(timer);
      }
      for (const end of ends) end();
      link.queues.delete(queue);
      clearTimeout(retry);
    },
  };
}
