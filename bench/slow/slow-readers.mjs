// Readers that stop reading while a kept room goes on, and then wake all at once: what they cost the server, and
// whether each of them has everything, once, in order.
//
//   node bench/slow/slow-readers.mjs [--readers 1000] [--megabytes 50] [--bytes 1000] [--recovery] [--json]
//
// From the sources: node --conditions=@holdfast/source --import tsx bench/slow/slow-readers.mjs
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Reader } from "./reader.mjs";

const MB = 1e6;
/** Readers beside them that go on reading. */
const QUICK = 10;
const SAMPLE_MS = 250;
/** The server's defaults, and what its process needs without any of this. */
const SHED_BYTES = 1_048_576;
const STRETCH_BYTES = 131_072;
const TOTAL_BYTES = 536_870_912;
const PENDING_BYTES = 67_108_864;

const { values } = parseArgs({
  options: {
    readers: { type: "string", default: "1000" },
    megabytes: { type: "string", default: "50" },
    bytes: { type: "string", default: "1000" },
    recovery: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const readers = Number(values.readers);
const bytes = Number(values.bytes);
const events = Math.ceil((Number(values.megabytes) * MB) / bytes / 100) * 100;
const tell = (text) => values.json || console.log(text);

const folder = mkdtempSync(join(tmpdir(), "holdfast-slow-"));
const options = values.recovery ? { connectionStateRecovery: {} } : {};
const server = await start(folder, JSON.stringify(options));
const slow = await dial(readers);
const quick = await dial(QUICK);
const idle = await server.ask("stats");
tell(`${readers} readers and ${QUICK} more, connected: ${mb(idle.rss)} resident`);

for (const reader of slow) reader.stop();
let peak = 0;
let buffered = 0;
const sampler = setInterval(async () => {
  const stats = await server.ask("stats");
  peak = Math.max(peak, stats.own);
  buffered = Math.max(buffered, stats.bufferedBytes);
}, SAMPLE_MS);

let before = performance.now();
await server.ask(`emit ${events} ${bytes}`);
await Promise.all(quick.map((reader) => reader.count(events)));
const emitSeconds = (performance.now() - before) / 1000;
const stopped = await server.ask("stats");
tell(`${events} events of ${bytes} bytes emitted in ${emitSeconds.toFixed(1)} s while they read nothing:`);
tell(
  `  ${stopped.behind} are behind, ${mb(stopped.bufferedBytes)} wait for them, ${stopped.shed} deliveries shed`,
);

before = performance.now();
for (const reader of slow) reader.go();
await Promise.all(slow.map((reader) => reader.count(events)));
const wakeSeconds = (performance.now() - before) / 1000;
clearInterval(sampler);
const end = await server.ask("stats");
peak = Math.max(peak, end.own, stopped.own);
const all = [...slow, ...quick];
const result = {
  complete: all.filter(({ received, lost }) => received === events && lost === 0).length,
  incomplete: all.filter(({ received, lost, repeated }) => received !== events || lost || repeated).length,
  lost: all.reduce((sum, { lost }) => sum + lost, 0),
  repeated: all.reduce((sum, { repeated }) => sum + repeated, 0),
  closed: all.filter(({ isClosed }) => isClosed).length,
  emitSeconds,
  wakeSeconds,
  buffered,
  idle: idle.own,
  peak,
  peakWithFile: end.peak,
  bound: idle.own + Math.min(TOTAL_BYTES, readers * (SHED_BYTES + STRETCH_BYTES)) + 2 * PENDING_BYTES,
};
tell(
  `awake: ${(readers * events * bytes) / 1e9} GB delivered in ${wakeSeconds.toFixed(1)} s; behind now: ${end.behind}`,
);
tell(
  `complete ${result.complete} of ${all.length}, lost ${result.lost}, repeated ${result.repeated}, closed ${result.closed}`,
);
tell(
  `memory of the server: ${mb(result.idle)} idle, ${mb(peak)} at most (${mb(end.peak)} with the store's mapped file); ` +
    `bound ${mb(result.bound)}`,
);
tell(`what waited for readers: ${mb(buffered)} at most`);
for (const reader of all) reader.close();
await server.quit();
rmSync(folder, { recursive: true, force: true });
if (values.json) console.log(JSON.stringify(result));
else process.exitCode = result.incomplete === 0 && peak <= result.bound ? 0 : 1;

async function dial(count) {
  const dialled = Array.from({ length: count }, () => new Reader(server.port));
  await Promise.all(dialled.map(({ connected }) => connected));
  return dialled;
}

async function start(...args) {
  const path = fileURLToPath(new URL("server.mjs", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await once(lines, "line");
  const { port } = JSON.parse(line);
  // answers come in the order in which they are ready: "emit" takes longer than "stats", so they are told apart
  const asked = { emit: [], stats: [] };
  lines.on("line", (text) => {
    const answer = JSON.parse(text);
    asked["issued" in answer ? "emit" : "stats"].shift()(answer);
  });
  return {
    port,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return new Promise((resolve) => asked[line.startsWith("emit") ? "emit" : "stats"].push(resolve));
    },
    quit() {
      child.stdin.write("quit\n");
      return new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

function mb(size) {
  return `${(size / MB).toFixed(0)} MB`;
}
