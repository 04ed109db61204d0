/**
 * Random programs against a model: whatever mix of direct events, broadcasts, exclusions, joins and leaves a server
 * runs through, each client hears exactly what the model says, in the order in which the program said it.
 */
import { expect, it } from "vitest";
import { randomFrom } from "./random.ts";
import {
  type ClientSocket,
  conformance,
  flushed,
  once,
  record,
  type Socket,
  settled,
  transportCases,
} from "./support.ts";

const ROOMS = ["a", "b", "c"];
const CLIENTS = 4;
const STEPS = 120;

interface Player {
  socket: Socket;
  client: ClientSocket;
  rooms: Set<string>;
  heard: unknown[][];
  expected: unknown[][];
}

conformance("any program delivers what the model says", (kit) => {
  for (const [index, { title, transports }] of transportCases.entries()) {
    for (const seed of [1, 2, 3, 4].map((n) => n + index * 100)) {
      it(`over ${title}, seed ${seed}`, async () => {
        const random = randomFrom(seed);
        const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
        const some = <T>(list: readonly T[]): T[] => list.filter(() => random(3) === 0);
        const namespace = pick(["/", "/chat"]);
        const running = await kit.serve(random(2) ? {} : { perMessageDeflate: { threshold: 100 } });
        const io = running.io.of(namespace);
        const players: Player[] = [];
        for (let i = 0; i < CLIENTS; i++) {
          const [socket, client] = await kit.pair(running, namespace, { transports, reconnection: false });
          players.push({ socket, client, rooms: new Set(), heard: record(client), expected: [] });
        }
        const payload = (n: number): unknown[] =>
          pick([
            [n],
            [n, `text ${n}`],
            [n, { nested: [n, { deep: "é".repeat(n % 200) }] }],
            [n, Buffer.from([n & 255, 1])],
            [n, { bytes: [Buffer.alloc(n % 50, 7)], more: Buffer.from("x") }],
            [n, "x".repeat(20_000)],
          ]);

        for (let step = 0; step < STEPS; step++) {
          const player = pick(players);
          const args = payload(step);
          switch (random(12)) {
            case 0:
            case 1: {
              const rooms = some(ROOMS);
              player.socket.join(rooms);
              for (const room of rooms) player.rooms.add(room);
              break;
            }
            case 2: {
              const room = pick(ROOMS);
              player.socket.leave(room);
              player.rooms.delete(room);
              break;
            }
            case 3: {
              const room = pick(ROOMS);
              const other = pick(ROOMS);
              io.in(room).socketsJoin(other);
              for (const each of players) if (each.rooms.has(room)) each.rooms.add(other);
              break;
            }
            case 4:
            case 5:
              player.socket.emit("direct", ...args);
              player.expected.push(["direct", ...args]);
              break;
            case 6:
            case 7:
            case 8: {
              // broadcasts of the namespace and of a socket, to any rooms, players by id included
              const to = [...some(ROOMS), ...some(players).map(({ socket }) => socket.id)];
              const except = [...some(ROOMS), ...(random(2) ? [pick(players).socket.id] : [])];
              const fromSocket = random(2) === 0;
              const isIn = (each: Player, rooms: string[]) =>
                rooms.some((room) => each.rooms.has(room) || room === each.socket.id);
              let chain = fromSocket ? player.socket.except([]) : io.except([]);
              for (const room of to) chain = chain.to(room);
              chain = chain.except(except);
              chain.emit("broadcast", ...args);
              for (const each of players) {
                if (to.length > 0 && !isIn(each, to)) continue;
                if (isIn(each, except) || (fromSocket && each === player)) continue;
                each.expected.push(["broadcast", ...args]);
              }
              break;
            }
            case 9:
              io.emit("all", ...args);
              for (const each of players) each.expected.push(["all", ...args]);
              break;
            case 10:
              await new Promise(setImmediate);
              break;
            case 11: {
              if (random(4) > 0) break;
              // leaves, rooms and all, and comes back
              await flushed(io, player.client);
              const gone = once(player.client, "disconnect");
              player.socket.disconnect();
              await gone;
              const arrival = once<[Socket]>(io, "connection");
              player.client.connect();
              [player.socket] = await arrival;
              await settled(player.client);
              player.rooms.clear();
            }
          }
        }
        await flushed(io, ...players.map(({ client }) => client));
        players.forEach(({ heard, expected, socket, rooms }) => {
          expect(heard).toEqual(expected);
          expect(socket.rooms).toEqual(new Set([socket.id, ...rooms]));
        });
      });
    }
  }
});
