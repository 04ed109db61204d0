import { Queue, Worker } from "bullmq";
import { startRedis } from "./redis.mjs";

/** BullMQ on a Redis of its own, whose file is in the folder. */
export async function open(folder) {
  const redis = await startRedis(folder);
  const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
  const opened = [];
  return {
    hasBulk: true,
    backlogMax: 100_000,
    async queue(name) {
      const queue = new Queue(name, {
        connection,
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      });
      opened.push(queue);
      await queue.waitUntilReady();
      return {
        add: (data) => queue.add("job", data),
        addMany: (list) => queue.addBulk(list.map((data) => ({ name: "job", data }))),
        async work(concurrency, handler) {
          const worker = new Worker(name, async (job) => handler(job.data), { connection, concurrency });
          opened.push(worker);
          let done = 0;
          let waiting;
          worker.on("completed", () => {
            if (++done >= waiting?.jobs) waiting.resolve();
          });
          await worker.waitUntilReady();
          return {
            drained: (jobs) =>
              new Promise((resolve) => {
                if (done >= jobs) resolve();
                else waiting = { jobs, resolve };
              }),
            close: () => worker.close(),
            abandon: () => worker.close(true),
          };
        },
      };
    },
    async whileUnsafe(fill) {
      await redis.set("appendfsync", "no");
      await fill();
      await redis.set("appendfsync", "always");
    },
    async close() {
      await Promise.all(opened.map((each) => each.close(true)));
      await redis.stop();
    },
  };
}
