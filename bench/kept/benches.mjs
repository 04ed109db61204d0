// What keeping costs: the log, and chats whose rooms are kept (flushed, then delivered) beside socket.io without storage.
import { cpu, DROP_INS, ms, p50, p99, perSecond, us } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";
import { cpuPerDelivered, latency, single } from "../lib/readings.mjs";

const LOG = new URL("log.mjs", import.meta.url);

/** Runs one mode of log.mjs in a process of its own, on both cores: the flush has a thread. */
const log = (mode) => figuresOf(LOG, [mode], mode === "replay" ? "0,1" : undefined);
const ofLoad = (load, read) => single("kept", load, read);

export const keptBenches = [
  {
    name: "kept-chat-1000",
    what: "chat-1000 in a kept room, each event flushed before it is delivered; socket.io stores nothing",
    servers: DROP_INS,
    metrics: [cpu],
    goals: [{ metric: "cpu", against: "socketio", limit: 1 / 80 }],
    measure: ofLoad({ mode: "chat", clients: 1000, warm: 3, time: 5 }, cpuPerDelivered),
  },
  {
    name: "kept-pace",
    what: "pace in a kept room, each event flushed before it is delivered; socket.io stores nothing",
    servers: DROP_INS,
    metrics: [p50, p99],
    goals: [
      { metric: "p50", against: "socketio", limit: 1 },
      { metric: "p99", against: "socketio", limit: 1 },
    ],
    measure: ofLoad({ mode: "pace", clients: 1000, rate: 20, warm: 2, time: 5 }, latency),
  },
  {
    name: "kept-publish",
    what: "2,000 publishers in one process, ten rooms, each with its next event when its last is on disk; and one alone",
    servers: ["holdfast"],
    metrics: [
      perSecond("rate", "events flushed per second"),
      us("cpu", "CPU per event"),
      p50,
      p99,
      ms("alone50", "latency alone, median"),
      ms("alone99", "latency alone, 99th percentile"),
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
      perSecond("rate", "events per second at the receivers"),
      ms("delay", "event loop delay, 99th percentile"),
      ms("delayMax", "event loop delay, longest"),
    ],
    goals: [{ metric: "rate", absolute: true, limit: 300_000, atLeast: true }],
    measure: () => log("replay"),
  },
  {
    name: "kept-seek",
    what: "the newest ten events of a room of 1,000 and of one of 1,000,000",
    servers: ["holdfast"],
    metrics: [us("short", "of 1,000"), us("long", "of 1,000,000")],
    goals: [{ metric: "long", self: "short", limit: 2 }],
    measure: () => log("seek"),
  },
];
