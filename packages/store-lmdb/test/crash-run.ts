import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredEvent } from "@holdfast/core";
import { LmdbStore } from "../src/index.ts";
import { run } from "./processes.ts";

export interface CrashCounts {
  readonly kills: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** Acknowledged, but not stored where it was said to be. */
  readonly lost: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** Commits of which a part was stored. */
  readonly torn: number;
}

/** Kills a publishing process again and again, on one folder, and counts what survived. */
export async function runCrashes(kills: number): Promise<CrashCounts> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < kills; round++) {
    const child = run("./publish-until-killed.ts", [folder, `${round}`]);
    let output = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await once(child.stdout!, "data");
    await new Promise((done) => setTimeout(done, Math.random() * 300));
    child.kill("SIGKILL");
    await once(child, "close");
    // A line that was cut short was not acknowledged to anybody.
    for (const line of output.slice(0, output.lastIndexOf("\n")).split("\n")) {
      const [name, offset] = line.split(" ") as [string, string];
      acknowledged.set(name, Number(offset));
    }
  }
  const counts = await count(folder, kills, acknowledged);
  rmSync(folder, { recursive: true });
  return counts;
}

async function count(
  folder: string,
  kills: number,
  acknowledged: ReadonlyMap<string, number>,
): Promise<CrashCounts> {
  const store = new LmdbStore({ path: folder });
  const offsets = new Map<string, number>();
  const last = new Map<string, number>();
  let repeated = 0;
  let outOfOrder = 0;
  let stored = 0;
  let newest = 0;
  for await (const { offset, payload } of eventsOf(store)) {
    const name = Buffer.from(payload).toString().trimEnd();
    const publisher = name.slice(0, name.lastIndexOf(":"));
    const number = Number(name.slice(publisher.length + 1));
    if (offsets.has(name)) repeated++;
    else if (number !== (last.get(publisher) ?? -1) + 1 || offset <= newest) outOfOrder++;
    newest = offset;
    offsets.set(name, offset);
    last.set(publisher, number);
    stored++;
  }
  let lost = 0;
  for (const [name, offset] of acknowledged) if (offsets.get(name) !== offset) lost++;
  let torn = 0;
  for (const [publisher, number] of last) {
    const record = await store.get("last", publisher);
    if (Buffer.from(record?.value ?? []).toString() !== `${number}`) torn++;
  }
  if ((await store.storage()).events !== stored) torn++;
  await store.close();
  return { kills, acknowledged: acknowledged.size, stored, lost, repeated, outOfOrder, torn };
}

async function* eventsOf(store: LmdbStore): AsyncGenerator<StoredEvent> {
  for (let after = 0; ; ) {
    const { events, done } = await store.events({ namespace: "/", after });
    yield* events;
    if (done) return;
    after = events[events.length - 1]!.offset;
  }
}

// `npx tsx packages/store-lmdb/test/crash-run.ts 50`
if (process.argv[1]?.endsWith("crash-run.ts")) {
  process.stdout.write(`${JSON.stringify(await runCrashes(Number(process.argv[2] ?? 20)))}\n`);
}
