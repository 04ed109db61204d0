/**
 * The process that is killed: a server of either kind that emits to rooms, to everybody and to single clients, and says
 * beforehand on its standard output what it is about to do.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server as Holdfast } from "holdfast";
import { Server as SocketIo } from "socket.io";
import { Emitting, listen, say } from "../kills/announcing.ts";
import { beforeLife } from "../kills/orders.ts";
import { GROUPS, ROOMS, roomsOf } from "./plan.ts";

const [kind, folder, portText, runText, clientsText, idsFile] = process.argv.slice(2) as string[];
const run = Number(runText);
const clients = Number(clientsText);
const isOurs = kind === "holdfast";

const http = createServer();
const options = {
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
  pingInterval: 3_000,
  pingTimeout: 3_000,
};
const io = isOurs
  ? (new Holdfast(http, {
      ...options,
      store: folder!,
      rooms: { "kept:*": { keep: true } },
    }) as unknown as SocketIo)
  : new SocketIo(http, options);
/** By the client's number: known also while it is away, also from earlier runs. */
const ids = new Map<number, string>(JSON.parse(readFileSync(idsFile!, "utf8")) as [number, string][]);
const seen = new Set<number>();
let order = beforeLife(run);
const emitting = new Emitting(emitOne);

io.on("connection", (socket) => {
  const n = Number(socket.handshake.auth.n);
  if (socket.recovered) {
    const hasRooms = roomsOf(n).every((room) => socket.rooms.has(room));
    if (!hasRooms || socket.data.n !== n) say(`damaged ${n}`);
  } else {
    void socket.join(roomsOf(n));
    socket.data.n = n;
    const { recovery } = socket as unknown as { recovery?: { reason?: string } };
    say(`fresh ${n} ${recovery?.reason ?? "-"}`);
  }
  ids.set(n, socket.id);
  say(`id ${n} ${socket.id}`);
  seen.add(n);
  // in the first run everybody is there before the first event
  if (seen.size === clients) emitting.start();
  socket.on("stop", (answer: () => void) => {
    emitting.stop();
    answer();
  });
});

if (isOurs) await (io as unknown as Holdfast).ready;
await listen(http, portText!);
if (run > 1) emitting.start();

function emitOne(): void {
  const dice = Math.random();
  const n = Math.floor(Math.random() * clients);
  order++;
  if (dice < 0.45) toRoom(`room:${n % ROOMS}`);
  else if (dice < 0.6) toRoom(`kept:${n % GROUPS}`);
  else if (dice < 0.65) {
    say(`all ${order}`);
    io.emit("event", order, "everybody");
  } else if (dice < 0.7) {
    // one event to several rooms reaches a member of both once
    say(`room ${order} room:${n % ROOMS} kept:${n % GROUPS}`);
    io.to([`room:${n % ROOMS}`, `kept:${n % GROUPS}`]).emit("event", order);
  } else if (dice < 0.9) {
    const id = ids.get(n);
    if (!id) return;
    say(`direct ${order} ${n}`);
    io.to(id).emit("event", order, Buffer.of(1));
  } else if (dice < 0.95) io.to(`room:${n % ROOMS}`).volatile.emit("typing", "somebody");
  else {
    // joined live: from here on a member, if this is not lost with the process
    const socket = io.sockets.sockets.get(ids.get(n) ?? "");
    const room = `extra:${Math.floor(Math.random() * ROOMS)}`;
    if (!socket || socket.rooms.has(room)) return;
    say(`join ${order} ${n} ${room}`);
    void socket.join(room);
    order++;
    say(`direct ${order} ${n}`);
    socket.emit("event", order, "joined");
  }
  if (Math.random() < 0.2) {
    order++;
    toRoom(`extra:${n % ROOMS}`);
  }
}

function toRoom(room: string): void {
  say(`room ${order} ${room}`);
  io.to(room).emit("event", order, "text");
}
