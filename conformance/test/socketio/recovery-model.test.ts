/**
 * Random programs with connections that break: whoever comes back in time has heard everything once, in order, as if
 * nothing had happened.
 */
import { expect, it } from "vitest";
import { randomFrom } from "./random.ts";
import {
  type ClientSocket,
  conformance,
  flushed,
  once,
  type Socket,
  settled,
  transportCases,
} from "./support.ts";

const ROOMS = ["a", "b", "c"];
const CLIENTS = 3;
const STEPS = 60;

interface Player {
  /** undefined while it is away. */
  socket: Socket | undefined;
  id: string;
  client: ClientSocket;
  rooms: Set<string>;
  /** Whether its rooms changed since it last heard everything: then no one can say what a break would lose. */
  isMoving: boolean;
  heard: unknown[];
  expected: unknown[];
}

conformance("whoever comes back in time has missed nothing", (kit) => {
  for (const [index, { title, transports }] of transportCases.entries()) {
    for (const seed of [1, 2, 3].map((n) => n + index * 100)) {
      it(`over ${title}, seed ${seed}`, async () => {
        const random = randomFrom(seed);
        const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
        const some = <T>(list: readonly T[]): T[] => list.filter(() => random(3) === 0);
        const running = await kit.serve({ connectionStateRecovery: {} });
        const { io } = running;
        const players: Player[] = [];
        for (let i = 0; i < CLIENTS; i++) {
          const [socket, client] = await kit.pair(running, "/", { transports, reconnection: false });
          const heard: unknown[] = [];
          // the offset that follows is none of a program's business
          client.onAny((name, value) => {
            if (!String(name).startsWith("fence-")) heard.push([name, value]);
          });
          const rooms = new Set<string>();
          players.push({ socket, id: socket.id, client, rooms, isMoving: false, heard, expected: [] });
        }
        const present = () => players.filter(({ socket }) => socket);
        const allHeard = async () => {
          await flushed(io, ...present().map(({ client }) => client));
          for (const player of present()) player.isMoving = false;
        };
        const comeBack = async (player: Player) => {
          const arrival = once<[Socket]>(io, "connection");
          // A flaw of the stock client: it keeps what arrived while its connection was closing, for delivery after
          // the next CONNECT, but does not count it as received: the server rightly sends it again.
          player.client.receiveBuffer.length = 0;
          player.client.connect();
          [player.socket] = await arrival;
          await settled(player.client);
          expect(player.client.recovered).toBe(true);
          expect(player.socket.id).toBe(player.id);
        };
        await allHeard();

        for (let step = 0; step < STEPS; step++) {
          const player = pick(players);
          const value = pick<unknown>([step, `text ${step}`, { step, bytes: Buffer.from([step]) }]);
          switch (random(10)) {
            case 0:
            case 1: {
              if (!player.socket) break;
              const room = pick(ROOMS);
              player.isMoving = true;
              if (player.rooms.delete(room)) player.socket.leave(room);
              else {
                player.rooms.add(room);
                player.socket.join(room);
              }
              break;
            }
            case 2:
              io.to(player.id).emit("direct", value);
              player.expected.push(["direct", value]);
              break;
            case 3:
            case 4:
            case 5: {
              const to = some([...ROOMS, ...players.map(({ id }) => id)]);
              const except = random(2) ? [pick([...ROOMS, pick(players).id])] : [];
              const isIn = (each: Player, rooms: string[]) =>
                rooms.some((room) => each.rooms.has(room) || room === each.id);
              let chain = player.socket ? player.socket.except(except) : io.except(except);
              if (to.length > 0) chain = chain.to(to);
              chain.emit("broadcast", value);
              for (const each of players) {
                if ((to.length > 0 && !isIn(each, to)) || isIn(each, except)) continue;
                if (player.socket && each === player) continue;
                each.expected.push(["broadcast", value]);
              }
              break;
            }
            case 6:
              await new Promise(setImmediate);
              break;
            default: {
              if (!player.socket) {
                await comeBack(player);
                break;
              }
              // even what is still on its way may be lost, and must come after all
              if (player.isMoving) await allHeard();
              const gone = once(player.socket, "disconnect");
              const noticed = player.client.connected ? once(player.client, "disconnect") : undefined;
              if (random(2)) player.client.io.engine.close();
              else player.socket.conn.close();
              await Promise.all([gone, noticed]);
              player.socket = undefined;
            }
          }
        }
        for (const player of players) if (!player.socket) await comeBack(player);
        await allHeard();
        for (const { heard, expected, socket, rooms, id } of players) {
          expect(heard).toEqual(expected);
          expect(socket?.rooms).toEqual(new Set([id, ...rooms]));
        }
      });
    }
  }
});
