import { describe, expect, it } from "vitest";
import { type Recorder, STORES, socketOf, start, storeOf } from "./support.ts";

const ROOMS = ["chat:a", "chat:b", "chat:c", "open"];
const KEPT = ROOMS.slice(0, 3);
const STEPS = 400;
const CLIENTS = 4;

/** An event to rooms, by its place in the order of issue. */
interface Issued {
  readonly n: number;
  readonly rooms: readonly string[];
  readonly except: number | undefined;
}

/** What one client should get, and since when it is in which kept room. */
class Expected {
  readonly got: number[] = [];
  readonly since = new Map<string, number>();
}

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const someOf = (names: readonly string[], random: (below: number) => number) => {
  const chosen = names.filter(() => random(3) === 0);
  return chosen.length > 0 ? chosen : [names[random(names.length)]!];
};

describe.each(STORES)("whatever is issued, kept in %s,", (kind) => {
  it.each([1, 2, 3, 4, 5, 6])("reaches each client in the order of issue, once (seed %i)", async (seed) => {
    const random = randomOf(seed);
    const server = await start({ store: storeOf(kind) });
    const readers: Recorder[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      readers.push(await server.connect({ transports: [i % 2 ? "polling" : "websocket"] }));
    }
    const sockets = readers.map((reader) => socketOf(server, reader));
    const expected = readers.map(() => new Expected());
    const log: Issued[] = [];
    let n = 0;

    const emit = () => {
      const rooms = someOf(ROOMS, random);
      const except = random(3) === 0 ? random(CLIENTS) : undefined;
      n++;
      (except === undefined ? server.io : sockets[except]!).to(rooms).emit("event", n);
      if (rooms.some((room) => KEPT.includes(room))) log.push({ n, rooms, except });
      for (const [i, { got, since }] of expected.entries()) {
        if (i !== except && rooms.some((room) => since.has(room))) got.push(n);
      }
    };
    const joinSince = (i: number) => {
      const rooms = someOf(KEPT, random);
      const count = random(30);
      const { got, since } = expected[i]!;
      const starts = new Map<string, number>();
      for (const room of rooms) {
        const past = log.filter((event) => event.rooms.includes(room));
        starts.set(room, past.at(-count - 1)?.n ?? 0);
        if (count === 0) starts.set(room, n);
      }
      for (const event of log) {
        const kept = event.rooms.filter((room) => KEPT.includes(room));
        const isAsked = rooms.some((room) => kept.includes(room) && event.n > starts.get(room)!);
        const isSeen = kept.some((room) => !rooms.includes(room) && event.n > (since.get(room) ?? Infinity));
        if (isAsked && !isSeen && event.except !== i) got.push(event.n);
      }
      for (const room of rooms) since.set(room, Math.min(since.get(room) ?? Infinity, starts.get(room)!));
      return sockets[i]!.join(rooms, { since: count });
    };

    const joins: Promise<unknown>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const i = random(CLIENTS);
      const room = ROOMS[random(ROOMS.length)]!;
      const { got, since } = expected[i]!;
      switch (random(12)) {
        case 0:
          void sockets[i]!.join(room);
          if (!since.has(room)) since.set(room, n);
          break;
        case 1:
          void sockets[i]!.leave(room);
          since.delete(room);
          break;
        case 2:
          joins.push(joinSince(i));
          break;
        case 3:
          sockets[i]!.emit("event", ++n);
          got.push(n);
          break;
        case 4:
          await new Promise(setImmediate);
          break;
        default:
          emit();
      }
    }
    await Promise.all(joins);
    for (const [i, reader] of readers.entries()) {
      sockets[i]!.emit("event", "end");
      await expect.poll(() => reader.got.at(-1)).toEqual(["event", "end"]);
      expect(reader.got.slice(0, -1).map(([, n]) => n)).toEqual(expected[i]!.got);
    }
  });
});
