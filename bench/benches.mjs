// What is measured, on whom, and what it should reach. The goals are those of the project's plan: ours against
// socket.io in the same run, unless they say otherwise.

import { keptBenches } from "./kept/benches.mjs";
import { queueBenches } from "./queues/benches.mjs";
import { recoveryBenches } from "./recovery/benches.mjs";
import { reliableBenches } from "./reliable/benches.mjs";
import { resumeBenches } from "./resume/benches.mjs";
import { slowBenches } from "./slow/benches.mjs";

const PEERS = ["socketio", "ws", "bun", "holdfast"];
const DROP_INS = ["socketio", "holdfast"];
const MICRO = 1e6;
const FAIRNESS_CLIENTS = 101;
const PACE_DELIVERED_PER_SECOND = 20_000;
const GROWTH_SIZES = [100, 1000, 10_000];
const IDLE_CLIENTS = 10_000;
const IDLE_WARM_CLIENTS = 500;

const cpu = { key: "cpu", label: "CPU per delivered event", unit: "µs" };
const p50 = { key: "p50", label: "latency, median", unit: "ms" };
const p99 = { key: "p99", label: "latency, 99th percentile", unit: "ms" };

const cpuPerDelivered = (report) => ({ cpu: (report.serverCpu * MICRO) / report.delivered });
const latency = ({ p50, p99 }) => ({ p50, p99 });
// What the generator itself used is kept beside each figure, to show that it was not what was measured.
const shares = (report) => ({
  serverShare: report.serverCpu / report.seconds,
  loadShare: report.loadCpu / report.seconds,
});

/** A bench that is one run of the generator against one server. */
function single(kind, load, read, transport) {
  return ({ withServer, timed }) =>
    withServer({ kind, transport }, async (server) => {
      const report = await server.load(timed(load));
      return load.mode === "idle" ? read(report) : { ...read(report), ...shares(report) };
    });
}

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
    metrics: [
      { key: "throughput", label: "acks per second", unit: "/s" },
      { key: "cpu", label: "CPU per ack", unit: "µs" },
      p99,
    ],
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

/** Memory of `clients` idle connections, each of which has been through a heartbeat. Bytes per connection. */
async function idleMemory({ withServer }, clients, kind = "idle", more = {}) {
  return withServer({ kind }, async (server) => {
    await server.load({ mode: "idle", clients: IDLE_WARM_CLIENTS, warm: 0, time: 0.1, ...more });
    const before = await server.settle();
    let after;
    await server.load({ mode: "idle", clients, warm: 0, time: 5, hold: 1, ...more }, async () => {
      after = await server.settle();
    });
    if (after.connections !== clients) throw new Error(`${after.connections} of ${clients} connections live`);
    const heap = ({ heapUsed, external }) => heapUsed + external;
    return { memory: (after.rss - before.rss) / clients, heap: (heap(after) - heap(before)) / clients };
  });
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
      { key: "memory", label: "resident memory per connection", unit: "B" },
      { key: "heap", label: "heap and external per connection", unit: "B" },
    ],
    goals: [{ metric: "memory", against: "socketio", limit: 0.6 }],
    measure: (context) => idleMemory(context, IDLE_CLIENTS),
  },
  {
    name: "connect",
    what: "connections opened, 64 at a time, up to the answer to CONNECT; all stay open",
    servers: PEERS,
    metrics: [
      { key: "opened", label: "connections per second", unit: "/s" },
      { key: "cpu", label: "CPU per connection", unit: "µs" },
    ],
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
      { key: `cpu${clients}`, label: `CPU per delivered event, ${clients} clients`, unit: "µs" },
      {
        key: `heap${clients}`,
        label: `heap and external per idle connection, ${clients} clients`,
        unit: "B",
      },
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
    metrics: [
      { key: "cpu", label: "CPU per operation", unit: "µs" },
      { key: "kept", label: "memory kept per socket when all have left", unit: "B" },
    ],
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
      { key: "p99-none", label: "99th percentile, no flood", unit: "ms" },
      { key: "p99-echo", label: "99th percentile, a flood of acked emits", unit: "ms" },
      { key: "p99-chat", label: "99th percentile, a flood of broadcasts to all", unit: "ms" },
      { key: "floodRate", label: "acks the flood got", unit: "/s" },
      { key: "floodDelivered", label: "events the flood delivered", unit: "/s" },
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
    metrics: [
      { key: "fan", label: "fan: CPU per delivered event", unit: "µs" },
      { key: "chat", label: "chat-1000: CPU per delivered event", unit: "µs" },
    ],
    goals: [],
    measure: limits,
  },
  ...keptBenches({ single, cpuPerDelivered, cpu }),
  ...recoveryBenches({ cpuPerDelivered, idleMemory }),
  ...resumeBenches({ cpuPerDelivered, idleMemory }),
  ...reliableBenches,
  ...queueBenches,
  ...slowBenches,
];
