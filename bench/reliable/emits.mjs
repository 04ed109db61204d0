// Emits that must not be lost, with each one's own client: node emits.mjs <holdfast|socketio>; prints JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startServer } from "../lib/processes.mjs";
import { percentile } from "../lib/statistics.mjs";
import { slowProxy } from "./slow-proxy.mjs";

const ONE_WAY_MS = 10;
const TEXT = "Shall we meet at the usual place after lunch?";
const SERVER = new URL("server.mjs", import.meta.url);

const kind = process.argv[2];
const isOurs = kind === "holdfast";
const { io } = await import(isOurs ? "holdfast-client" : "socket.io-client");
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const port = await freePort();
const server = await startServer(SERVER, kind, port, join(folder, "store"));
const proxyPort = await slowProxy(port, ONE_WAY_MS);

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function connect(onPort, options) {
  const socket = io(`http://127.0.0.1:${onPort}`, {
    forceNew: true,
    transports: ["websocket"],
    ...(isOurs ? { outbox: "memory" } : { retries: 10, ackTimeout: 10_000 }),
    ...options,
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

const sure = (socket, id) => {
  const message = { id, text: TEXT };
  if (isOurs) return socket.reliable.emit("sure", message);
  return new Promise((resolve, reject) =>
    socket.emit("sure", message, (error, reply) => (error ? reject(error) : resolve(reply))),
  );
};
const plain = (socket, id) => socket.emitWithAck("plain", { id, text: TEXT });

/** Keeps `open` emits of each socket under way; how many were answered in the window, and the server's CPU seconds. */
async function closedLoop(sockets, emit, open, warmMs, windowMs) {
  let answered = 0;
  let isOver = false;
  let id = 0;
  const loop = async (socket) => {
    while (!isOver) {
      const mine = ++id;
      if ((await emit(socket, mine)) !== mine) throw new Error("a reply to another emit");
      answered++;
    }
  };
  const loops = sockets.flatMap((socket) => Array.from({ length: open }, () => loop(socket)));
  await delay(warmMs);
  const [before, cpu, start] = [answered, server.cpu(), performance.now()];
  await delay(windowMs);
  const count = answered - before;
  const figures = {
    throughput: (count * 1000) / (performance.now() - start),
    cpu: ((server.cpu() - cpu) * 1e6) / count,
  };
  isOver = true;
  await Promise.all(loops);
  return figures;
}

/** Milliseconds that one emit alone takes. */
async function alone(socket) {
  const times = [];
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    await sure(socket, i);
    times.push(performance.now() - start);
  }
  return percentile(times, 0.5);
}

const far = await connect(proxyPort);
// a queue of socket.io's is one emit at a time, and must be empty in the end: a short one is as good
const { throughput } = await closedLoop([far], sure, isOurs ? 2_000 : 20, 2_000, 4_000);
const latency = await alone(far);
far.disconnect();
let file;
if (isOurs) {
  const socket = await connect(proxyPort, { outbox: { file: join(folder, "outbox") } });
  file = (await closedLoop([socket], sure, 2_000, 2_000, 4_000)).throughput;
  socket.disconnect();
}
const cost = {};
for (const [name, emit, options] of [
  ["plain", plain, isOurs ? { outbox: undefined } : { retries: undefined, ackTimeout: undefined }],
  ["sure", sure],
]) {
  const sockets = await Promise.all(Array.from({ length: 20 }, () => connect(port, options)));
  cost[name] = (await closedLoop(sockets, emit, 50, 2_000, 4_000)).cpu;
  for (const socket of sockets) socket.disconnect();
}
await server.stop();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify({ throughput, file, latency, cpuPlain: cost.plain, cpuSure: cost.sure }));
process.exit();
