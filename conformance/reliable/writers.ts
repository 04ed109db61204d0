import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CuttingProxy } from "../kills/cutting-proxy.ts";
import { freePort, kill, startProcess } from "../kills/process.ts";
import { read } from "./verdict.ts";

const SERVER = new URL("./server.ts", import.meta.url);
const WRITER = new URL("./writer.ts", import.meta.url);
const LIFE_MS_MAX = 500;
const CUT_MS = 100;
const PATIENCE_MS = 60_000;
/** How many numbers a writer writes in its last life. */
const LAST = 5;

export interface WriterCounts {
  clientKills: number;
  cuts: number;
  /** Numbers that were stored in the outbox. */
  stored: number;
  /** Of these, those that are in no room. */
  missing: number;
  /** Numbers that are in a room more than once, whether we heard that they were stored or not. */
  doubled: number;
  outOfOrder: number;
  /** Outcomes other than the reply. */
  refused: number;
}

/** Kills clients, each with an outbox on disk, again and again; the server is killed now and then. */
export async function runWriters(kills: number, writers: number): Promise<WriterCounts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-writers-"));
  const port = await freePort();
  const proxy = await CuttingProxy.to(port);
  const url = `http://localhost:${proxy.port}`;
  const stored = new Set<string>();
  const settled = new Set<string>();
  let refused = 0;
  const start = () => startProcess(SERVER, [join(folder, "store"), `${port}`]);
  let server = await start();
  const cutter = setInterval(() => proxy.cut(0.2), CUT_MS);

  /** The next number of a writer that lived for some time. */
  async function live(
    id: number,
    from: number,
    count: number,
    isOver: (ageMs: number) => boolean,
  ): Promise<number> {
    const args = [url, join(folder, `outbox-${id}`), `${id}`, `${from}`, `${count}`];
    const writer = await startProcess(WRITER, args);
    let next = from;
    let seen = 0;
    const hear = () => {
      for (const line of writer.lines.slice(seen)) {
        const [what, number] = line.split(" ");
        if (what === "emitted") next = Number(number) + 1;
        else if (what === "stored") stored.add(`${id}:${number}`);
        else if (what === "settled") settled.add(`${id}:${number}`);
        else if (refused++ < 10) console.error(`writer ${id}: ${line}`);
      }
      seen = writer.lines.length;
    };
    const born = Date.now();
    while (!isOver(Date.now() - born)) {
      await delay(5);
      hear();
    }
    await kill(writer);
    hear();
    return next;
  }

  try {
    await Promise.all(
      Array.from({ length: writers }, async (_, id) => {
        let next = 0;
        for (let i = id; i < kills; i += writers) {
          const lifeMs = Math.random() * LIFE_MS_MAX;
          next = await live(id, next, Infinity, (ageMs) => ageMs > lifeMs);
        }
        // the last life ends when what it writes itself, and so all before that, is settled
        const isDone = (ageMs: number) => settled.has(`${id}:${next + LAST - 1}`) || ageMs > PATIENCE_MS;
        await live(id, next, LAST, isDone);
      }).concat(
        (async () => {
          for (let i = 0; i < kills / 10; i++) {
            await delay(2 * LIFE_MS_MAX);
            await kill(server);
            server = await start();
          }
        })(),
      ),
    );
    await kill(server);
    const { seen, doubled, outOfOrder } = await read(join(folder, "store"));
    const missing = [...stored].filter((name) => !seen.has(name)).length;
    return {
      clientKills: kills,
      cuts: proxy.cuts,
      stored: stored.size,
      missing,
      doubled,
      outOfOrder,
      refused,
    };
  } finally {
    clearInterval(cutter);
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
