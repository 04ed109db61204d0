// Jobs beside BullMQ on a real Redis, both flushed to the same disk before an add or an outcome is acknowledged.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canPin } from "../lib/machine.mjs";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("jobs.mjs", import.meta.url));
const WINDOW_SECONDS = 1.2;

/** Runs jobs.mjs in a process of its own. */
async function measure(system, seconds) {
  const command = [process.execPath, SCRIPT, system, String(seconds)];
  // Redis or our server has the first core; ours in one process may use both, as those two processes do together
  if (canPin()) command.unshift("taskset", "-c", system === "process" ? "0,1" : "1");
  const [file, ...args] = command;
  const { stdout } = await run(file, args, {
    maxBuffer: 1e6,
    env: { ...process.env, NODE_ENV: "production" },
  });
  return JSON.parse(stdout);
}

const rate = (key, label) => ({ key, label, unit: "/s" });
const figures = (prefix, where) => [
  rate(`${prefix}Add1`, `${where}: adds per second, 1 under way`),
  rate(`${prefix}Add100`, `${where}: adds per second, 100 under way`),
  rate(`${prefix}Add1000`, `${where}: adds per second, 1,000 under way`),
  rate(`${prefix}Done1`, `${where}: completions per second, one at once`),
  rate(`${prefix}Done100`, `${where}: completions per second, 100 at once`),
  rate(`${prefix}Done1000`, `${where}: completions per second, 1,000 at once`),
  { key: `${prefix}Start50`, label: `${where}: from add to start on an idle queue, median`, unit: "ms" },
  { key: `${prefix}Start99`, label: `${where}: from add to start, 99th percentile`, unit: "ms" },
];
const prefixed = (prefix, report) =>
  Object.fromEntries(
    Object.entries(report).map(([key, value]) => [prefix + key[0].toUpperCase() + key.slice(1), value]),
  );
const goals = (metrics, limit) =>
  metrics.map((metric) => ({ metric, against: "bullmq", limit, atLeast: true }));

export const queueBenches = [
  {
    name: "queues",
    what: "jobs beside BullMQ on Redis with appendfsync always, both on the same disk: in one process, and over sockets",
    servers: ["bullmq", "holdfast"],
    metrics: [
      ...figures("own", "in one process"),
      rate("ownAddMany", "in one process: jobs added per second, 1,000 per call"),
      ...figures("net", "over sockets"),
      rate("ownCycle1000", "jobs done and replaced per second, 1,000 waiting"),
      rate("ownCycleMany", "the same, 1,000,000 waiting (BullMQ: 100,000)"),
    ],
    goals: [
      ...goals(["ownAdd1000", "ownDone1000", "ownAddMany"], 5),
      ...goals(["netAdd1000", "netDone1000"], 2),
      { metric: "ownCycleMany", self: "ownCycle1000", limit: 0.8, atLeast: true },
    ],
    async measure({ server, timed }) {
      const { time } = timed({ time: WINDOW_SECONDS });
      if (server === "holdfast") {
        return {
          ...prefixed("own", await measure("process", time)),
          ...prefixed("net", await measure("sockets", time)),
        };
      }
      // a connection to Redis is all it has, so both of ours stand beside the same figures
      const report = await measure("bullmq", time);
      return { ...prefixed("own", report), ...prefixed("net", report) };
    },
  },
];
