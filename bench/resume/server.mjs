// A server with kept rooms: node server.mjs holdfast <port> <folder>. Lines on its standard input: "fill <events>" emits
// so many to the room "big"; "join" and "again" make everybody join 1,000 rooms, as new or from where they stood, and
// answer with the CPU time that it took; "watch" and "delay" measure the event loop in between; "quit" ends it.
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { Server } from "holdfast";

const ROOMS = 1_000;
const BATCH = 500;
const MICRO = 1e6;
const [, port, folder] = process.argv.slice(2);
// about 100 bytes on the wire
const message = { text: "x".repeat(64), from: "Ada", at: 1_700_000_000_000 };
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  store: folder,
  rooms: { "*": { keep: true } },
});
io.on("connection", (socket) => {
  if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room, { since: "last" });
  // the others' chat
  socket.on("say", (at) => io.to("chat").emit("said", at));
});
await io.ready;
http.listen(Number(port), "127.0.0.1", () => console.log("ready"));

const loop = monitorEventLoopDelay({ resolution: 1 });
const rooms = Array.from({ length: ROOMS }, (_, i) => `room-${i}`);
const commands = {
  async fill(events) {
    for (let i = 0; i < events; i += BATCH) {
      for (let j = 1; j < BATCH; j++) io.to("big").emit("event", i + j, message);
      await io.to("big").publish("event", i + BATCH, message);
    }
    return {};
  },
  join: () => joined((socket) => socket.join(rooms)),
  again: () => joined((socket) => socket.join(rooms, { since: "last" })),
  watch() {
    loop.reset();
    loop.enable();
    return {};
  },
  delay() {
    loop.disable();
    // the sampler's own interval is part of what it reads
    const ms = (ns) => Math.max(0, ns / MICRO - 1);
    return { loop99: ms(loop.percentile(99)), loopMax: ms(loop.max) };
  },
  quit: () => process.exit(),
};
createInterface({ input: process.stdin }).on("line", async (line) => {
  const [name, argument] = line.split(" ");
  console.log(JSON.stringify(await commands[name](Number(argument))));
});

/** CPU time per joined room, in µs, until all of it is on disk and on its way. */
async function joined(join) {
  const sockets = [...io.sockets.sockets.values()];
  const cpu = process.cpuUsage();
  await Promise.all(sockets.map(join));
  await io.to("somewhere").publish("end");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / (sockets.length * ROOMS) };
}
