/**
 * The chat's server: everything it does with Holdfast is on this page.
 *
 * Read it from top to bottom to learn the API: a middleware decides who may connect, handlers answer what a
 * client asks, and rooms carry an event to everyone concerned. Rooms named `chat:*` are kept: what is published to
 * them is on disk before anybody sees it, and whoever joins gets what was missed. What is said takes effect once,
 * whatever breaks in between. Beside it: `events.ts` (the words exchanged), `rules.ts` (limits and checks), `room.ts`
 * and `rooms.ts` (the rooms), `page.ts` (the page's files).
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { Server, type ServerOptions } from "holdfast";
import type { ChatServer, Limits, Person } from "./events.ts";
import { servePage } from "./page.ts";
import type { Room } from "./room.ts";
import { listRoom, Rooms } from "./rooms.ts";
import { Allowance, cleanId, cleanLabel, cleanText, defaultLimits, fold, Refusal } from "./rules.ts";

export interface ChatOptions {
  /** Default 3000; 0 takes any free port. */
  port?: number;
  /** Where the rooms are kept: a folder, or "memory". Default CHAT_DATA of the environment, or `data` beside this file. */
  store?: string;
  limits?: Partial<Limits>;
  /** How long someone may be gone before the others are told, so that a reload is no news. Default 3000. */
  awayMs?: number;
  /** Options of the Socket.IO server itself. */
  server?: Partial<ServerOptions>;
}

