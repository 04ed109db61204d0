import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { io } from "holdfast-client";
import { freePort, isAlive, kill } from "../kills/process.ts";
import type { Entry, Kind } from "./plan.ts";
import { startServer, startWorker } from "./processes.ts";
import { judge, type QueueCounts } from "./verdict.ts";

const KINDS: Kind[] = ["ours", "stock", "ours"];
const POISON_JOBS = 3;
/** Jobs under way to the server at once. */
const ADDS_MAX = 100;
/** After this many ms at most, at random, somebody is killed. */
const LIFE_MS_MAX = 500;

export interface KillCounts extends QueueCounts {
  readonly kills: number;
  readonly ofServer: number;
  readonly ofWorkers: number;
}

/**
 * Adds jobs through a client while server and workers, in processes of their own, are killed with SIGKILL at random
 * moments; when nobody is killed any more and all is done, holds the store against what the workers noted.
 */
export async function runKills(
  kills: number,
  jobs: number,
  onKill: (count: number) => void = () => {},
): Promise<KillCounts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-queues-"));
  const store = join(folder, "store");
  const port = await freePort();
  const url = `http://localhost:${port}`;
  let ledgers = 0;
  const hire = (kind: Kind) => startWorker(url, join(folder, `${ledgers++}.ledger`), kind);

  let server = await startServer([store, `${port}`]);
  const workers = await Promise.all(KINDS.map(hire));
  const socket = io(url, { reconnectionDelay: 20, reconnectionDelayMax: 100, transports: ["websocket"] });
  let ofServer = 0;
  let ofWorkers = 0;
  try {
    let allowed = kills === 0 ? jobs : 0;
    const sleepers: (() => void)[] = [];
    const added = addJobs(socket, jobs, async (n) => {
      // evenly over the time of the kills
      while (n >= allowed) {
        await new Promise<void>((resolve) => sleepers.push(resolve));
      }
    });
    for (let count = 1; count <= kills; count++) {
      allowed = Math.ceil((jobs * count) / kills);
      for (const wake of sleepers.splice(0)) wake();
      await sleep(50 + Math.random() * LIFE_MS_MAX);
      if (Math.random() < 0.4) {
        ofServer++;
        await kill(server);
        server = await startServer([store, `${port}`]);
      } else {
        ofWorkers++;
        const i = Math.floor(Math.random() * workers.length);
        // one that worked on a poisoned job is gone already
        if (isAlive(workers[i]!)) await kill(workers[i]!);
        workers[i] = await hire(KINDS[i]!);
      }
      onKill(count);
    }
    await added;
    await settle(socket, async () => {
      for (const [i, worker] of workers.entries()) {
        if (!isAlive(worker)) workers[i] = await hire(KINDS[i]!);
      }
    });
    socket.disconnect();
    for (const process of [...workers, server]) if (isAlive(process)) await kill(process);
    const entries = readdirSync(folder)
      .filter((name) => name.endsWith(".ledger"))
      .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean))
      .map((line) => JSON.parse(line) as Entry);
    return { kills, ofServer, ofWorkers, ...(await judge(store, jobs, POISON_JOBS, entries)) };
  } finally {
    socket.disconnect();
    for (const process of [...workers, server]) if (isAlive(process)) await kill(process);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function addJobs(
  socket: ReturnType<typeof io>,
  jobs: number,
  turn: (n: number) => Promise<void>,
): Promise<void> {
  const poison = socket.queue("poison");
  for (let i = 0; i < POISON_JOBS; i++) await poison.add({ poison: i }, { id: `poison-${i}` });
  const work = socket.queue("work");
  let next = 0;
  await Promise.all(
    Array.from({ length: ADDS_MAX }, async () => {
      for (let n = next++; n < jobs; n = next++) {
        await turn(n);
        await work.add({ n }, { id: `job-${n}` });
      }
    }),
  );
}

/** Waits until no job is left, with workers to do them. */
async function settle(socket: ReturnType<typeof io>, revive: () => Promise<void>): Promise<void> {
  for (;;) {
    await revive();
    const counts = await Promise.all(
      ["work", "poison"].map((name) =>
        socket
          .queue(name)
          .counts()
          .catch(() => undefined),
      ),
    );
    if (counts.every((each) => each && each.waiting + each.delayed + each.running === 0)) return;
    await sleep(100);
  }
}
