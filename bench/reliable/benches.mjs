// Reliable emits of our client to our server, beside socket.io's client with `retries`, which sends again what was not
// answered, one emit at a time; its server stores nothing.
import { DROP_INS, ms, perSecond, us } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";

const SCRIPT = new URL("emits.mjs", import.meta.url);

export const reliableBenches = [
  {
    name: "reliable",
    what: "emits that must not be lost: one client over 20 ms of round trip, and what 20 near ones cost the server",
    servers: DROP_INS,
    metrics: [
      perSecond("throughput", "over 20 ms of round trip: emits per second"),
      perSecond("file", "the same with an outbox on disk"),
      ms("latency", "one alone, median"),
      us("cpuPlain", "CPU per plain acked emit"),
      us("cpuSure", "CPU per reliable emit (socket.io: with retries, nothing stored)"),
    ],
    goals: [{ metric: "throughput", against: "socketio", limit: 20, atLeast: true }],
    measure: ({ server }) => figuresOf(SCRIPT, [server], "1"),
  },
];
