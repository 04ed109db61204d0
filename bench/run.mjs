// npm run bench [-- name… --quick --runs n --servers a,b --profile]
// Runs the benches whose names start with one of the given; writes bench/results/<bench>.json and chart.svg.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildIfStale } from "../scripts/build.mjs";
import { benches } from "./benches.mjs";
import { writeChart } from "./chart.mjs";
import { describeMachine } from "./lib/machine.mjs";
import { topFunctions } from "./lib/profile.mjs";
import { CACHE, compile, RESULTS } from "./lib/runtimes.mjs";
import { commandOf, servers } from "./lib/servers.mjs";
import { withServer } from "./lib/session.mjs";
import { judge, summarize } from "./lib/statistics.mjs";
import { printBench, printGoals } from "./lib/table.mjs";

const RUNS = 3;
// Only the window shrinks: code that is not yet compiled would be another measurement.
const QUICK_TIME_SHARE = 0.5;
// Above this share of a core, other programs had a say in the figures.
const OTHER_WORK_MAX = 0.1;
const PROFILES = join(CACHE, "profiles");

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    servers: { type: "string" },
    profile: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

const isAsked = ({ name }, asked) =>
  benches.some((bench) => bench.name === asked) ? name === asked : name.startsWith(asked);
const chosen = benches.filter(
  (bench) => !positionals.length || positionals.some((asked) => isAsked(bench, asked)),
);
if (options.list || !chosen.length) {
  for (const { name, what } of benches) console.log(`${name.padEnd(18)}${what}`);
  process.exit(options.list ? 0 : 1);
}

const allowed = options.servers?.split(",") ?? Object.keys(servers);
for (const name of allowed)
  if (!servers[name]) throw new Error(`no server "${name}": ${Object.keys(servers)}`);
const runs = options.profile ? 1 : Number(options.runs ?? (options.quick ? 1 : RUNS));
const timed = (load) => (options.quick ? { ...load, time: load.time * QUICK_TIME_SHARE } : load);

compile();
const machine = describeMachine();
const { versions } = machine;
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${versions.node}`,
);
if (!machine.pinned) console.log("Not pinned: this needs two cores and taskset. Take the figures with care.");
if (!versions.redis)
  console.log("redis-server is not installed: BullMQ is missing from the bench of queues.");
if (!versions.bun) console.log("Bun is not installed (npm keeps it optional): its column is missing.");

// A quick run shows the scale; the files, which are committed, hold full ones only.
const keepsResults = !options.profile && !options.servers && !options.quick;

let failed = false;
let otherWork = [];
// the package that users get, of the present sources: never the sources themselves, never an older build
if (allowed.includes("holdfast")) await buildIfStale();
const judged = [];
for (const bench of chosen) {
  const names = bench.servers.filter((name) => allowed.includes(name) && commandOf(name, "", ""));
  otherWork = [];
  const measured = await runBench(bench, names);
  const goals = bench.goals.map((goal) => judge(goal, measured));
  judged.push(...goals.map((goal) => ({ bench: bench.name, ...goal })));
  printBench(bench, measured, goals);
  warnOfOtherWork();
  // A profile, or a part of the servers, is no result: ratios hold within one run only.
  const isWhole = bench.servers.every((name) => measured[name] || !commandOf(name, "", ""));
  if (keepsResults && isWhole) writeResult(bench, measured, goals);
}
printGoals(judged);
if (keepsResults) writeChart(RESULTS);
process.exit(failed ? 1 : 0);

/** Every server in turn, several times, so that a drift of the machine meets all of them. */
async function runBench(bench, names) {
  const collected = Object.fromEntries(names.map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const name of run % 2 ? names.toReversed() : names) {
      progress(`${bench.name} ${run + 1}/${runs} ${name}…`);
      try {
        collected[name].push(await bench.measure(contextOf(name)));
      } catch (error) {
        failed = true;
        console.error(`${bench.name}: ${name} failed: ${error.message}`);
      }
      if (options.profile) printProfile(name);
    }
  }
  progress("");
  return Object.fromEntries(
    names.filter((name) => collected[name].length).map((name) => [name, summarize(collected[name])]),
  );
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`);
}

function onOtherWork(share) {
  otherWork.push(share);
}

function warnOfOtherWork() {
  const worst = Math.max(...otherWork, 0);
  if (worst < OTHER_WORK_MAX) return;
  console.log(`  DISTURBED: other programs used up to ${Math.round(worst * 100)}% of a core meanwhile`);
}

function contextOf(server) {
  const profile = options.profile ? PROFILES : undefined;
  if (profile) rmSync(PROFILES, { recursive: true, force: true });
  return {
    server,
    timed,
    withServer: (setup, use) => withServer(server, { ...setup, profile, onOtherWork }, use),
  };
}

function printProfile(name) {
  console.log(`\n${name}: where its CPU time went (idle left out)`);
  for (const { name: place, share } of topFunctions(PROFILES)) {
    console.log(`  ${(share * 100).toFixed(1).padStart(5)}%  ${place}`);
  }
}

function writeResult({ name, what, metrics }, measured, goals) {
  mkdirSync(RESULTS, { recursive: true });
  const result = {
    name,
    what,
    date: new Date().toISOString(),
    quick: options.quick,
    machine,
    otherWorkMax: Math.max(...otherWork),
    metrics,
    goals,
    servers: measured,
  };
  writeFileSync(join(RESULTS, `${name}.json`), `${readableJson(result)}\n`);
}

/** Indented, but lists of numbers on one line. */
function readableJson(value) {
  return JSON.stringify(value, null, 2).replace(
    /\[\s+([^[\]{}]*?)\s+\]/g,
    (_, list) => `[${list.replace(/\s+/g, " ")}]`,
  );
}
