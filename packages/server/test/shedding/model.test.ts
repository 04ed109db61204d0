import { randomFrom } from "@holdfast/core/contract";
import { describe, expect, it } from "vitest";
import { DeliveryModel, ROOMS } from "../kept/model.ts";
import { type Running, STORES, start, storeOf } from "../kept/support.ts";
import { Poller } from "./poller.ts";

// Everything that can happen to readers that are behind, in any order, against a model: what was stored comes once and
// in the order of issue; with recovery that is everything.

const STEPS = 600;
const CLIENTS = 3;
const BYTES_MAX = 2_000;
const OPTIONS = {
  shedBytes: 4_000,
  // shown before it is on disk
  rooms: { "chat:c": { keep: true, flush: false }, "chat:*": { keep: true } },
};

async function run(server: Running, seed: number, hasStamps: boolean) {
  const random = randomFrom(seed);
  const readers: Poller[] = [];
  for (let i = 0; i < CLIENTS; i++) readers.push(await Poller.connect(server, { hasStamps }));
  const sockets = readers.map(({ connected }) => server.io.sockets.sockets.get(connected!.sid)!);
  const model = new DeliveryModel(server.io, sockets, random, BYTES_MAX);
  const joins: Promise<unknown>[] = [];
  for (let step = 0; step < STEPS; step++) {
    const i = random(CLIENTS);
    const member = model.members[i]!;
    const room = ROOMS[random(ROOMS.length)]!;
    switch (random(18)) {
      case 0:
        model.join(member, room);
        break;
      case 1:
        model.leave(member, room);
        break;
      case 2:
        if (random(3) === 0) joins.push(model.joinSince(member));
        break;
      case 3:
        model.emitTo(member);
        break;
      case 4:
      case 5:
        await new Promise(setImmediate);
        break;
      case 6:
        void readers[i]!.poll();
        break;
      case 7:
        await new Promise((resolve) => setTimeout(resolve, random(3)));
        break;
      default:
        model.emit();
    }
  }
  await Promise.all(
    readers.map(async (reader, i) => {
      sockets[i]!.emit("event", "end", "");
      const isAll = () =>
        reader.got.length > model.members[i]!.got.length && reader.got.some(([, n]) => n === "end");
      while (!isAll() && (await reader.poll()));
    }),
  );
  await Promise.all(joins);
  // with recovery everything is stored
  const isUnstored = (value: unknown) => !hasStamps && model.unstored.has(value as number);
  const isStored = (value: unknown) => !isUnstored(value) && value !== "end";
  for (const [i, reader] of readers.entries()) {
    const got = reader.got.map(([, value]) => value);
    expect(got.filter(isStored)).toEqual(model.members[i]!.got.filter(isStored));
    expect(got.filter(isUnstored)).toEqual(model.members[i]!.got.filter(isUnstored));
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
