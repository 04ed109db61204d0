import { randomFrom } from "@holdfast/core/contract";
import { describe, expect, it } from "vitest";
import { DeliveryModel, ROOMS } from "./model.ts";
import { type Recorder, STORES, socketOf, start, storeOf } from "./support.ts";

const STEPS = 400;
const CLIENTS = 4;

describe.each(STORES)("whatever is issued, kept in %s,", (kind) => {
  it.each([1, 2, 3, 4, 5, 6])("reaches each client in the order of issue, once (seed %i)", async (seed) => {
    const random = randomFrom(seed);
    const server = await start({ store: storeOf(kind) });
    const readers: Recorder[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      readers.push(await server.connect({ transports: [i % 2 ? "polling" : "websocket"] }));
    }
    const sockets = readers.map((reader) => socketOf(server, reader));
    const model = new DeliveryModel(server.io, sockets, random);
    const joins: Promise<unknown>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const member = model.members[random(CLIENTS)]!;
      const room = ROOMS[random(ROOMS.length)]!;
      switch (random(12)) {
        case 0:
          model.join(member, room);
          break;
        case 1:
          model.leave(member, room);
          break;
        case 2:
          joins.push(model.joinSince(member));
          break;
        case 3:
          model.emitTo(member);
          break;
        case 4:
          await new Promise(setImmediate);
          break;
        default:
          model.emit();
      }
    }
    await Promise.all(joins);
    for (const [i, reader] of readers.entries()) {
      sockets[i]!.emit("event", "end");
      await expect.poll(() => reader.got.at(-1)).toEqual(["event", "end"]);
      expect(reader.got.slice(0, -1).map(([, n]) => n)).toEqual(model.members[i]!.got);
    }
  });
});
