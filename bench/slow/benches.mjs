// Readers that stop: what they cost the server, and whether they lose anything.
import { count, megabytes, seconds } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";

const SCRIPT = new URL("slow-readers.mjs", import.meta.url);
const MB = 1e6;

export const slowBenches = [
  {
    name: "slow-readers",
    what: "1,000 clients stop reading while their kept room gets 50 MB of events, and wake all at once",
    servers: ["holdfast"],
    metrics: [
      count("incomplete", "clients that lack an event, or got one twice or out of order"),
      megabytes("peak", "memory of the server at most, less its store's mapped file"),
      count("share", "the same, of its bound"),
      megabytes("idle", "memory before"),
      seconds("wakeSeconds", "from waking until all have all 50 GB"),
    ],
    goals: [
      { metric: "incomplete", absolute: true, limit: 0 },
      { metric: "share", absolute: true, limit: 1 },
    ],
    async measure() {
      const { incomplete, peak, idle, bound, wakeSeconds } = await figuresOf(SCRIPT, ["--json"]);
      return { incomplete, peak: peak / MB, share: peak / bound, idle: idle / MB, wakeSeconds };
    },
  },
];
