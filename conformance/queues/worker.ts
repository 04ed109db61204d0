/** The other process that is killed: a worker, of our client or of a stock one, which notes what it does. */
import { randomUUID } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { io as connectOurs } from "holdfast-client";
import { io as connectStock } from "socket.io-client";
import type { Entry, Kind } from "./plan.ts";

const [url, ledger, kind] = process.argv.slice(2) as [string, string, Kind];
const PREFETCH = 20;

const file = openSync(ledger, "a");
/** Written at once: a kill loses nothing that was handed to the kernel. */
const write = (entry: Entry) => writeSync(file, `${JSON.stringify(entry)}\n`);
const noteStart = (queue: string, id: string, attempt: number) => write(["start", queue, id, attempt, now()]);
const noteRecorded = (queue: string, id: string, result: string) =>
  write(["recorded", queue, id, result, now()]);
/** One clock for all processes of this machine, in ms. */
const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

async function handle(queue: string, id: string, attempt: number): Promise<string> {
  noteStart(queue, id, attempt);
  if (queue === "poison") process.kill(process.pid, "SIGKILL");
  await sleep(Math.random() * 4);
  // some fail, for no reason
  if (attempt === 1 && Math.random() < 0.05) throw new Error("by chance");
  return randomUUID();
}

const options = { reconnectionDelay: 20, reconnectionDelayMax: 100, transports: ["websocket"] };
if (kind === "ours") runOurs();
else runStock();

/** Our client, watched for what the server answers to its outcomes. */
function runOurs(): void {
  const socket = connectOurs(url, options);
  const ids = new Map<string, string>();
  const emit = socket.emit.bind(socket) as (...args: unknown[]) => typeof socket;
  socket.emit = (event: string, ...args: unknown[]) => {
    if (event !== "holdfast:queue:done") return emit(event, ...args);
    const ack = args.pop() as (...answer: unknown[]) => void;
    const [lease, result] = args as [string, string];
    return emit(event, ...args, (lost: unknown, error: unknown, answer: unknown) => {
      if (!lost && !error) noteRecorded("work", ids.get(lease)!, result);
      ack(lost, error, answer);
    });
  };
  socket.on("holdfast:queue:job", ({ id, lease }: { id: string; lease: string }) => ids.set(lease, id));
  const worker = socket.work("work", { prefetch: PREFETCH }, ({ id, attempt }) =>
    handle("work", id, attempt),
  );
  void worker.ready.then(() => {
    console.log("ready");
    // not before: whoever started us waits for that line
    socket.work("poison", ({ id, attempt }) => handle("poison", id, attempt));
  });
}

/** A stock client, as PROTOCOL chapter 5 tells it to be. */
function runStock(): void {
  const socket = connectStock(url, options);
  const held = new Set<string>();
  let worker: string | undefined;
  socket.on("connect", async () => {
    const prefetch = PREFETCH;
    const [error, answer] = await call("work", "work", { prefetch, worker, leases: [...held] });
    if (error) return;
    worker = (answer as { worker: string }).worker;
    console.log("ready");
  });
  socket.on("holdfast:queue:job", async ({ queue, id, lease, attempt }) => {
    if (held.has(lease)) return;
    held.add(lease);
    const outcome = await handle(queue, id, attempt).then(
      (result) => ["done", result] as const,
      (error: Error) => ["fail", { message: error.message }] as const,
    );
    for (;;) {
      const [error] = await call(outcome[0], lease, outcome[1]);
      if (!error && outcome[0] === "done") noteRecorded(queue, id, outcome[1] as string);
      if (!error || (error as { code?: string }).code === "LEASE_LOST") break;
      await sleep(20);
    }
    held.delete(lease);
  });

  /** Rejects never: an error is an answer too. */
  async function call(name: string, ...args: unknown[]): Promise<[error: unknown, result?: unknown]> {
    if (!socket.connected) return [new Error("not connected")];
    return new Promise((resolve) => {
      socket
        .timeout(5_000)
        .emit(`holdfast:queue:${name}`, ...args, (lost: unknown, error: unknown, result: unknown) =>
          resolve([lost ?? error, result]),
        );
    });
  }
}
