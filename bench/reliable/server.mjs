// A server that answers one event, plainly and reliably: node server.mjs <holdfast|socketio> <port> <folder>. "quit" on
// its standard input ends it.
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const [kind, port, folder] = process.argv.slice(2);
const isOurs = kind === "holdfast";
const { Server } = await import(isOurs ? "holdfast" : "socket.io");
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  ...(isOurs ? { store: folder } : {}),
});
io.on("connection", (socket) => {
  socket.on("plain", (message, ack) => ack(message.id));
  // the client of socket.io sends again what is not answered; that an event is not taken twice is up to the application
  if (isOurs) socket.handle("sure", async (message) => message.id);
  else socket.on("sure", (message, ack) => ack(message.id));
});
if (isOurs) await io.ready;
http.listen(Number(port), "127.0.0.1", () => console.log("ready"));
createInterface({ input: process.stdin }).on("line", async () => {
  await io.close();
  process.exit();
});
