// A server with a kept room that everybody is in: node server.mjs <folder> <options as JSON>. A line "emit <events>
// <bytes>" on its standard input emits so many to the room, as fast as the disk takes them; "stats" and "quit".
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "holdfast";

const BATCH = 100;
const [folder, options] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  store: folder,
  rooms: { room: { keep: true } },
  serveClient: false,
  // a reader that stops for longer than the heartbeat allows is lost, and comes back another way
  pingTimeout: 600_000,
  ...JSON.parse(options),
});
io.on("connection", (socket) => {
  socket.join("room");
});
await io.ready;
http.listen(0, "127.0.0.1", () => say({ port: http.address().port }));
let issued = 0;
createInterface({ input: process.stdin }).on("line", async (line) => {
  const [command, ...args] = line.split(" ");
  if (command === "emit") await emit(...args.map(Number));
  else if (command === "stats") say({ ...io.stats(), ...memory() });
  else if (command === "quit") {
    await io.close();
    process.exit();
  }
});

async function emit(events, bytes) {
  const filler = "x".repeat(bytes - 8);
  for (let i = 0; i < events; i += BATCH) {
    for (let j = 1; j < BATCH; j++) io.to("room").emit("e", text(), filler);
    await io.to("room").publish("e", text(), filler);
  }
  say({ issued });
}

function text() {
  return String(issued++).padStart(8, "0");
}

/** Resident memory now and at its highest, in bytes; the store's file, which is mapped, apart. */
function memory() {
  const status = readFileSync("/proc/self/status", "utf8");
  const bytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]) * 1024;
  return { rss: bytes("VmRSS"), peak: bytes("VmHWM"), own: bytes("RssAnon") };
}

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
