// One process with a kept room on disk, measured from within or through sockets: node log.mjs <mode>; prints JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server } from "holdfast";
import { percentile } from "../lib/statistics.mjs";

const ROOM = "room";
const READERS = 4;
const SECONDS = 4;
// about 100 bytes on the wire
const message = { text: "x".repeat(64), from: "Ada", at: 1_700_000_000_000 };

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const http = createServer();
const io = new Server(http, { store: folder, rooms: { "*": { keep: true } }, serveClient: false });
await io.ready;
const modes = { publish, alone, seek, replay };
const result = await modes[process.argv[2]]();
await io.close();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify(result));

/** Many publishers, each with its next event when its last is on disk. */
async function publish() {
  const latencies = [];
  let published = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + SECONDS * 1000;
  const publisher = async (i) => {
    const room = io.to(`room-${i % 10}`);
    while (performance.now() < end) {
      const issued = performance.now();
      await room.publish("chat", message);
      published++;
      if (published % 16 === 0) latencies.push(performance.now() - issued);
    }
  };
  await Promise.all(Array.from({ length: 2000 }, (_, i) => publisher(i)));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: published / seconds, cpu: (user + system) / published, ...percentiles(latencies) };
}

/** One event at a time. */
async function alone() {
  const latencies = [];
  const end = performance.now() + 2000;
  while (performance.now() < end) {
    const issued = performance.now();
    await io.to(ROOM).publish("chat", message);
    latencies.push(performance.now() - issued);
  }
  return percentiles(latencies);
}

/** The newest ten events of a short room and of a long one. */
async function seek() {
  await fill("short", 1_000);
  await fill("long", 1_000_000);
  const time = async (room) => {
    const times = [];
    for (let i = 0; i < 500; i++) {
      const start = performance.now();
      await io.in(room).history({ limit: 10 });
      times.push((performance.now() - start) * 1000);
    }
    return percentiles(times).p50;
  };
  await time("short");
  return { short: await time("short"), long: await time("long") };
}

/** Readers that join a room with its past, over WebSocket, counted where the bytes arrive. */
async function replay() {
  const events = 200_000;
  await fill(ROOM, events);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const joined = [];
  io.on("connection", (socket) => joined.push(() => socket.join(ROOM, { since: events })));
  const receiver = new URL("receiver.mjs", import.meta.url).pathname;
  const child = spawn(process.execPath, [receiver, http.address().port, READERS, events], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = child.stdout[Symbol.asyncIterator]();
  await lines.next();
  while (joined.length < READERS) await new Promise((resolve) => setTimeout(resolve, 5));
  const delays = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delays.push(Math.max(0, now - last - 1));
    last = now;
  }, 1);
  const start = performance.now();
  for (const join of joined) join();
  await lines.next();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  return {
    rate: (READERS * events) / seconds,
    delay: percentiles(delays).p99,
    delayMax: Math.max(...delays),
  };
}

async function fill(room, events) {
  for (let left = events; left > 0; left -= 1000) {
    for (let i = 1; i < Math.min(left, 1000); i++) io.to(room).emit("chat", message);
    await io.to(room).publish("chat", message);
  }
}

function percentiles(values) {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}