/** Starts the chat; resolves once it listens, rejects if it cannot. */
export async function startChat({ port = 3000, awayMs = 3000, ...options }: ChatOptions = {}) {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const keys = new Map<string, string>(); // whose a name is, while somebody is connected with it
  const http = createServer(servePage);
  const io: ChatServer = new Server(http, {
    store: options.store ?? process.env.CHAT_DATA ?? fileURLToPath(new URL("data", import.meta.url)),
    rooms: {
      "chat:*": { keep: { events: limits.messagesKept } }, // older messages go
      [listRoom]: { keep: { events: 10 } },
    },
    // Whose the places in rooms and the unsent messages are that a browser keeps.
    resume: { identify },
    reliable: { identify },
    maxHttpBufferSize: 100_000, // bytes; whoever sends more at once is disconnected
    pingInterval: 10_000, // ms; with pingTimeout, how soon each side notices a dead connection
    pingTimeout: 10_000,
    ...options.server,
  });

  await io.ready; // rejects if the folder is damaged, or another process has it
  const rooms = new Rooms(limits, io);
  await rooms.load();

  // A middleware sees each socket before it is connected. An error goes to the client as "connect_error".
  io.use((socket, next) => {
    try {
      const { name: wanted, key = socket.id } = socket.handshake.auth;
      const person = { name: cleanLabel(wanted, "name", limits.nameLength), key: cleanId(key) };
      const tabs = tabsOf(person.name);
      if (io.sockets.adapter.rooms.has(tabs) && keys.get(tabs) !== person.key) {
        throw new Refusal(
          "NAME_TAKEN",
          `Somebody called “${person.name}” is here already. Choose another name.`,
        );
      }
      keys.set(tabs, person.key);
      socket.join(tabs);
      socket.data = person;
      next();
    } catch (error) {
      next(error as Error);
    }
  });

  io.on("connection", (socket) => {
    const { name } = socket.data;
    const allowance = new Allowance(limits.burst, limits.perSecond);

    function joinedRoom(input: unknown): Room {
      const room = rooms.find(input);
      if (!socket.rooms.has(room.channel)) throw new Refusal("NOT_IN_ROOM", `You are not in “${room.name}”.`);
      return room;
    }

    /** Tells the others that this person has left, unless a tab of theirs is in the room, or is back in it. */
    function settle(room: Room): void {
      const sockets = io.sockets.adapter.rooms; // room name -> ids of the sockets in it
      const tabs = [...(sockets.get(tabsOf(name)) ?? [])];
      if (tabs.some((id) => sockets.get(room.channel)?.has(id)) || !room.people.delete(name)) return;
      io.to(room.presence).emit("left", room.name, name);
      if (rooms.has(room)) io.emit("room", room.summary);
    }

    socket.emit("welcome", { name, rooms: [...rooms].map((room) => room.summary), limits });

    // What a handler returns is the answer. Whatever it throws reaches the client as `{ error: { code, message } }`,
    // of any error but a Refusal no more than that it happened.
    socket.handle("create room", async (input) => {
      allowance.spend(5);
      const room = await rooms.create(input, socket.data);
      io.emit("room", room.summary); // to everyone connected
      return { room: room.name };
    });

    socket.handle("delete room", async (input) => {
      allowance.spend(5);
      const room = await rooms.delete(input, socket.data);
      io.emit("room deleted", room.name, name);
      io.in(room.channel).socketsLeave([room.channel, room.presence]);
      return { room: room.name };
    });

    const join = async (input: unknown, since: unknown) => {
      allowance.spend(typeof since === "string" ? 2 : 1);
      const room = rooms.find(input);
      if (room.enter(name)) {
        io.to(room.presence).emit("joined", room.name, name);
        io.emit("room", room.summary);
      }
      socket.join(room.presence);
      try {
        const past = await (since === "last" ? joinAgain(room) : joinSince(room, since));
        return { room: room.name, people: [...room.people], ...past };
      } catch (error) {
        settle(room);
        throw error;
      }
    };
    socket.handle("join", join, { timeoutMs: 600_000 }); // a long past takes its time on a slow line

    /** Our own client says where it stood, in this connection or days ago: it gets what it missed, then what is new. */
    async function joinAgain(room: Room) {
      const { resumed } = await socket.join(room.channel, { since: "last" });
      return resumed ? {} : { latest: await room.before() }; // its first visit
    }

    /** Any other client names the last message that it has. */
    async function joinSince(room: Room, position: unknown) {
      const since = typeof position === "string" ? await room.since(position) : undefined;
      if (typeof position === "string" && since === undefined) socket.emit("gap", room.name);
      const { events } = await socket.join(room.channel, { since: since ?? limits.page });
      return { earlier: since !== undefined || (await room.hasMoreThan(events)) };
    }

    socket.handle("leave", (input) => {
      allowance.spend(1);
      const room = joinedRoom(input);
      socket.leave(room.channel);
      socket.leave(room.presence);
      settle(room);
      return { room: room.name };
    });

    // Our page emits this reliably: `tx` stores the message together with the answer, once, on disk; then it goes to
    // everyone in the room, in one order for all.
    socket.handle("say", async (said, tx) => {
      allowance.spend(5);
      const { room: input, id, text } = (said ?? {}) as Record<string, unknown>;
      // What was written before a reload comes before the page is in its rooms again.
      const room = tx.sequence === undefined ? joinedRoom(input) : rooms.find(input);
      return { message: await room.say(socket.data, cleanId(id), cleanText(text, limits.textLength), tx) };
    });

    socket.handle("history", (input, before) => {
      allowance.spend(1);
      return joinedRoom(input).before(before ?? undefined);
    });

    socket.handle("typing", (input) => {
      allowance.spend(1);
      const room = joinedRoom(input);
      // Volatile: nobody minds if it gets lost, and it must never wait in a queue.
      socket.to(room.presence).volatile.emit("typing", room.name, name);
    });

    // At "disconnecting" the socket is still in its rooms, at "disconnect" no longer.
    socket.on("disconnecting", () => {
      for (const room of rooms) {
        if (socket.rooms.has(room.channel)) setTimeout(settle, awayMs, room).unref();
      }
    });
    socket.on("disconnect", () => {
      if (!io.sockets.adapter.rooms.has(tabsOf(name))) keys.delete(tabsOf(name));
    });
  });

  await new Promise<void>((resolve, reject) => {
    http.once("error", reject).listen(port, resolve);
  });
  return { io, url: `http://localhost:${(http.address() as AddressInfo).port}`, close: () => io.close() };
}

/** A name is anybody's once nobody is here with it: the key makes it one person's. */
const identify = ({ data }: { data: Person }): string => `${fold(data.name)} ${data.key}`;

/** The name of the room that holds all the tabs of one person. */
const tabsOf = (name: string): string => `person:${fold(name)}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startChat({ port: Number(process.env.PORT || 3000) });
  console.log(`The chat is at ${url}`);
}
