// Readers that stop: what they cost the server, and whether they lose anything.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SCRIPT = fileURLToPath(new URL("slow-readers.mjs", import.meta.url));
const MB = 1e6;
const run = promisify(execFile);

export const slowBenches = [
  {
    name: "slow-readers",
    what: "1,000 clients stop reading while their kept room gets 50 MB of events, and wake all at once",
    servers: ["holdfast"],
    metrics: [
      { key: "incomplete", label: "clients that lack an event, or got one twice or out of order", unit: "" },
      { key: "peak", label: "memory of the server at most, less its store's mapped file", unit: "MB" },
      { key: "share", label: "the same, of its bound", unit: "" },
      { key: "idle", label: "memory before", unit: "MB" },
      { key: "wakeSeconds", label: "from waking until all have all 50 GB", unit: "s" },
    ],
    goals: [
      { metric: "incomplete", absolute: true, limit: 0 },
      { metric: "share", absolute: true, limit: 1 },
    ],
    async measure() {
      const { stdout } = await run(process.execPath, [SCRIPT, "--json"], { maxBuffer: 1e6 });
      const { incomplete, peak, idle, bound, wakeSeconds } = JSON.parse(stdout);
      return { incomplete, peak: peak / MB, share: peak / bound, idle: idle / MB, wakeSeconds };
    },
  },
];
