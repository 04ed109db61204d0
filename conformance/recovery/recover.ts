import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allBack, calmDown, Lives } from "../kills/lives.ts";
import { freePort, startProcess } from "../kills/process.ts";
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
const SERVER = new URL("./server.ts", import.meta.url);

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
    return startProcess(SERVER, [kind, join(folder, "data"), `${port}`, `${run}`, `${count}`, idsFile]);
  };
  const lives = await Lives.begin(start, (line) => {
    const announcement = parseAnnouncement(line);
    if (announcement) announcements.push(announcement);
    const [type, n, rest] = line.split(" ");
    if (type === "id") ids.set(n!, rest!);
    else if (type === "damaged") damaged++;
    else if (type === "fresh" && rest !== "-") reasons.push(line);
  });
  const clients = Array.from({ length: count }, (_, n) => new RecordingClient(`http://localhost:${port}`, n));
  const back = () => allBack(clients, ({ socket }) => socket.connected);
  let cutter: NodeJS.Timeout | undefined;
  try {
    await back();
    cutter = setInterval(() => {
      cuts++;
      clients[Math.floor(Math.random() * count)]!.cut();
    }, CUT_INTERVAL_MS);
    await lives.pass(kills, lifeMsMax, onRound);
    clearInterval(cutter);
    await calmDown(() => clients[0]!.socket.emitWithAck("stop"), back);
    await lives.end();
    return { kills, cuts, ...judge(announcements, clients, damaged), reasons: reasons.slice(0, 5) };
  } finally {
    clearInterval(cutter);
    for (const client of clients) client.close();
    lives.abort();
    rmSync(folder, { recursive: true, force: true });
  }
}
