/** The process that is killed: it publishes each number that it is sent, through the transaction. */
import { createServer } from "node:http";
import { retryLater, Server } from "holdfast";
import { listen } from "../kills/announcing.ts";
import { roomOf } from "./rooms.ts";

const [folder, port] = process.argv.slice(2) as [string, string];

const http = createServer();
const io = new Server(http, { store: folder, rooms: { "notes:*": { keep: true } }, pingInterval: 2_000 });

io.on("connection", (socket) => {
  socket.handle("note", async (client: number, number: number, tx) => {
    tx.to(roomOf(client, number)).publish("note", client, number);
    // some take a while, some can't be taken now
    if (number % 7 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    if (Math.random() < 0.002) retryLater(10);
    return `${client}:${number}`;
  });
});

await io.ready;
await listen(http, port);
