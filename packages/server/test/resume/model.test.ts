import { MemoryDisk, MemoryStore } from "@holdfast/core";
import { randomFrom } from "@holdfast/core/contract";
import type { Server, ServerOptions, Socket } from "holdfast";
import { expect, it } from "vitest";
import { type Served, serve } from "../negotiation/wire.ts";
import { type Positions, type Reader, reader } from "./client.ts";

const ROOMS = ["kept:a", "kept:b", "kept:c"];
const STEPS = 60;

interface Event {
  readonly id: number;
  readonly rooms: readonly string[];
  readonly offset: number;
  readonly except: Visitor | undefined;
}

/** A client through all its connections. */
interface Visitor {
  /** While it is connected. */
  client: Reader | undefined;
  socket: Socket | undefined;
  key: string | undefined;
  positions: Positions;
  readonly floors: Map<string, number>;
  readonly got: number[];
  readonly rooms: Set<string>;
}

it.each([
  ["alone", {}, 1],
  ["alone", {}, 2],
  ["alone", {}, 3],
  ["alone", {}, 4],
  ["with recovery", { connectionStateRecovery: {} }, 5],
  ["with recovery", { connectionStateRecovery: {} }, 6],
  ["with recovery", { connectionStateRecovery: {} }, 7],
  ["shedding", { shedBytes: 1_000, outboxBytesMax: 100_000 }, 8],
  ["shedding", { shedBytes: 1_000, outboxBytesMax: 100_000 }, 9],
] as [string, Partial<ServerOptions>, number][])(
  "gives everybody everything once, whatever happens: %s (%j, %i)",
  async (_, more, seed) => {
    const random = randomFrom(seed);
    const options = { rooms: { "kept:*": { keep: true } }, onError: () => {}, ...more };
    let store = new MemoryStore({ disk: new MemoryDisk() });
    let served: Served = await serve({ ...options, store });
    const events: Event[] = [];
    const visitors: Visitor[] = Array.from({ length: 3 }, () => ({
      client: undefined,
      socket: undefined,
      key: undefined,
      positions: {},
      floors: new Map(),
      got: [],
      rooms: new Set(),
    }));

    /** A server that is killed meanwhile answers nobody. */
    const joinLast = ({ socket }: Visitor, rooms: string[]) => {
      socket!.join(rooms, { since: "last" }).catch(() => {});
    };
    const arrive = async (visitor: Visitor) => {
      const { key, positions } = visitor;
      const asking = { positions: structuredClone(positions), credit: 1 + random(5) };
      const client = await reader(served.port, key === undefined ? asking : { key, ...asking });
      expect(client.answer.refused).toEqual({});
      Object.assign(client.positions, positions);
      for (const [room, floor] of visitor.floors) client.floors.set(room, floor);
      client.givesCredit = true;
      visitor.key = client.answer.key;
      visitor.client = client;
      visitor.socket = served.sockets.find(({ id }) => id === client.connected.sid);
      // it takes what comes, until it is cut off
      client.until(() => false).catch(() => {});
      const rooms = [...visitor.rooms];
      const at = random(rooms.length + 1);
      for (const some of [rooms.slice(0, at), rooms.slice(at)]) {
        if (some.length > 0) joinLast(visitor, some);
      }
    };
    /** Takes over what a connection brought; what is on its way then is lost with it. */
    const depart = async (visitor: Visitor) => {
      const { client } = visitor;
      if (!client) return;
      client.wire.socket.terminate();
      const { heard } = client.wire;
      heard.length = 0;
      visitor.positions = client.positions;
      for (const [room, floor] of client.floors) visitor.floors.set(room, floor);
      for (const [, id] of client.events) visitor.got.push(id as number);
      visitor.client = undefined;
      visitor.socket = undefined;
      await client.wire.closed;
    };
    const issue = async (io: Server, by: Visitor | undefined) => {
      const rooms = ROOMS.filter(() => random(2) === 0);
      if (rooms.length === 0) rooms.push(ROOMS[0]!);
      const id = events.length;
      const sender = by?.socket?.connected ? by : undefined;
      const target = sender ? sender.socket!.to(rooms) : io.to(rooms);
      const published = target.publish("n", id);
      events.push({ id, rooms, offset: Number.NaN, except: sender });
      const position = await published;
      Object.assign(events[id]!, { offset: Number.parseInt(position.split(":").at(-1)!, 36) });
    };

    for (let step = 0; step < STEPS; step++) {
      const visitor = visitors[random(visitors.length)]!;
      const room = ROOMS[random(ROOMS.length)]!;
      switch (random(10)) {
        case 0:
          if (visitor.client) await depart(visitor);
          else await arrive(visitor);
          break;
        case 1:
        case 2:
          if (!visitor.client) await arrive(visitor);
          visitor.rooms.add(room);
          joinLast(visitor, [room]);
          break;
        case 3:
          void visitor.socket?.leave(room);
          break;
        case 4:
          if (random(4) > 0) break;
          store = store.crash();
          for (const each of visitors) await depart(each);
          served = await serve({ ...options, store });
          break;
        case 5:
        case 6:
          await issue(served.io, visitor);
          break;
        default:
          await Promise.all(Array.from({ length: 1 + random(8) }, () => issue(served.io, undefined)));
      }
    }
    for (const visitor of visitors) {
      if (!visitor.client) await arrive(visitor);
      for (const room of ROOMS) visitor.rooms.add(room);
      await visitor.socket!.join(ROOMS, { since: "last" });
      visitor.socket!.emit("end", -1);
      const { client } = visitor;
      await expect.poll(() => client!.events.some(([name]) => name === "end")).toBe(true);
      await depart(visitor);
      const expected = events.filter(
        ({ rooms, offset, except }) =>
          except !== visitor &&
          rooms.some((room) => offset > (visitor.floors.get(room) ?? Number.POSITIVE_INFINITY)),
      );
      const got = visitor.got.filter((id) => id >= 0);
      expect([...got].sort((a, b) => a - b)).toEqual(expected.map(({ id }) => id));
      for (const room of ROOMS) {
        const own = got.filter((id) => events[id]!.rooms.length === 1 && events[id]!.rooms[0] === room);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
    }
    expect(events.length).toBeGreaterThan(20);
  },
);
