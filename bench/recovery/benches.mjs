// Clients that come back: what that costs while they are here, and how they fare, beside socket.io's recovery in memory.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const DROP_INS = ["socketio", "holdfast"];

/** A bench that is a script of its own, which starts the server and prints its figures as JSON. */
const script =
  (file) =>
  async ({ server }) => {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const { stdout } = await run(process.execPath, [path, server], { maxBuffer: 1e6 });
    return JSON.parse(stdout);
  };

/** @param cpuPerDelivered, idleMemory read figures: those of benches.mjs */
export function recoveryBenches({ cpuPerDelivered, idleMemory }) {
  const cost = async (context) => {
    const load = { mode: "chat", clients: 1000, warm: 3, time: 4 };
    const chat = (kind, more) =>
      context.withServer({ kind }, (server) => server.load(context.timed({ ...load, ...more })));
    return {
      cpuWithout: cpuPerDelivered(await chat("chat")).cpu,
      cpuWith: cpuPerDelivered(await chat("recover-chat", { stamped: 1 })).cpu,
      memoryWithout: (await idleMemory(context, 5_000)).memory,
      memoryWith: (await idleMemory(context, 5_000, "recover-idle")).memory,
    };
  };
  return [
    {
      name: "recovery-cost",
      what: "chat-1000, and 5,000 idle connections, without and with recovery: ours on disk, socket.io's in memory",
      servers: DROP_INS,
      metrics: [
        { key: "cpuWithout", label: "chat-1000, without: CPU per delivered event", unit: "µs" },
        { key: "cpuWith", label: "chat-1000, with: CPU per delivered event", unit: "µs" },
        { key: "memoryWithout", label: "idle, without: resident memory per connection", unit: "B" },
        { key: "memoryWith", label: "idle, with: resident memory per connection", unit: "B" },
      ],
      goals: [{ metric: "cpuWith", against: "socketio", limit: 1 / 40 }],
      measure: cost,
    },
    {
      name: "jitter",
      what: "100 stock clients offline 2 s in every 15 while 120 broadcasts go out; replay: from dialling to all of it",
      servers: DROP_INS,
      metrics: [
        { key: "delivered", label: "delivered", unit: "%" },
        { key: "notRecovered", label: "not recovered", unit: "" },
        { key: "p50", label: "replay, median", unit: "ms" },
        { key: "p95", label: "replay, 95th percentile", unit: "ms" },
        { key: "p99", label: "replay, 99th percentile", unit: "ms" },
      ],
      goals: [{ metric: "delivered", absolute: true, limit: 100, atLeast: true }],
      measure: script("jitter.mjs"),
    },
    {
      name: "redeploy",
      what: "5,000 connections, a clean restart, ten events missed by each; they dial as socket.io-client does",
      servers: DROP_INS,
      metrics: [
        { key: "seconds", label: "from the stop until all are back", unit: "s" },
        { key: "down", label: "of that, without a server", unit: "s" },
        { key: "peak", label: "connections per second, peak", unit: "/s" },
        { key: "cpu", label: "CPU seconds of the new process", unit: "s" },
        { key: "cpuEach", label: "CPU per connection", unit: "µs" },
        { key: "recovered", label: "recovered", unit: "" },
        { key: "incomplete", label: "lacking an event, or with one twice", unit: "" },
      ],
      goals: [
        { metric: "recovered", absolute: true, limit: 5_000, atLeast: true },
        { metric: "incomplete", absolute: true, limit: 0 },
      ],
      measure: script("redeploy.mjs"),
    },
  ];
}
