import { expect, it } from "vitest";
import { runReliable } from "../../reliable/reliable.ts";
import { runWriters } from "../../reliable/writers.ts";

it("reliable emits take effect once, in order, and all settle, whatever is killed or cut", async () => {
  const plan = { kills: 4, clients: 6, numbers: 100 };
  const counts = await runReliable(plan);
  console.log(counts);
  const all = plan.clients * plan.numbers;
  expect(counts).toMatchObject({
    kills: plan.kills,
    emitted: all,
    resolved: all,
    stored: all,
    rejected: 0,
    mistaken: 0,
    unsettled: 0,
    missing: 0,
    doubled: 0,
    outOfOrder: 0,
    misplaced: 0,
  });
  expect(counts.cuts).toBeGreaterThan(0);
}, 120_000);

it("what a client has in its outbox on disk takes effect once, however often the client is killed", async () => {
  const counts = await runWriters(6, 2);
  console.log(counts);
  expect(counts).toMatchObject({ missing: 0, doubled: 0, outOfOrder: 0, refused: 0 });
  expect(counts.stored).toBeGreaterThan(20);
}, 120_000);
