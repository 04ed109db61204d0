// Bare ws: one `send` per client, as its documentation shows.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { control } from "./control.mjs";
import { ackFor, COPIES, echoOf, eventOf } from "./plain.mjs";

const kind = process.argv[2];
const http = createServer();
const wss = new WebSocketServer({ server: http, perMessageDeflate: false, clientTracking: true });
const rooms = new Map();

function toAll(text, except) {
  for (const client of wss.clients) if (client !== except) client.send(text);
}

function join(client, room) {
  if (!rooms.has(room)) rooms.set(room, new Set());
  rooms.get(room).add(client);
  client.rooms ??= new Set();
  client.rooms.add(room);
}

function leave(client, room) {
  const members = rooms.get(room);
  members?.delete(client);
  if (members?.size === 0) rooms.delete(room);
  client.rooms?.delete(room);
}

const programs = {
  idle() {},
  chat: (_client, data) => toAll(data.toString()),
  others(client, data) {
    const text = data.toString();
    toAll(`42${text.slice(text.indexOf("["))}`, client);
    client.send(ackFor(text));
  },
  burst(_client, data) {
    const text = data.toString();
    for (let copy = 0; copy < COPIES; copy++) toAll(text);
  },
  binary(_client, data) {
    for (const client of wss.clients) client.send(data);
  },
  echo: (client, data) => client.send(echoOf(data.toString())),
  flood(client, data) {
    const text = data.toString();
    if (text.startsWith("42[")) toAll(text);
    else client.send(echoOf(text));
  },
  rooms(client, data) {
    const text = data.toString();
    const [name, first, second] = eventOf(text);
    if (name === "enter") for (const room of first) join(client, room);
    else if (name === "swap") {
      leave(client, first);
      join(client, second);
    } else if (name === "say") {
      const said = `42${JSON.stringify(["chat", second])}`;
      for (const member of rooms.get(first)) member.send(said);
    } else for (const room of client.rooms) leave(client, room);
    client.send(ackFor(text));
  },
};

const program = programs[kind];
wss.on("connection", (client) => {
  client.on("message", (data) => program(client, data));
});
http.listen(0, "127.0.0.1", () =>
  control(http.address().port, () => ({ connections: wss.clients.size, rooms: rooms.size })),
);
