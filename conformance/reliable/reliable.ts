import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CuttingProxy } from "../kills/cutting-proxy.ts";
import { freePort, kill, startProcess } from "../kills/process.ts";
import { Sender } from "./sender.ts";
import { type Contents, read } from "./verdict.ts";

const SERVER = new URL("./server.ts", import.meta.url);
/** A server lives until this many replies have come, at random, and a little longer. */
const LIFE_MS_MAX = 300;
/** How often the network is cut, in ms, and how many of the connections then. */
const CUT_MS_MAX = 400;
const CUT_SHARE = 0.3;
/** How long after the last kill all promises must be settled, in ms. */
const PATIENCE_MS = 60_000;

export interface Plan {
  kills: number;
  clients: number;
  /** What each client emits in all. */
  numbers: number;
}

export interface Counts extends Omit<Contents, "seen"> {
  /** Numbers that are in no room. */
  missing: number;
  kills: number;
  cuts: number;
  clients: number;
  emitted: number;
  resolved: number;
  rejected: number;
  mistaken: number;
  unsettled: number;
}

/**
 * Clients emit numbers reliably through a network that is cut again and again, to a server that is killed again and
 * again; its handler publishes each number to a kept room. Then the rooms are read.
 */
export async function runReliable(
  { kills, clients, numbers }: Plan,
  onRound: (round: number) => void = () => {},
): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-reliable-"));
  const port = await freePort();
  const proxy = await CuttingProxy.to(port);
  const senders = Array.from(
    { length: clients },
    (_, id) => new Sender(id, `http://localhost:${proxy.port}`),
  );
  const resolved = () => senders.reduce((sum, sender) => sum + sender.resolved, 0);
  let isOver = false;
  const cutting = (async () => {
    while (!isOver) {
      await delay(Math.random() * CUT_MS_MAX);
      proxy.cut(CUT_SHARE * Math.random());
    }
  })();
  try {
    const share = Math.ceil(numbers / (kills + 1));
    const emit = async (sender: Sender) => {
      // in bursts, before the server is there and while it is
      for (let left = Math.min(share, numbers - sender.emitted); left > 0; ) {
        const burst = Math.min(left, 1 + Math.floor(Math.random() * share));
        sender.emit(burst);
        left -= burst;
        await delay(Math.random() * LIFE_MS_MAX);
      }
    };
    for (let round = 1; round <= kills; round++) {
      const emitting = senders.map(emit);
      const server = await startProcess(SERVER, [folder, `${port}`]);
      const goal = resolved() + Math.random() * share * clients;
      const deadline = Date.now() + LIFE_MS_MAX * 10;
      while (resolved() < goal && Date.now() < deadline) await delay(1);
      await delay(Math.random() * LIFE_MS_MAX);
      await kill(server);
      await Promise.all(emitting);
      onRound(round);
    }
    const server = await startProcess(SERVER, [folder, `${port}`]);
    for (const sender of senders) sender.emit(numbers - sender.emitted);
    isOver = true;
    await cutting;
    await Promise.race([Promise.all(senders.map((sender) => sender.allSettled())), delay(PATIENCE_MS)]);
    await kill(server);
    const { seen, ...contents } = await read(folder);
    const sum = (key: "resolved" | "rejected" | "mistaken" | "emitted") =>
      senders.reduce((total, sender) => total + sender[key], 0);
    return {
      kills,
      cuts: proxy.cuts,
      clients,
      emitted: sum("emitted"),
      resolved: sum("resolved"),
      rejected: sum("rejected"),
      mistaken: sum("mistaken"),
      unsettled: sum("emitted") - sum("resolved") - sum("rejected"),
      missing: clients * numbers - seen.size,
      ...contents,
    };
  } finally {
    isOver = true;
    for (const sender of senders) sender.close();
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
