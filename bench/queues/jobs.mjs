// Adds jobs and does them: node jobs.mjs <bullmq|process|sockets> <seconds per figure>; prints JSON.
//
// All three keep nothing of a job that is done, and acknowledge nothing that is not flushed: Redis with `appendfsync
// always`, ours by its nature.
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../lib/runtimes.mjs";
import { percentile } from "../lib/statistics.mjs";

const DATA = { to: "ada@example.org", subject: "Shall we meet at the usual place?", template: "invitation" };
const BULK = 1_000;
const BULKS_UNDER_WAY = 4;
const IN_FLIGHT = [1, 100, 1_000];
/** Jobs that show how fast a system is, so that what is measured takes about as long as asked. */
const TRIAL_JOBS = 3_000;
const JOBS_MAX = 100_000;
const WARM_SHARE = 0.1;
const LATENCY_SAMPLES = 300;
const CYCLES_BEFORE = 500;
const TMPFS = 0x01021994;

const [kind, secondsText] = process.argv.slice(2);
const windowMs = Number(secondsText) * 1000;
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

mkdirSync(CACHE, { recursive: true });
const folder = mkdtempSync(join(CACHE, "queues-"));
if (statfsSync(folder).type === TMPFS) throw new Error(`${folder} is memory: what is flushed there is not`);
const { open } = await import(`./${kind}.mjs`);
const system = await open(folder);
const report = {};
let queues = 0;
/** A queue that nobody has used. */
const fresh = () => system.queue(`q${queues++}`);

// code that is not yet compiled would be another measurement
await adds(await fresh(), 100);
const trial = await completions(100, TRIAL_JOBS);
for (const inFlight of IN_FLIGHT) report[`add${inFlight}`] = await adds(await fresh(), inFlight);
if (system.hasBulk) report.addMany = await bulk(await fresh());
let rate = trial / 20;
for (const inFlight of IN_FLIGHT) {
  const jobs = Math.min(JOBS_MAX, Math.max(100, 8 * inFlight, Math.ceil((rate * windowMs) / 1000)));
  rate = await completions(inFlight, jobs);
  report[`done${inFlight}`] = rate;
  // what is known of the next one is that it is no slower
  rate = Math.max(trial, rate);
}
Object.assign(report, await latency(await fresh()));
if (system.backlogMax) {
  report.cycle1000 = await cycles(await fresh(), 1_000);
  report.cycleMany = await cycles(await fresh(), system.backlogMax);
}
await system.close();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify(report));
process.exit();

/** Keeps so many calls under way; how often they end in a second. */
async function perSecond(call, inFlight) {
  let ended = 0;
  let isOver = false;
  const loop = async () => {
    while (!isOver) {
      await call();
      ended++;
    }
  };
  const loops = Array.from({ length: inFlight }, loop);
  await delay(windowMs / 3);
  const [before, start] = [ended, performance.now()];
  await delay(windowMs);
  const perMs = (ended - before) / (performance.now() - start);
  isOver = true;
  await Promise.all(loops);
  return perMs * 1000;
}

function adds(queue, inFlight) {
  return perSecond(() => queue.add(DATA), inFlight);
}

async function bulk(queue) {
  return BULK * (await perSecond(() => queue.addMany(Array(BULK).fill(DATA)), BULKS_UNDER_WAY));
}

async function fill(queue, jobs) {
  let left = jobs;
  const loop = async () => {
    while (left > 0) {
      const count = Math.min(BULK, left);
      left -= count;
      await queue.addMany(Array(count).fill(DATA));
    }
  };
  await Promise.all(Array.from({ length: BULKS_UNDER_WAY }, loop));
}

/** Jobs done in a second, so many at once, until none is left. */
async function completions(concurrency, jobs) {
  const queue = await fresh();
  await fill(queue, jobs);
  const warm = Math.ceil(jobs * WARM_SHARE);
  let begun = 0;
  let start;
  const worker = await queue.work(concurrency, () => {
    if (++begun === warm) start = performance.now();
  });
  await worker.drained(jobs);
  const seconds = (performance.now() - start) / 1000;
  if (begun !== jobs) throw new Error(`${begun} of ${jobs} jobs were begun`);
  await worker.close();
  return (jobs - warm) / seconds;
}

/** Milliseconds from the call of `add` to the call of the handler, one job at a time. */
async function latency(queue) {
  let onStart;
  const worker = await queue.work(1, () => onStart());
  const times = [];
  for (let i = 0; i < LATENCY_SAMPLES; i++) {
    const started = new Promise((resolve) => {
      onStart = resolve;
    });
    const start = performance.now();
    const added = queue.add(DATA);
    await started;
    times.push(performance.now() - start);
    await added;
    await worker.drained(i + 1);
  }
  await worker.close();
  return { start50: percentile(times, 0.5), start99: percentile(times, 0.99) };
}

/** Jobs done and replaced in a second, with so many waiting: 100 at once, each adds one before it ends. */
async function cycles(queue, backlog) {
  await system.whileUnsafe(() => fill(queue, backlog));
  let ended = 0;
  let isOver = false;
  const worker = await queue.work(100, async () => {
    if (isOver) return;
    await queue.add(DATA);
    ended++;
  });
  while (ended < CYCLES_BEFORE) await delay(10);
  await delay(windowMs / 3);
  const [before, start] = [ended, performance.now()];
  await delay(windowMs);
  const perMs = (ended - before) / (performance.now() - start);
  isOver = true;
  await worker.abandon();
  return perMs * 1000;
}
