// What keeping costs: the log, and chats whose rooms are kept (flushed, then delivered) beside socket.io without storage.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canPin } from "../lib/machine.mjs";

const LOG = fileURLToPath(new URL("log.mjs", import.meta.url));
const run = promisify(execFile);

/** Runs one mode of log.mjs in a process of its own, on both cores: the flush has a thread. */
async function log(mode) {
  const command = [process.execPath, LOG, mode];
  if (canPin() && mode === "replay") command.unshift("taskset", "-c", "0,1");
  const [file, ...args] = command;
  const { stdout } = await run(file, args, { maxBuffer: 1e6 });
  return JSON.parse(stdout);
}

const p50 = { key: "p50", label: "latency, median", unit: "ms" };
const p99 = { key: "p99", label: "latency, 99th percentile", unit: "ms" };

/** @param single how a bench of one load is made, @param cpuPerDelivered reads its figure: those of benches.mjs */
export function keptBenches({ single, cpuPerDelivered, cpu }) {
  const ofLoad = (load, read) => single("kept", load, read);
  return [
    {
      name: "kept-chat-1000",
      what: "chat-1000 in a kept room, each event flushed before it is delivered; socket.io stores nothing",
      servers: ["socketio", "holdfast"],
      metrics: [cpu],
      goals: [{ metric: "cpu", against: "socketio", limit: 1 / 80 }],
      measure: ofLoad({ mode: "chat", clients: 1000, warm: 3, time: 5 }, cpuPerDelivered),
    },
    {
      name: "kept-pace",
      what: "pace in a kept room, each event flushed before it is delivered; socket.io stores nothing",
      servers: ["socketio", "holdfast"],
      metrics: [p50, p99],
      goals: [
        { metric: "p50", against: "socketio", limit: 1 },
        { metric: "p99", against: "socketio", limit: 1 },
      ],
      measure: ofLoad({ mode: "pace", clients: 1000, rate: 20, warm: 2, time: 5 }, ({ p50, p99 }) => ({
        p50,
        p99,
      })),
    },
    {
      name: "kept-publish",
      what: "2,000 publishers in one process, ten rooms, each with its next event when its last is on disk; and one alone",
      servers: ["holdfast"],
      metrics: [
        { key: "rate", label: "events flushed per second", unit: "/s" },
        { key: "cpu", label: "CPU per event", unit: "µs" },
        p50,
        p99,
        { key: "alone50", label: "latency alone, median", unit: "ms" },
        { key: "alone99", label: "latency alone, 99th percentile", unit: "ms" },
      ],
      goals: [{ metric: "rate", absolute: true, limit: 100_000, atLeast: true }],
      measure: async () => {
        const alone = await log("alone");
        return { ...(await log("publish")), alone50: alone.p50, alone99: alone.p99 };
      },
    },
    {
      name: "kept-replay",
      what: "four readers join a room with 200,000 events of 100 B over WebSocket",
      servers: ["holdfast"],
      metrics: [
        { key: "rate", label: "events per second at the receivers", unit: "/s" },
        { key: "delay", label: "event loop delay, 99th percentile", unit: "ms" },
        { key: "delayMax", label: "event loop delay, longest", unit: "ms" },
      ],
      goals: [{ metric: "rate", absolute: true, limit: 300_000, atLeast: true }],
      measure: () => log("replay"),
    },
    {
      name: "kept-seek",
      what: "the newest ten events of a room of 1,000 and of one of 1,000,000",
      servers: ["holdfast"],
      metrics: [
        { key: "short", label: "of 1,000", unit: "µs" },
        { key: "long", label: "of 1,000,000", unit: "µs" },
      ],
      goals: [{ metric: "long", self: "short", limit: 2 }],
      measure: () => log("seek"),
    },
  ];
}
