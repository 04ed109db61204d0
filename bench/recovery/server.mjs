// A server whose clients can come back: node server.mjs <holdfast|socketio> <port> <folder>. A line "emit <text>" on its
// standard input is a broadcast, "quit" a clean stop.
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const [kind, port, folder] = process.argv.slice(2);
const { Server } = await import(kind === "holdfast" ? "holdfast" : "socket.io");
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  ...(kind === "holdfast" ? { store: folder } : {}),
});
let recovered = 0;
io.on("connection", (socket) => {
  if (socket.recovered) recovered++;
  else socket.join("room");
});
if (kind === "holdfast") await io.ready;
http.listen(Number(port), "127.0.0.1", () => console.log("ready"));
createInterface({ input: process.stdin }).on("line", async (line) => {
  if (line === "quit") {
    await io.close();
    process.exit();
  }
  if (line === "count") console.log(JSON.stringify({ recovered, clients: io.engine.clientsCount }));
  if (line.startsWith("emit ")) io.to("room").emit("event", Number(line.slice(5)), "text");
});
