/*
 * A year of chat with retention, on a simulated clock: `npx tsx packages/store-lmdb/bench/retention.ts [days]`.
 * Prints the file's size as it goes: it must stop growing once the first month is full.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KeptRooms, ManualClock } from "@holdfast/core";
import { LmdbStore } from "../src/index.ts";

const DAY_MS = 86_400_000;

export interface RetentionSample {
  readonly day: number;
  readonly events: number;
  readonly bytes: number;
  readonly fileBytes: number;
}

/** Publishes to 10 rooms each day, of which some are quiet for weeks; a sample every so many days. */
export async function runRetention(days: number, age: string, every = 10): Promise<RetentionSample[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-retention-"));
  const store = new LmdbStore({ path: folder });
  await store.opened;
  const clock = new ManualClock();
  const log = new KeptRooms(store, {
    rooms: { "busy:*": { keep: { age, events: 2000 } }, "*": { keep: { age } } },
    clock,
    sweepMs: DAY_MS / 4,
    onError: (error) => {
      throw error;
    },
  });
  log.start();
  const samples: RetentionSample[] = [];
  for (let day = 0; day < days; day++) {
    for (let hour = 0; hour < 4; hour++) {
      for (let i = 0; i < 300; i++) {
        const room = i % 10 < 5 ? `busy:${i % 5}` : `quiet:${(i + day * 7) % 40}`;
        // Sizes differ by a lot, as those of messages do.
        const payload = "x".repeat(40 + ((i * i * 31) % 700));
        log.append({ namespace: "/", rooms: i % 50 === 0 ? [room, "all"] : [room], payload });
        if (i % 60 === 0) await store.commit([]).durable();
      }
      clock.advance(DAY_MS / 4);
      await log.idle();
    }
    if ((day + 1) % every === 0) {
      await log.idle();
      const { events, bytes, fileBytes = 0 } = await store.storage();
      samples.push({ day: day + 1, events, bytes, fileBytes });
    }
  }
  await log.close();
  await store.close();
  rmSync(folder, { recursive: true });
  return samples;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const sample of await runRetention(Number(process.argv[2] ?? 365), "30d")) {
    console.log(JSON.stringify(sample));
  }
}
