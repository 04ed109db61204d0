// Stock clients that are offline 2 s in every 15 while broadcasts go out: node jitter.mjs <kind>; prints JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io } from "socket.io-client";
import { freePort, startServer } from "../lib/processes.mjs";
import { percentile } from "../lib/statistics.mjs";

const SERVER = new URL("server.mjs", import.meta.url);

const CLIENTS = 100;
const BROADCASTS = 120;
const SECONDS = 30;
const PERIOD_MS = 15_000;
const OFFLINE_MS = 2_000;

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const port = await freePort();
const server = await startServer(SERVER, process.argv[2], port, folder);
const replays = [];
let notRecovered = 0;
const clients = Array.from({ length: CLIENTS }, () => {
  const socket = io(`http://127.0.0.1:${port}`, {
    forceNew: true,
    transports: ["websocket"],
    reconnectionDelay: OFFLINE_MS,
    randomizationFactor: 0,
  });
  const got = [];
  let dialled = 0;
  socket.on("event", (number) => got.push(number));
  socket.io.on("reconnect_attempt", () => {
    dialled = performance.now();
  });
  socket.on("connect", () => {
    if (!dialled) return;
    if (!socket.recovered) notRecovered++;
    // what was missed came before
    replays.push(performance.now() - dialled);
  });
  return { socket, got };
});
while (!clients.every(({ socket }) => socket.connected)) await delay(20);
const timers = clients.map(({ socket }, i) =>
  setTimeout(
    () => {
      const cut = () => socket.io.engine.transport.ws?.terminate();
      cut();
      timers.push(setInterval(cut, PERIOD_MS));
    },
    (i / CLIENTS) * PERIOD_MS,
  ),
);
for (let i = 0; i < BROADCASTS; i++) {
  server.write(`emit ${i}`);
  await delay((SECONDS * 1000) / BROADCASTS);
}
for (const timer of timers) clearInterval(timer);
await delay(OFFLINE_MS + 2_000);
while (!clients.every(({ socket }) => socket.connected)) await delay(20);
await delay(200);
let delivered = 0;
for (const { socket, got } of clients) {
  delivered += new Set(got).size;
  socket.disconnect();
}
replays.sort((a, b) => a - b);
await server.stop();
rmSync(folder, { recursive: true, force: true });
console.log(
  JSON.stringify({
    delivered: (100 * delivered) / (CLIENTS * BROADCASTS),
    returns: replays.length,
    notRecovered,
    p50: percentile(replays, 0.5),
    p95: percentile(replays, 0.95),
    p99: percentile(replays, 0.99),
  }),
);
process.exit();
