// Bun's native WebSocket server (uWebSockets) and its native publish: the floor among the peers.
import { control } from "./control.mjs";
import { ackFor, COPIES, echoOf, eventOf } from "./plain.mjs";

const ROOM = "room";
const kind = process.argv[2];
const joined = new Map();

const programs = {
  idle() {},
  chat: (_client, text) => server.publish(ROOM, text),
  others(client, text) {
    client.publish(ROOM, `42${text.slice(text.indexOf("["))}`);
    client.send(ackFor(text));
  },
  burst(_client, text) {
    for (let copy = 0; copy < COPIES; copy++) server.publish(ROOM, text);
  },
  binary: (_client, bytes) => server.publish(ROOM, bytes),
  echo: (client, text) => client.send(echoOf(text)),
  flood(client, text) {
    if (text.startsWith("42[")) server.publish(ROOM, text);
    else client.send(echoOf(text));
  },
  rooms(client, text) {
    const [name, first, second] = eventOf(text);
    if (name === "enter") {
      joined.set(client, new Set(first));
      for (const room of first) client.subscribe(room);
    } else if (name === "swap") {
      client.unsubscribe(first);
      client.subscribe(second);
      joined.get(client).delete(first);
      joined.get(client).add(second);
    } else if (name === "say") server.publish(first, `42${JSON.stringify(["chat", second])}`);
    else {
      for (const room of joined.get(client)) client.unsubscribe(room);
      joined.delete(client);
    }
    client.send(ackFor(text));
  },
};

const inRoom = !["idle", "echo", "rooms"].includes(kind);
const program = programs[kind];
let connections = 0;

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("", { status: 400 })),
  websocket: {
    perMessageDeflate: false,
    open(client) {
      connections++;
      if (inRoom) client.subscribe(ROOM);
    },
    close() {
      connections--;
    },
    message: program,
  },
});
control(server.port, () => ({ connections, rooms: joined.size }));
