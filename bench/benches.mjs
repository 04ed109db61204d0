// What is measured, on whom, and what it should reach. The goals are those of the project's plan: ours against
// socket.io in the same run, unless they say otherwise.

import { keptBenches } from "./kept/benches.mjs";
import { bytes, cpu, DROP_INS, MICRO, ms, p50, p99, perSecond, us } from "./lib/metrics.mjs";
import { cpuPerDelivered, idleMemory, latency, shares, single } from "./lib/readings.mjs";
import { queueBenches } from "./queues/benches.mjs";
import { recoveryBenches } from "./recovery/benches.mjs";
import { reliableBenches } from "./reliable/benches.mjs";
import { resumeBenches } from "./resume/benches.mjs";
import { slowBenches } from "./slow/benches.mjs";

const PEERS = ["socketio", "ws", "bun", "holdfast"];
const FAIRNESS_CLIENTS = 101;
const PACE_DELIVERED_PER_SECOND = 20_000;
const GROWTH_SIZES = [100, 1000, 10_000];
const IDLE_CLIENTS = 10_000;

function chat(name, clients, goal, { ack = 0, what, seconds }) {
  return {
    name,
    what,
    servers: PEERS,
    metrics: [cpu],
    goals: [{ metric: "cpu", against: "socketio", limit: goal }],
    measure: single(ack ? "others" : "chat", { mode: "chat", clients, ack, ...seconds }, cpuPerDelivered),
  };
}

function echo(inFlight, goal) {
  return {
    name: `echo-${inFlight}`,
    what: `100 clients, acked emits, ${inFlight} in flight each`,
    servers: PEERS,
    metrics: [perSecond("throughput", "acks per second"), us("cpu", "CPU per ack"), p99],
    goals: [{ metric: "throughput", against: "socketio", limit: goal, atLeast: true }],
    measure: single(
      "echo",
      { mode: "echo", clients: 100, "in-flight": inFlight, warm: 2, time: 3 },
      (report) => ({
        throughput: report.acks / report.seconds,
        cpu: (report.serverCpu * MICRO) / report.acks,
        ...latency(report),
      }),
    ),
  };
}

async function growth(context) {
  const figures = {};
  for (const clients of GROWTH_SIZES) {
    const rate = PACE_DELIVERED_PER_SECOND / clients;
    const report = await context.withServer({ kind: "chat" }, (server) =>
      server.load(context.timed({ mode: "pace", clients, rate, warm: 2, time: 4 })),
    );
    figures[`cpu${clients}`] = cpuPerDelivered(report).cpu;
    if (context.server !== "floor") figures[`heap${clients}`] = (await idleMemory(context, clients)).heap;
  }
  return figures;
}

async function rooms({ withServer, timed }) {
  return withServer({ kind: "rooms" }, async (server) => {
    const memory = {};
    const load = { mode: "rooms", clients: 10_000, rooms: 5000, warm: 2, time: 5 };
    const report = await server.load(timed(load), async (stage) => {
      memory[stage] = await server.settle();
    });
    const { empty, left } = memory;
    if (left.rooms !== empty.rooms)
      throw new Error(`${left.rooms - empty.rooms} rooms are left when all left`);
    const kept = (left.heapUsed + left.external - empty.heapUsed - empty.external) / load.clients;
    return { cpu: (report.serverCpu * MICRO) / report.acks, kept, ...shares(report) };
  });
}

async function fairness({ withServer, timed }) {
  const figures = {};
  for (const flood of ["none", "echo", "chat"]) {
    const report = await withServer({ kind: "flood" }, (server) =>
      server.load(
        timed({ mode: "fairness", clients: FAIRNESS_CLIENTS, flood, warm: 1, time: 4, drain: 0.1 }),
      ),
    );
    figures[`p99-${flood}`] = report.p99;
    if (flood === "echo") figures.floodRate = report.acks / report.seconds;
    if (flood === "chat") figures.floodDelivered = report.delivered / report.seconds;
  }
  return figures;
}

async function limits({ withServer, timed }) {
  const figures = {};
  const fan = { mode: "fan", clients: 1000, warm: 1, time: 3 };
  const busy = { mode: "chat", clients: 1000, warm: 2, time: 3 };
  for (const [key, load] of [
    ["fan", fan],
    ["chat", busy],
  ]) {
    const report = await withServer({ kind: "chat" }, (server) => server.load(timed(load)));
    figures[key] = cpuPerDelivered(report).cpu;
  }
  return figures;
}

