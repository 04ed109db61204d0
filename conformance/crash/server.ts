/** The process that is killed: a server that keeps two rooms in a folder, and publishes to them itself. */
import { createServer } from "node:http";
import { Server } from "holdfast";
import { listen } from "../kills/announcing.ts";
import { ROOMS } from "./rooms.ts";

const [folder, port, run, isQuiet] = process.argv.slice(2) as [string, string, string, string?];

const http = createServer();
const io = new Server(http, { store: folder, rooms: { "chat:*": { keep: true } }, pingInterval: 2_000 });

io.on("connection", (socket) => {
  socket.on("join", async (since: string | null, answer: (result: unknown) => void) => {
    answer(since === null ? await socket.join(ROOMS) : await socket.join(ROOMS, { since }));
  });
  socket.on("publish", async (rooms: string[], name: string, answer: (...result: unknown[]) => void) => {
    answer(await io.to(rooms).publish("event", name), name);
  });
  socket.on("die", () => process.kill(process.pid, "SIGKILL"));
});

await io.ready;
await listen(http, port);
if (!isQuiet) publish();

/** Bursts of events; each is acknowledged by a line with its name and position. */
function publish(count = 0): void {
  const burst = 1 + Math.floor(Math.random() * 40);
  for (let i = count; i < count + burst; i++) {
    const name = `server-${run}:${i}`;
    const rooms = ROOMS.filter((_, room) => i % 5 === 0 || i % ROOMS.length === room);
    // some are not awaited: seen by readers, they must be stored all the same
    if (i % 3 === 0) io.to(rooms).emit("event", name);
    else
      void io
        .to(rooms)
        .publish("event", name)
        .then((position) => console.log(`${name} ${position}`));
  }
  setTimeout(publish, Math.random() * 4, count + burst);
}
