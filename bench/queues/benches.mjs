// Jobs beside BullMQ on a real Redis, both flushed to the same disk before an add or an outcome is acknowledged.
import { ms, perSecond } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";

const SCRIPT = new URL("jobs.mjs", import.meta.url);
const WINDOW_SECONDS = 1.2;

/** Redis or our server has the first core; ours in one process may use both, as those two processes do together. */
const measure = (system, seconds) =>
  figuresOf(SCRIPT, [system, String(seconds)], system === "process" ? "0,1" : "1");

const figures = (prefix, where) => [
  perSecond(`${prefix}Add1`, `${where}: adds per second, 1 under way`),
  perSecond(`${prefix}Add100`, `${where}: adds per second, 100 under way`),
  perSecond(`${prefix}Add1000`, `${where}: adds per second, 1,000 under way`),
  perSecond(`${prefix}Done1`, `${where}: completions per second, one at once`),
  perSecond(`${prefix}Done100`, `${where}: completions per second, 100 at once`),
  perSecond(`${prefix}Done1000`, `${where}: completions per second, 1,000 at once`),
  ms(`${prefix}Start50`, `${where}: from add to start on an idle queue, median`),
  ms(`${prefix}Start99`, `${where}: from add to start, 99th percentile`),
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
      perSecond("ownAddMany", "in one process: jobs added per second, 1,000 per call"),
      ...figures("net", "over sockets"),
      perSecond("ownCycle1000", "jobs done and replaced per second, 1,000 waiting"),
      perSecond("ownCycleMany", "the same, 1,000,000 waiting (BullMQ: 100,000)"),
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
