import { expect, it } from "vitest";
import { runCrashes } from "./crash-run.ts";

it("a process killed while it publishes leaves every acknowledged event, once and in order", async () => {
  const { kills, acknowledged, ...counts } = await runCrashes(3);
  expect(kills).toBe(3);
  expect(acknowledged).toBeGreaterThan(100);
  expect(counts.stored).toBeGreaterThanOrEqual(acknowledged);
  expect(counts).toMatchObject({ lost: 0, repeated: 0, outOfOrder: 0, torn: 0 });
}, 60_000);
