/** The process that is killed: a server with two queues in a folder. */
import { createServer } from "node:http";
import { Server } from "holdfast";
import { listen } from "../kills/announcing.ts";
import { QUEUES } from "./plan.ts";

const [folder, port, leaseMs] = process.argv.slice(2) as [string, string, string?];

const http = createServer();
const io = new Server(http, { store: folder, queues: { authorize: () => true }, pingInterval: 2_000 });
for (const [name, options] of Object.entries(QUEUES)) {
  io.queue(name, { ...options, ...(leaseMs && { leaseMs: Number(leaseMs), graceMs: Number(leaseMs) }) });
}

await io.ready;
await listen(http, port);
