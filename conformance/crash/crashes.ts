import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, kill, startProcess } from "../kills/process.ts";
import { Publisher, Reader } from "./clients.ts";
import { type Counts, judge } from "./verdict.ts";

const SERVER = new URL("./server.ts", import.meta.url);
/** After this many ms at most, at random, a server that has begun to acknowledge is killed. */
const LIFE_MS_MAX = 600;

/**
 * Kills a server process with SIGKILL at random moments, always on the same folder, while the process itself and stock
 * clients publish and stock clients read, over either transport, live and resuming from a position.
 */
export async function runCrashes(
  kills: number,
  onRound: (round: number) => void = () => {},
): Promise<Counts & { kills: number }> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const transports = ["websocket", "polling"];
  const publishers = transports.map((transport) => new Publisher(url, transport, transport));
  const latest = () => publishers[0]!.latest;
  const readers = transports.flatMap((transport) => [
    new Reader(url, transport, () => null),
    new Reader(url, transport, latest),
  ]);
  const acknowledged = new Map<string, string>();
  try {
    for (let round = 1; round <= kills; round++) {
      const server = await startProcess(SERVER, [folder, `${port}`, `${round}`]);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * LIFE_MS_MAX));
      await kill(server);
      for (const line of server.lines) {
        const [name, position] = line.split(" ");
        if (position) acknowledged.set(name!, position);
      }
      onRound(round);
    }
    for (const publisher of publishers) {
      for (const [name, position] of publisher.acknowledged) acknowledged.set(name, position);
    }
    const views = readers.flatMap((reader) => reader.views);
    return { kills, ...(await judge(folder, acknowledged, views)) };
  } finally {
    for (const client of [...publishers, ...readers]) client.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
