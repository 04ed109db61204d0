import { join } from "node:path";
import { io } from "holdfast-client";
import { freePort, startServer } from "../lib/processes.mjs";

const SERVER = new URL("server.mjs", import.meta.url);

/** Our queues over the network: a client adds, another one works, the server is a process of its own. */
export async function open(folder) {
  const port = await freePort();
  const server = await startServer(SERVER, "holdfast", port, join(folder, "store"));
  const connect = async () => {
    const socket = io(`http://127.0.0.1:${port}`, { forceNew: true, transports: ["websocket"] });
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  };
  const producer = await connect();
  return {
    hasBulk: false,
    async queue(name) {
      const queue = producer.queue(name);
      const add = (data) => queue.add(data);
      return {
        add,
        addMany: (list) => Promise.all(list.map(add)),
        async work(concurrency, handler) {
          const socket = await connect();
          const worker = socket.work(name, { prefetch: concurrency }, (job) => handler(job.data));
          return {
            drained: () => queue.admin("drain"),
            close: async () => {
              await worker.close();
              socket.disconnect();
            },
          };
        },
      };
    },
    close: () => server.stop(),
  };
}
