/**
 * Jobs: a page that hands out work, and workers in processes of their own that do it. What is added is on disk before
 * the answer, and stays there until somebody has done it: kill a worker, or this process, in the middle.
 *
 * Read it from top to bottom. Beside it: `worker.ts` (what a worker is), `crew.ts` (the processes), `events.ts` (the
 * words exchanged), `page.ts` (the page's files), and `worker.py`, which does the same in Python.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type QueueOptions, Server } from "holdfast";
import { Crew } from "./crew.ts";
import { type JobsServer, type Task, type TaskResult, troubles } from "./events.ts";
import { servePage } from "./page.ts";

export interface JobsOptions {
  /** Default 3001; 0 takes any free port. */
  port?: number;
  /** Where the jobs are kept: a folder, or "memory". Default JOBS_DATA of the environment, or `data` beside this file. */
  store?: string;
  /** Worker processes; one that ends is replaced. Default 2. */
  workers?: number;
  /** Flags of Node, for the workers. Default none. */
  flags?: readonly string[];
  queue?: QueueOptions;
}

const queueName = "tasks";

/** Starts server and workers; resolves once it listens, rejects if it cannot. */
export async function startJobs({ port = 3001, workers = 2, ...options }: JobsOptions = {}) {
  const token = process.env.JOBS_TOKEN ?? randomBytes(16).toString("hex"); // workers show it
  const http = createServer(servePage);
  const io: JobsServer = new Server(http, {
    store: options.store ?? process.env.JOBS_DATA ?? fileURLToPath(new URL("data", import.meta.url)),
    queues: {
      // Nobody may do anything that is not allowed here. Whoever has the page may add, and look after the queue.
      authorize: (socket, action, queue, job) => {
        if (queue !== queueName) return false;
        if (action === "work") return socket.data.worker !== undefined;
        return action === "add" ? isTask(job?.data) : true;
      },
    },
    maxHttpBufferSize: 100_000, // bytes; whoever sends more at once is disconnected
    pingInterval: 5_000, // ms; with pingTimeout, how soon each side notices a dead connection
    pingTimeout: 5_000,
  });
  await io.ready; // rejects if the folder is damaged, or another process has it

  const tasks = io.queue<Task, TaskResult>(queueName, {
    attempts: 3, // then it is a dead letter
    backoff: [1_000, 3_000], // ms before the second and the third
    leaseMs: 10_000, // a worker that says nothing for so long has lost its job
    graceMs: 1_500, // and one whose connection is gone has so long to come back
    lengthMax: 10_000,
    ...options.queue,
  });

  const crew = new Crew(workers, token, options.flags ?? [], (list) => io.emit("workers", list));
  io.use((socket, next) => {
    const { name, token: shown } = socket.handshake.auth;
    if (shown === undefined) return next();
    if (shown !== token) return next(new Error("This is not the workers' token."));
    socket.data.worker = String(name);
    next();
  });

  io.on("connection", (socket) => {
    const { worker } = socket.data;
    if (worker !== undefined) {
      socket.on("busy", (task) => crew.note(worker, task));
      return;
    }
    socket.emit("workers", crew.list);
    socket.emit("counts", tasks.counts());
    socket.on("kill", (name) => crew.kill(name));
  });

  let told = "";
  const tell = setInterval(() => {
    const counts = tasks.counts();
    if (JSON.stringify(counts) === told) return;
    told = JSON.stringify(counts);
    io.emit("counts", counts);
  }, 250);

  await new Promise<void>((resolve, reject) => {
    http.once("error", reject).listen(port, resolve);
  });
  const url = `http://localhost:${(http.address() as AddressInfo).port}`;
  crew.start(url);
  const close = async () => {
    clearInterval(tell);
    await crew.close();
    await io.close();
  };
  return { io, tasks, crew, url, token, close };
}

/** What comes from a page is checked before it is stored. */
function isTask(data: unknown): data is Task {
  if (typeof data !== "object" || data === null) return false;
  const { title, seconds, trouble } = data as Record<string, unknown>;
  return (
    typeof title === "string" &&
    title.length <= 80 &&
    typeof seconds === "number" &&
    seconds >= 0 &&
    seconds <= 60 &&
    troubles.includes(trouble as Task["trouble"])
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startJobs({ port: Number(process.env.PORT || 3001) });
  console.log(`The jobs are at ${url}`);
}
