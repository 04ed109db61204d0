// Clients that come back: what that costs while they are here, and how they fare, beside socket.io's recovery in memory.
import { bytes, count, DROP_INS, ms, percent, perSecond, seconds, us } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";
import { cpuPerDelivered, idleMemory } from "../lib/readings.mjs";

/** A bench that is a script of its own, which starts the server. */
const script =
  (file) =>
  ({ server }) =>
    figuresOf(new URL(file, import.meta.url), [server]);

async function cost(context) {
  const load = { mode: "chat", clients: 1000, warm: 3, time: 4 };
  const chat = (kind, more) =>
    context.withServer({ kind }, (server) => server.load(context.timed({ ...load, ...more })));
  return {
    cpuWithout: cpuPerDelivered(await chat("chat")).cpu,
    cpuWith: cpuPerDelivered(await chat("recover-chat", { stamped: 1 })).cpu,
    memoryWithout: (await idleMemory(context, 5_000)).memory,
    memoryWith: (await idleMemory(context, 5_000, "recover-idle")).memory,
  };
}

export const recoveryBenches = [
  {
    name: "recovery-cost",
    what: "chat-1000, and 5,000 idle connections, without and with recovery: ours on disk, socket.io's in memory",
    servers: DROP_INS,
    metrics: [
      us("cpuWithout", "chat-1000, without: CPU per delivered event"),
      us("cpuWith", "chat-1000, with: CPU per delivered event"),
      bytes("memoryWithout", "idle, without: resident memory per connection"),
      bytes("memoryWith", "idle, with: resident memory per connection"),
    ],
    goals: [{ metric: "cpuWith", against: "socketio", limit: 1 / 40 }],
    measure: cost,
  },
  {
    name: "jitter",
    what: "100 stock clients offline 2 s in every 15 while 120 broadcasts go out; replay: from dialling to all of it",
    servers: DROP_INS,
    metrics: [
      percent("delivered", "delivered"),
      count("notRecovered", "not recovered"),
      ms("p50", "replay, median"),
      ms("p95", "replay, 95th percentile"),
      ms("p99", "replay, 99th percentile"),
    ],
    goals: [{ metric: "delivered", absolute: true, limit: 100, atLeast: true }],
    measure: script("jitter.mjs"),
  },
  {
    name: "redeploy",
    what: "5,000 connections, a clean restart, ten events missed by each; they dial as socket.io-client does",
    servers: DROP_INS,
    metrics: [
      seconds("seconds", "from the stop until all are back"),
      seconds("down", "of that, without a server"),
      perSecond("peak", "connections per second, peak"),
      seconds("cpu", "CPU seconds of the new process"),
      us("cpuEach", "CPU per connection"),
      count("recovered", "recovered"),
      count("incomplete", "lacking an event, or with one twice"),
    ],
    goals: [
      { metric: "recovered", absolute: true, limit: 5_000, atLeast: true },
      { metric: "incomplete", absolute: true, limit: 0 },
    ],
    measure: script("redeploy.mjs"),
  },
];
