import { expect, it } from "vitest";
import { runRecovery } from "../recovery/recover.ts";

const KILLS = 3;

it("brings stock clients back across kills and cuts: nothing lost, nothing twice, all in order", async () => {
  const counts = await runRecovery({ kind: "holdfast", clients: 24, kills: KILLS, lifeMsMax: 1_000 });
  console.log(counts);
  const expected = { lost: 0, outOfOrder: 0, repeats: 0, notRecovered: 0, damaged: 0 };
  expect(counts).toMatchObject({ kills: KILLS, ...expected });
  expect(counts.recovered).toBeGreaterThan(24 * KILLS);
  expect(counts.delivered).toBeGreaterThan(200);
}, 120_000);
