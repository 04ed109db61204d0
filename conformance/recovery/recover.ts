import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, kill, startServer } from "../crash/process.ts";
import { RecordingClient } from "./client.ts";
import { type Announcement, type Counts, judge, parseAnnouncement } from "./verdict.ts";

export interface RecoveryRun {
  readonly kind: "holdfast" | "socket.io";
  readonly clients: number;
  readonly kills: number;
  /** Longest time, in ms, that a server which listens is left alive. */
  readonly lifeMsMax: number;
}

export type RunCounts = Counts & {
  readonly kills: number;
  readonly cuts: number;
  readonly reasons: string[];
};

const CUT_INTERVAL_MS = 40;
const LIFE_MS_MIN = 300;
const CALM_MS = 1_500;
const BACK_MS_MAX = 90_000;
const SCRIPT = new URL("./server.ts", import.meta.url);

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Kills a server with SIGKILL again and again, always on the same folder, and cuts single connections meanwhile; stock
 * clients over either transport record what they get.
 */
export async function runRecovery(
  { kind, clients: count, kills, lifeMsMax }: RecoveryRun,
  onRound: (round: number) => void = () => {},
): Promise<RunCounts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-recovery-"));
  const idsFile = join(folder, "ids.json");
  const port = await freePort();
  const ids = new Map<string, string>();
  const announcements: Announcement[] = [];
  const reasons: string[] = [];
  let damaged = 0;
  let cuts = 0;
  const start = (run: number) => {
    writeFileSync(idsFile, JSON.stringify([...ids].map(([n, id]) => [Number(n), id])));
    return startServer([kind, join(folder, "data"), `${port}`, `${run}`, `${count}`, idsFile], [], SCRIPT);
  };
  const read = (lines: readonly string[]) => {
    for (const line of lines) {
      const announcement = parseAnnouncement(line);
      if (announcement) announcements.push(announcement);
      const [type, n, rest] = line.split(" ");
      if (type === "id") ids.set(n!, rest!);
      else if (type === "damaged") damaged++;
      else if (type === "fresh" && rest !== "-") reasons.push(line);
    }
  };
  let server = await start(1);
  const clients = Array.from({ length: count }, (_, n) => new RecordingClient(`http://localhost:${port}`, n));
  const allBack = async () => {
    const deadline = Date.now() + BACK_MS_MAX;
    while (!clients.every(({ socket }) => socket.connected)) {
      if (Date.now() > deadline) throw new Error("not all clients came back");
      await delay(20);
    }
  };
  try {
    await allBack();
    const cutter = setInterval(() => {
      cuts++;
      clients[Math.floor(Math.random() * count)]!.cut();
    }, CUT_INTERVAL_MS);
    for (let round = 1; round <= kills; round++) {
      await delay(LIFE_MS_MIN + Math.random() * lifeMsMax);
      await kill(server);
      read(server.lines);
      onRound(round);
      server = await start(round + 1);
    }
    clearInterval(cutter);
    await allBack();
    await clients[0]!.socket.emitWithAck("stop");
    await delay(CALM_MS);
    await allBack();
    await delay(CALM_MS);
    await kill(server);
    read(server.lines);
    return { kills, cuts, ...judge(announcements, clients, damaged), reasons: reasons.slice(0, 5) };
  } finally {
    for (const client of clients) client.close();
    server.child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
