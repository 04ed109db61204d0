// Reliable emits of our client to our server, beside socket.io's client with `retries`, which sends again what was not
// answered, one emit at a time; its server stores nothing.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canPin } from "../lib/machine.mjs";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("emits.mjs", import.meta.url));

export const reliableBenches = [
  {
    name: "reliable",
    what: "emits that must not be lost: one client over 20 ms of round trip, and what 20 near ones cost the server",
    servers: ["socketio", "holdfast"],
    metrics: [
      { key: "throughput", label: "over 20 ms of round trip: emits per second", unit: "/s" },
      { key: "file", label: "the same with an outbox on disk", unit: "/s" },
      { key: "latency", label: "one alone, median", unit: "ms" },
      { key: "cpuPlain", label: "CPU per plain acked emit", unit: "µs" },
      {
        key: "cpuSure",
        label: "CPU per reliable emit (socket.io: with retries, nothing stored)",
        unit: "µs",
      },
    ],
    goals: [{ metric: "throughput", against: "socketio", limit: 20, atLeast: true }],
    measure: async ({ server }) => {
      const command = [process.execPath, SCRIPT, server];
      if (canPin()) command.unshift("taskset", "-c", "1");
      const [file, ...args] = command;
      const { stdout } = await run(file, args, { maxBuffer: 1e6 });
      return JSON.parse(stdout);
    },
  },
];
