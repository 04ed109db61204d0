import { describe, expect, it } from "vitest";
import { MemoryStore, type Operation, type Precondition, type Store } from "../store/index.ts";
import { append, NAMESPACE, readAll, type StoreHarness } from "./harness.ts";
import { randomFrom } from "./random.ts";
import { Fixture } from "./subject.ts";

const ROOMS = ["a", "b", "c", "d"];
const KEYS = ["x", "y", "z"];

/** The same random operations on a driver and on the reference must leave the same behind. */
export function describeModel(harness: StoreHarness): void {
  describe("any sequence of operations", () => {
    const fixture = new Fixture(harness);

    it.each([1, 2, 3, 4, 5])("leaves what it leaves in the memory driver (seed %i)", async (seed) => {
      const random = randomFrom(seed);
      let reference = new MemoryStore();
      for (let round = 0; round < 25; round++) {
        const trimmed = new Set<string>();
        const receipts: [ReturnType<Store["commit"]>, ReturnType<Store["commit"]>][] = [];
        for (let i = random(12); i >= 0; i--) {
          const operations = randomOperations(random, trimmed);
          const preconditions = await randomPreconditions(random, reference);
          receipts.push([
            fixture.store.commit(operations, preconditions),
            reference.commit(operations, preconditions),
          ]);
        }
        for (const [actual, expected] of receipts) {
          const outcomes = await Promise.allSettled([actual.durable(), expected.durable()]);
          expect(outcomes[0].status).toBe(outcomes[1].status);
          if (outcomes[0].status === "fulfilled" && outcomes[1].status === "fulfilled") {
            expect(outcomes[0].value.versions).toEqual(outcomes[1].value.versions);
            const counts = outcomes.map((outcome) =>
              outcome.status === "fulfilled" ? outcome.value.trims.map(({ events }) => events) : [],
            );
            expect(counts[0]).toEqual(counts[1]);
          }
        }
        if (round % 8 === 7) {
          await fixture.reopen();
          await reference.close();
          reference = reference.reopen();
        }
        await expectSame(fixture.store, reference, random);
      }
    });
  });
}

async function expectSame(store: Store, reference: Store, random: (n: number) => number): Promise<void> {
  const { events, bytes, rooms, oldestMs } = await reference.storage();
  expect(await store.storage()).toMatchObject({ events, bytes, rooms, oldestMs });
  for (const room of ROOMS) {
    const { epoch: _, ...info } = await reference.log(NAMESPACE, room);
    expect(await store.log(NAMESPACE, room)).toMatchObject(info);
    const newest = random(20);
    expect(await countBehind(store, room, newest)).toBe(await countBehind(reference, room, newest));
  }
  const query = { rooms: ROOMS.slice(random(4)), limit: 1 + random(20), reverse: random(2) === 1 };
  expect(await readAll(store, query)).toEqual(await readAll(reference, query));
  expect(await store.records({ kind: "k" })).toEqual(await reference.records({ kind: "k" }));
}

async function countBehind(store: Store, room: string, newest: number): Promise<number> {
  const after = await store.seek(NAMESPACE, room, { newest });
  return (await readAll(store, { rooms: [room], after })).length;
}

function randomOperations(random: (n: number) => number, trimmed: Set<string>): Operation[] {
  const room = ROOMS[random(4)]!;
  // A driver may put off the second trim of a log in one flush.
  if (random(8) === 0 && !trimmed.has(room)) {
    trimmed.add(room);
    const limits = [{ eventsMax: random(30) }, { bytesMax: random(3000) }, { through: random(300) }];
    return [{ type: "trim", namespace: NAMESPACE, room, ...limits[random(3)]! }];
  }
  return Array.from({ length: 1 + random(4) }, (): Operation => {
    const key = KEYS[random(3)]!;
    switch (random(6)) {
      case 0:
        return { type: "put", kind: "k", key, value: "v".repeat(random(50)) };
      case 1:
        return { type: "delete", kind: "k", key };
      default: {
        const rooms = ROOMS.filter(() => random(3) === 0);
        const sender = random(2) ? "sender" : undefined;
        const except = random(3) ? [] : ["x", "y"];
        return append(rooms.length ? rooms : "a", "p".repeat(random(400)), { sender, except });
      }
    }
  });
}

async function randomPreconditions(
  random: (n: number) => number,
  reference: Store,
): Promise<readonly Precondition[]> {
  if (random(4) > 0) return [];
  const key = KEYS[random(3)]!;
  const version = random(2) ? ((await reference.get("k", key))?.version ?? 0) : 0;
  return [{ kind: "k", key, version }];
}
