// A server with queues that everybody may use: node server.mjs holdfast <port> <folder>. "quit" on its standard input
// ends it.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "holdfast";

const QUEUES = 20;
const [, port, folder] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  store: folder,
  queues: { authorize: () => true },
});
for (let i = 0; i < QUEUES; i++) await io.queue(`q${i}`, { resultsMax: 0 }).opened;
http.listen(Number(port), "127.0.0.1", () => console.log("ready"));
createInterface({ input: process.stdin }).on("line", () => process.exit());
