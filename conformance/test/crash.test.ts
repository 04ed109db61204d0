import { expect, it } from "vitest";
import { runCrashes } from "../crash/crashes.ts";
import { hasStrace, traceFlushes } from "../crash/flushes.ts";

const KILLS = 6;

it("loses nothing that it acknowledged or showed when it is killed, again and again", async () => {
  const counts = await runCrashes(KILLS);
  console.log(counts);
  expect(counts).toMatchObject({ kills: KILLS, lost: 0, repeated: 0, outOfOrder: 0, unstored: 0, broken: 0 });
  expect(counts.acknowledged).toBeGreaterThan(100);
  expect(counts.seen).toBeGreaterThan(100);
}, 120_000);

it.skipIf(!hasStrace())(
  "syncs the file before the first byte of a delivery or an answer leaves",
  async () => {
    const { events, socketWrites, tooEarly } = await traceFlushes();
    expect(tooEarly).toBe(0);
    // each event reaches the publisher and a reader
    expect(socketWrites).toBeGreaterThanOrEqual(events);
  },
  60_000,
);
