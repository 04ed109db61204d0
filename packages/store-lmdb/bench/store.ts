/*
 * What the embedded store costs: `npx tsx packages/store-lmdb/bench/store.ts`. Everything in one process, on a fresh
 * folder under the system's temporary folder. CPU counts all threads, LMDB's included.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LmdbStore } from "../src/index.ts";

const payload = `2["message","${"x".repeat(86)}"]`;
const sender = "aBcDeFgHiJkLmNoPqRsT";
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const store = new LmdbStore({ path: folder });
await store.opened;

const event = (room: string) =>
  ({ type: "append", namespace: "/", rooms: [room], payload, timeMs: Date.now(), sender }) as const;

await measure("append, 100 per tick, 1 room", 1000, 100, () => "chat:1");
await measure("append, 1,000 per tick, 1 room", 300, 1000, () => "chat:1");
await measure("append, 1,000 per tick, 100 rooms", 300, 1000, (i) => `chat:${i % 100}`);
await measure("append, 1,000 per tick, 1,000 rooms", 100, 1000, (i) => `chat:${i % 1000}`);
await measure("append, 1 per flush", 500, 1, () => "slow");
await closedLoop(1000, 400_000);
await closedLoop(1, 500);
await fill("long", 1_000_000);
await reads("long");
await tail10("long", 1_000_000);
await fill("short", 1000);
await tail10("short", 1000);
for (let i = 0; i < 20_000; i += 500) {
  for (let j = 0; j < 500; j++) store.commit(event("singles"));
  await store.commit([]).durable();
}
console.log(await store.storage());
await store.close();
rmSync(folder, { recursive: true, force: true });

/** Bursts, each awaited: what one event adds to a flush. */
async function measure(title: string, ticks: number, perTick: number, room: (i: number) => string) {
  for (let i = 0; i < 200; i++) store.commit(event(room(i)));
  await store.commit([]).durable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let tick = 0; tick < ticks; tick++) {
    for (let i = 0; i < perTick; i++) store.commit(event(room(i)));
    await store.commit([]).durable();
  }
  report(
    title,
    ticks * perTick,
    start,
    cpu,
    `${((performance.now() - start) / ticks).toFixed(2)} ms per flush`,
  );
}

/** Publishers that each await their position before they publish again. */
async function closedLoop(publishers: number, count: number) {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: publishers }, async (_, i) => {
      while (left-- > 0) {
        const issued = performance.now();
        await store.commit(event(`chat:${i % 10}`)).durable();
        latencies.push(performance.now() - issued);
      }
    }),
  );
  latencies.sort((a, b) => a - b);
  const at = (p: number) => latencies[Math.floor(latencies.length * p)]!.toFixed(2);
  report(`publish, ${publishers} at a time`, count, start, cpu, `latency p50 ${at(0.5)} p99 ${at(0.99)} ms`);
}

async function fill(room: string, count: number) {
  for (let i = 0; i < count; i += 1000) {
    for (let j = 0; j < Math.min(1000, count); j++) store.commit(event(room));
    await store.commit([]).durable();
  }
}

async function reads(room: string) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let after = 0;
  let count = 0;
  let longest = 0;
  for (;;) {
    const began = performance.now();
    const { events, done } = await store.events({ namespace: "/", rooms: [room], after });
    longest = Math.max(longest, performance.now() - began);
    count += events.length;
    if (done) break;
    after = events[events.length - 1]!.offset;
  }
  report("read", count, start, cpu, `longest chunk ${longest.toFixed(2)} ms`);
}

async function tail10(room: string, of: number) {
  const rounds = 2000;
  const query = { namespace: "/", rooms: [room], limit: 10, reverse: true };
  for (let i = 0; i < 200; i++) await store.events(query);
  const start = performance.now();
  for (let i = 0; i < rounds; i++) await store.events(query);
  const newest = ((performance.now() - start) * 1000) / rounds;
  const seekStart = performance.now();
  for (let i = 0; i < rounds; i++) await store.seek("/", room, { newest: (of * i) / rounds });
  const seek = ((performance.now() - seekStart) * 1000) / rounds;
  console.log(`newest 10 of ${of}: ${newest.toFixed(0)} us; a seek by count: ${seek.toFixed(0)} us`);
}

function report(title: string, events: number, start: number, cpu: NodeJS.CpuUsage, more: string) {
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const perEvent = ((user + system) / events).toFixed(2);
  console.log(`${title}: ${Math.round(events / seconds)} events/s, ${perEvent} us CPU each, ${more}`);
}
