// 100 stock clients in a room, one of which says something 50 times a second: node others.mjs <url>. For each line on its
// standard input it prints the 99th percentile, in ms, of what all of them waited for it since the last.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { percentile } from "../lib/statistics.mjs";

const CLIENTS = 100;
const INTERVAL_MS = 20;
const sockets = Array.from({ length: CLIENTS }, () => {
  return io(process.argv[2], { forceNew: true, transports: ["websocket"], auth: { room: "chat" } });
});
await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
let waits = [];
for (const socket of sockets) socket.on("said", (at) => waits.push(performance.now() - at));
setInterval(() => sockets[0].emit("say", performance.now()), INTERVAL_MS);
console.log("ready");
createInterface({ input: process.stdin }).on("line", () => {
  console.log(JSON.stringify(waits.length > 0 ? percentile(waits, 0.99) : 0));
  waits = [];
});
