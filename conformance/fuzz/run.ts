import { fuzzCodecs } from "./codecs.ts";
import { fuzzSockets } from "./sockets.ts";

// npm run fuzz -w conformance [-- inputs connections seed]: ends with status 1 at the first violation, and names the
// seed that repeats it. Memory is measured after a full collection, first when everything is warm, then at the end.

const [inputs = 1_200_000, connections = 4000, seed = Date.now() & 0x7fffffff] = process.argv
  .slice(2)
  .map(Number);
const HEAP_GROWTH_MAX = 8 * 1024 * 1024;
const ROUNDS = 12;

const { gc } = globalThis as { gc?: () => void };
if (!gc) throw new Error("run with --expose-gc");

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Runs `round` many times and fails if what stays in memory after the first rounds grows. */
async function measured(name: string, round: (seed: number) => unknown): Promise<void> {
  await round(seed);
  await round(seed + 1);
  const before = await heapBytes();
  const began = performance.now();
  for (let i = 2; i < ROUNDS; i++) await round(seed + i);
  const grown = (await heapBytes()) - before;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    `${name}: ${seconds} s, heap ${grown < 0 ? "" : "+"}${(grown / 1024).toFixed(0)} kB\n`,
  );
  if (grown > HEAP_GROWTH_MAX) throw new Error(`${name}: memory grew by ${grown} bytes (seed ${seed})`);
}

const total: Record<string, number> = {};
const add = (tally: object) => {
  for (const [key, value] of Object.entries(tally)) total[key] = (total[key] ?? 0) + (value as number);
};

process.stdout.write(`seed ${seed}\n`);
process.on("uncaughtException", (error) => {
  process.stderr.write(`an exception escaped (seed ${seed}): ${error.stack}\n`);
  process.exit(1);
});
await measured("codecs", (s) => add(fuzzCodecs(Math.ceil(inputs / ROUNDS), s)));
await measured("sockets", async (s) => add(await fuzzSockets(Math.ceil(connections / ROUNDS), s)));
process.stdout.write(`${JSON.stringify(total)}\n`);
