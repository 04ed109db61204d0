import { type KillableProcess, startProcess } from "../kills/process.ts";
import type { Kind } from "./plan.ts";

const SERVER = new URL("./server.ts", import.meta.url);
const WORKER = new URL("./worker.ts", import.meta.url);

/** @param args folder, port, and perhaps `leaseMs`, which is `graceMs` too */
export function startServer(args: readonly string[]): Promise<KillableProcess> {
  return startProcess(SERVER, args);
}

export function startWorker(url: string, ledger: string, kind: Kind): Promise<KillableProcess> {
  return startProcess(WORKER, [url, ledger, kind]);
}
