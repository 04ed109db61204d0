/**
 * The process that is killed: a server that emits to kept rooms, and says beforehand on its standard output what it is
 * about to do.
 */
import { createServer } from "node:http";
import { Server, type Socket } from "holdfast";
import { Emitting, listen, say } from "../kills/announcing.ts";
import { beforeLife } from "../kills/orders.ts";
import { EXTRAS, GROUPS, roomsOf } from "./plan.ts";

const ABSENCE_MS_MAX = 300;

const [folder, portText, runText, clientsText, isRecoveringText] = process.argv.slice(2) as string[];
const run = Number(runText);
const clients = Number(clientsText);
const http = createServer();
const io = new Server(http, {
  store: folder!,
  rooms: { "kept:*": { keep: true } },
  pingInterval: 3_000,
  pingTimeout: 3_000,
  ...(isRecoveringText === "recover"
    ? { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }
    : {}),
});
const sockets = new Map<number, Socket>();
const seen = new Set<number>();
let order = beforeLife(run);
const emitting = new Emitting(emitOne);

io.on("connection", async (socket) => {
  const { n, stands, extras } = socket.handshake.auth as { n: number; stands: boolean; extras: string[] };
  const rooms = [...roomsOf(n), ...extras];
  socket.on("stop", (answer: () => void) => {
    emitting.stop();
    answer();
  });
  sockets.set(n, socket);
  socket.on("disconnect", () => {
    if (sockets.get(n) === socket) sockets.delete(n);
  });
  // of a session that was recovered it is a member of most already
  const { resumed, gaps } = await socket.join(rooms, { since: "last" });
  // it showed where it stands in each
  if (stands && !resumed) say(`forgotten ${n}`);
  for (const { room } of gaps) say(`gap ${n} ${room}`);
  seen.add(n);
  // in the first run everybody is there before the first event
  if (seen.size === clients) emitting.start();
});

await io.ready;
await listen(http, portText!);
if (run > 1) emitting.start();

function emitOne(): void {
  const dice = Math.random();
  const n = Math.floor(Math.random() * clients);
  const socket = sockets.get(n);
  order++;
  if (dice < 0.45) toRooms([`kept:${n % GROUPS}`]);
  else if (dice < 0.6) toRooms([`kept:all:${n % 3}`]);
  else if (dice < 0.7) toRooms([`kept:extra:${n % EXTRAS}`]);
  // one event to several rooms reaches a member of both once
  else if (dice < 0.8) toRooms([`kept:${n % GROUPS}`, `kept:all:${n % 3}`]);
  else if (dice < 0.85) toRooms([`kept:${n % GROUPS}`, "plain"]);
  else if (dice < 0.88) io.emit("noise", order, "not kept");
  else if (dice < 0.9) io.to(`kept:${n % GROUPS}`).volatile.emit("typing", "somebody");
  else if (!socket) return;
  else if (dice < 0.95) {
    const room = `kept:${n % GROUPS}`;
    // who sends it does not get it, now or in a replay
    say(`room ${order} ${room} -${n}`);
    socket.to(room).emit("event", order, Buffer.of(1));
  } else if (dice < 0.97) {
    // joined live: from here on a member, if this is not lost with the connection
    const room = `kept:extra:${Math.floor(Math.random() * EXTRAS)}`;
    if (socket.rooms.has(room)) return;
    void socket.join(room);
    socket.emit("joined", order, room);
  } else leaveAndReturn(socket, n);
}

/** It is out of a room for a while, and continues there where it stood. */
function leaveAndReturn(socket: Socket, n: number): void {
  const room = roomsOf(n)[Math.random() < 0.5 ? 0 : 1]!;
  if (!socket.rooms.has(room)) return;
  socket.leave(room);
  setTimeout(() => {
    if (socket.connected) socket.join(room, { since: "last" }).catch(() => {});
  }, Math.random() * ABSENCE_MS_MAX);
}

function toRooms(rooms: string[]): void {
  say(`room ${order} ${rooms.join(" ")}`);
  io.to(rooms).emit("event", order, "text");
}
