import { freePort, kill, type ServerProcess, startServer as start } from "../crash/process.ts";
import type { Kind } from "./plan.ts";

export { freePort, kill, type ServerProcess };

const SERVER = new URL("./server.ts", import.meta.url);
const WORKER = new URL("./worker.ts", import.meta.url);

/** @param args folder, port, and perhaps `leaseMs`, which is `graceMs` too */
export function startServer(args: readonly string[]): Promise<ServerProcess> {
  return start(args, [], SERVER);
}

export function startWorker(url: string, ledger: string, kind: Kind): Promise<ServerProcess> {
  return start([url, ledger, kind], [], WORKER);
}

export function isAlive({ child }: ServerProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