export const benches = [
  chat("chat-1000", 1000, 1 / 100, {
    what: "1,000 clients in a room, each sends again when its own message is back",
    seconds: { warm: 3, time: 5 },
  }),
  chat("chat-1000-others", 1000, 1 / 100, {
    what: "the same with socket.to(room): everybody else gets it, the sender an ack",
    ack: 1,
    seconds: { warm: 3, time: 5 },
  }),
  chat("chat-200", 200, 1 / 60, {
    what: "200 clients in a room, each sends again when its own message is back",
    seconds: { warm: 2, time: 4 },
  }),
  {
    name: "burst",
    what: "20 broadcasts in one tick to 1,000 clients",
    servers: PEERS,
    metrics: [cpu],
    goals: [{ metric: "cpu", against: "socketio", limit: 1 / 20 }],
    measure: single("burst", { mode: "fan", clients: 1000, copies: 20, warm: 2, time: 4 }, cpuPerDelivered),
  },
  {
    name: "fan",
    what: "one broadcast at a time to 1,000 clients: the next when all have it",
    servers: PEERS,
    metrics: [cpu, p50],
    goals: [
      { metric: "cpu", against: "socketio", limit: 1 / 1.35 },
      { metric: "cpu", against: "bun", limit: 1.4 },
    ],
    measure: single("chat", { mode: "fan", clients: 1000, warm: 2, time: 4 }, (report) => ({
      ...cpuPerDelivered(report),
      ...latency(report),
    })),
  },
  {
    name: "pace",
    what: "open loop: 20 messages a second to 1,000 clients",
    servers: PEERS,
    metrics: [p50, p99],
    goals: [
      { metric: "p50", against: "socketio", limit: 0.65 },
      { metric: "p99", against: "socketio", limit: 0.65 },
    ],
    measure: single("chat", { mode: "pace", clients: 1000, rate: 20, warm: 2, time: 5 }, (report) => ({
      ...latency(report),
      ...cpuPerDelivered(report),
    })),
  },
  echo(1, 1.4),
  echo(16, 4.5),
  {
    name: "idle",
    what: "10,000 idle connections, each past a heartbeat: resident memory of one",
    servers: PEERS,
    metrics: [
      bytes("memory", "resident memory per connection"),
      bytes("heap", "heap and external per connection"),
    ],
    goals: [{ metric: "memory", against: "socketio", limit: 0.6 }],
    measure: (context) => idleMemory(context, IDLE_CLIENTS),
  },
  {
    name: "connect",
    what: "connections opened, 64 at a time, up to the answer to CONNECT; all stay open",
    servers: PEERS,
    metrics: [perSecond("opened", "connections per second"), us("cpu", "CPU per connection")],
    goals: [{ metric: "opened", against: "socketio", limit: 1.6, atLeast: true }],
    measure: single(
      "idle",
      { mode: "idle", clients: 8000, "warm-clients": 2000, warm: 0, time: 0.1 },
      (report) => ({
        opened: report.connectCount / report.connectSeconds,
        cpu: (report.connectCpu * MICRO) / report.connectCount,
      }),
    ),
  },
  {
    name: "polling",
    what: "200 clients on long-polling in a room, each sends again when its own message is back",
    servers: DROP_INS,
    metrics: [cpu],
    goals: [{ metric: "cpu", against: "socketio", limit: 1 / 2 }],
    measure: single(
      "chat",
      { mode: "chat", polling: 1, clients: 200, warm: 2, time: 4 },
      cpuPerDelivered,
      "polling",
    ),
  },
  {
    name: "binary",
    what: "one broadcast of 1 kB binary at a time to 1,000 clients",
    servers: PEERS,
    metrics: [cpu],
    goals: [{ metric: "cpu", against: "socketio", limit: 1 / 2 }],
    measure: single("binary", { mode: "fan", binary: 1, clients: 1000, warm: 2, time: 4 }, cpuPerDelivered),
  },
  {
    name: "growth",
    what: "100, 1,000 and 10,000 clients: 20,000 deliveries a second in an open loop, and idle",
    servers: ["socketio", "floor", "holdfast"],
    metrics: GROWTH_SIZES.flatMap((clients) => [
      us(`cpu${clients}`, `CPU per delivered event, ${clients} clients`),
      bytes(`heap${clients}`, `heap and external per idle connection, ${clients} clients`),
    ]),
    goals: [
      // More connections than the caches hold cost the kernel more per write; we may not add to that.
      { metric: "cpu10000", self: "cpu1000", beside: "floor", limit: 1.1 },
      { metric: "heap10000", self: "heap1000", limit: 1.1 },
    ],
    measure: growth,
  },
  {
    name: "rooms",
    what: "10,000 sockets in 10 of 5,000 rooms each: four changes of a room to one emit, all acked",
    servers: PEERS,
    metrics: [us("cpu", "CPU per operation"), bytes("kept", "memory kept per socket when all have left")],
    goals: [
      { metric: "cpu", against: "socketio", limit: 1 / 1.5 },
      { metric: "kept", absolute: true, limit: 64 },
    ],
    measure: rooms,
  },
  {
    name: "fairness",
    what: "100 quiet clients ask for an echo ten times a second while one floods: what they wait",
    servers: PEERS,
    metrics: [
      ms("p99-none", "99th percentile, no flood"),
      ms("p99-echo", "99th percentile, a flood of acked emits"),
      ms("p99-chat", "99th percentile, a flood of broadcasts to all"),
      perSecond("floodRate", "acks the flood got"),
      perSecond("floodDelivered", "events the flood delivered"),
    ],
    goals: [
      { metric: "p99-echo", against: "socketio", limit: 1 },
      { metric: "p99-chat", against: "socketio", limit: 1 },
    ],
    measure: fairness,
  },
  {
    name: "limits",
    what: "how far from one bare write per client: fan and chat-1000 beside `net` alone and C alone",
    servers: ["floor", "net", "bun", "holdfast"],
    metrics: [us("fan", "fan: CPU per delivered event"), us("chat", "chat-1000: CPU per delivered event")],
    goals: [],
    measure: limits,
  },
  ...keptBenches,
  ...recoveryBenches,
  ...resumeBenches,
  ...reliableBenches,
  ...queueBenches,
  ...slowBenches,
];
