import { describe, expect, it } from "vitest";
import { randomFrom } from "../src/contract/random.ts";
import { ManualClock } from "../src/index.ts";
import { type Deadline, Deadlines } from "../src/queues/deadlines.ts";

interface Item extends Deadline {
  readonly name: number;
  endsAt: number;
}

describe("Deadlines", () => {
  it.each([1, 2, 3, 4, 5])(
    "pass when they should, whatever is added, moved and dropped (seed %i)",
    (seed) => {
      const random = randomFrom(seed);
      const clock = new ManualClock();
      const passed: number[] = [];
      const watched = new Set<Item>();
      const deadlines = new Deadlines<Item>(clock, (item) => {
        passed.push(item.name);
        expect(item.endsAt).toBeLessThanOrEqual(clock.monotonicMs());
        watched.delete(item);
      });
      for (let name = 0; name < 2000; name++) {
        const some = [...watched][random(watched.size || 1)];
        switch (random(5)) {
          case 0:
            if (some) {
              deadlines.drop(some);
              watched.delete(some);
            }
            break;
          case 1:
            if (some) {
              some.endsAt = random(9) === 0 ? Infinity : clock.monotonicMs() + random(500);
              deadlines.watch(some);
            }
            break;
          case 2: {
            clock.advance(random(40));
            for (const { endsAt } of watched) expect(endsAt).toBeGreaterThan(clock.monotonicMs());
            break;
          }
          default: {
            const item = { name, endsAt: clock.monotonicMs() + 1 + random(300), heapIndex: -1, heapAt: 0 };
            watched.add(item);
            deadlines.watch(item);
          }
        }
        expect(clock.pending).toBeLessThanOrEqual(1);
      }
      expect(passed.length).toBeGreaterThan(300);
      expect(new Set(passed).size).toBe(passed.length);
    },
  );
});
