import { describe, expect, it } from "vitest";
import { type Running, STORES, start, storeOf } from "../kept/support.ts";
import { Poller } from "./poller.ts";

// Everything that can happen to readers that are behind, in any order, against a model: what was stored comes once and
// in the order of issue; with recovery that is everything.

const ROOMS = ["chat:a", "chat:b", "chat:c", "open"];
const KEPT = ROOMS.slice(0, 3);
const STEPS = 600;
const CLIENTS = 3;
const OPTIONS = {
  shedBytes: 4_000,
  // shown before it is on disk
  rooms: { "chat:c": { keep: true, flush: false }, "chat:*": { keep: true } },
};

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

async function run(server: Running, seed: number, hasStamps: boolean) {
  const random = randomOf(seed);
  const readers: Poller[] = [];
  for (let i = 0; i < CLIENTS; i++) readers.push(await Poller.connect(server, { hasStamps }));
  const sockets = readers.map(({ connected }) => server.io.sockets.sockets.get(connected!.sid)!);
  const expected = readers.map(() => new Expected());
  const log: Issued[] = [];
  const unstored = new Set<number>();
  const joins: Promise<unknown>[] = [];
  const polls: Promise<unknown>[] = [];
  let n = 0;

  const filler = () => "x".repeat(random(2_000));
  const emit = () => {
    const rooms = someOf(ROOMS, random);
    const except = random(3) === 0 ? random(CLIENTS) : undefined;
    n++;
    (except === undefined ? server.io : sockets[except]!).to(rooms).emit("event", n, filler());
    if (rooms.some((room) => KEPT.includes(room))) log.push({ n, rooms, except });
    else if (!hasStamps) unstored.add(n);
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
      starts.set(room, count === 0 ? n : (past.at(-count - 1)?.n ?? 0));
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

  for (let step = 0; step < STEPS; step++) {
    const i = random(CLIENTS);
    const room = ROOMS[random(ROOMS.length)]!;
    const { got, since } = expected[i]!;
    switch (random(18)) {
      case 0:
        void sockets[i]!.join(room);
        if (!since.has(room)) since.set(room, n);
        break;
      case 1:
        void sockets[i]!.leave(room);
        since.delete(room);
        break;
      case 2:
        if (random(3) === 0) joins.push(joinSince(i));
        break;
      case 3:
        sockets[i]!.emit("event", ++n, filler());
        got.push(n);
        if (!hasStamps) unstored.add(n);
        break;
      case 4:
      case 5:
        await new Promise(setImmediate);
        break;
      case 6:
        polls.push(readers[i]!.poll());
        break;
      case 7:
        await new Promise((resolve) => setTimeout(resolve, random(3)));
        break;
      default:
        emit();
    }
  }
  await Promise.all(
    readers.map(async (reader, i) => {
      sockets[i]!.emit("event", "end", "");
      const isAll = () =>
        reader.got.length > expected[i]!.got.length && reader.got.some(([, n]) => n === "end");
      while (!isAll() && (await reader.poll()));
    }),
  );
  await Promise.all(joins);
  const isStored = (value: unknown) => !unstored.has(value as number) && value !== "end";
  for (const [i, reader] of readers.entries()) {
    const got = reader.got.map(([, value]) => value);
    expect(got.filter(isStored)).toEqual(expected[i]!.got.filter(isStored));
    expect(got.filter((value) => unstored.has(value as number))).toEqual(
      expected[i]!.got.filter((value) => unstored.has(value)),
    );
  }
  return server.io.stats().shed;
}

const SEEDS = [1, 2, 3, 4];

describe.each(STORES)("readers that are behind, kept in %s,", (kind) => {
  it.each(SEEDS)("get what was stored once and in order (seed %i)", async (seed) => {
    const server = await start({ store: storeOf(kind), ...OPTIONS });
    expect(await run(server, seed, false)).toBeGreaterThan(0);
  });

  it.each(SEEDS)("get everything once and in order, with recovery (seed %i)", async (seed) => {
    const server = await start({ store: storeOf(kind), connectionStateRecovery: {}, ...OPTIONS });
    expect(await run(server, seed, true)).toBeGreaterThan(0);
  });
});
