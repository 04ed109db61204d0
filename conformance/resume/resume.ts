import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { allBack, calmDown, Lives } from "../kills/lives.ts";
import { freePort, startProcess } from "../kills/process.ts";
import { ResumingClient } from "./client.ts";
import { type Announcement, type Counts, judge, parseAnnouncement } from "./verdict.ts";

export interface ResumeRun {
  readonly clients: number;
  readonly kills: number;
  /** Longest time, in ms, that a server which listens is left alive. */
  readonly lifeMsMax: number;
  /** Whether the server has connection state recovery too. */
  readonly isRecovering: boolean;
}

export type RunCounts = Counts & {
  readonly kills: number;
  readonly cuts: number;
  readonly reloads: number;
  readonly connects: number;
  readonly recovered: number;
  readonly replays: number;
  /** Holes that clients were told of, though nothing was trimmed. */
  readonly gaps: number;
  /** Positions that the server did not accept, though it gave them. */
  readonly refused: number;
  /** Showed where they stood in each room, and the server did not know. */
  readonly forgotten: number;
  readonly errors: readonly string[];
};

const CUT_INTERVAL_MS = 40;
const RELOAD_INTERVAL_MS = 90;
const ERRORS_SHOWN = 5;
const SERVER = new URL("./server.ts", import.meta.url);

/**
 * Kills a server with SIGKILL again and again, always on the same folder; cuts single connections meanwhile, and replaces
 * clients with fresh ones on the same storage. Clients of ours that resume record what they get.
 */
export async function runResume(
  { clients: count, kills, lifeMsMax, isRecovering }: ResumeRun,
  onRound: (round: number) => void = () => {},
): Promise<RunCounts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-resume-"));
  const port = await freePort();
  const announcements: Announcement[] = [];
  const counts = { cuts: 0, forgotten: 0 };
  const start = (run: number) => {
    const mode = isRecovering ? "recover" : "resume";
    return startProcess(SERVER, [join(folder, "data"), `${port}`, `${run}`, `${count}`, mode]);
  };
  const lives = await Lives.begin(start, (line) => {
    const announcement = parseAnnouncement(line);
    if (announcement) announcements.push(announcement);
    if (line.startsWith("forgotten ")) counts.forgotten++;
  });
  const opening = Array.from({ length: count }, (_, n) => ResumingClient.to(port, n, folder));
  const clients = await Promise.all(opening);
  const anyone = () => clients[Math.floor(Math.random() * count)]!;
  const back = () => allBack(clients, ({ isConnected, isReplaying }) => isConnected && !isReplaying);
  const timers: NodeJS.Timeout[] = [];
  try {
    // the server begins when all have joined, which the last of them may not have heard yet
    while (!clients.every(({ stands }) => stands)) await delay(20);
    await back();
    timers.push(
      setInterval(() => {
        counts.cuts++;
        anyone().cut();
      }, CUT_INTERVAL_MS),
      setInterval(() => anyone().reload(), RELOAD_INTERVAL_MS),
    );
    await lives.pass(kills, lifeMsMax, onRound);
    for (const timer of timers) clearInterval(timer);
    await calmDown(() => clients[0]!.stop(), back);
    await lives.end();
    const sum = (of: (client: ResumingClient) => number) =>
      clients.reduce((total, client) => total + of(client), 0);
    return {
      kills,
      ...counts,
      reloads: sum(({ reloads }) => reloads),
      connects: sum(({ connects }) => connects),
      recovered: sum(({ recovered }) => recovered),
      replays: sum(({ replays }) => replays),
      gaps: sum(({ gaps }) => gaps),
      refused: sum(({ refused }) => refused),
      ...judge(announcements, clients),
      errors: clients.flatMap(({ errors }) => errors).slice(0, ERRORS_SHOWN),
    };
  } finally {
    for (const timer of timers) clearInterval(timer);
    for (const client of clients) client.close();
    lives.abort();
    // a client may be writing its file
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
