import { expect, it } from "vitest";
import { runKills } from "../../queues/kills.ts";

const KILLS = 6;
const JOBS = 600;

it("loses no job, and records each completion once, while server and workers are killed", async () => {
  const counts = await runKills(KILLS, JOBS);
  console.log(counts);
  expect(counts).toMatchObject({
    kills: KILLS,
    done: JOBS,
    lost: 0,
    unstarted: 0,
    contradicted: 0,
    miscounted: 0,
    again: 0,
  });
  expect(counts.recorded).toBeGreaterThan(JOBS / 2);
}, 120_000);
