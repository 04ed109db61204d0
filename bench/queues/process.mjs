import { Server } from "holdfast";

/** Our queues, producer and worker in the server's process. */
export async function open(folder) {
  const io = new Server({ store: folder });
  const opened = [];
  return {
    hasBulk: true,
    backlogMax: 1_000_000,
    async queue(name) {
      const queue = io.queue(name, { resultsMax: 0, lengthMax: 2_000_000 });
      await queue.opened;
      return {
        add: (data) => queue.add(data),
        addMany: (list) => queue.addMany(list.map((data) => ({ data }))),
        async work(concurrency, handler) {
          const worker = queue.work({ concurrency }, (job) => handler(job.data));
          opened.push(worker);
          return {
            drained: () => queue.drain(),
            close: () => worker.close(),
            abandon: () => worker.close(),
          };
        },
      };
    },
    whileUnsafe: (fill) => fill(),
    close: () => io.close(),
  };
}
