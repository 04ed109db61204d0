import { describe } from "vitest";
import { describeCommits } from "./commits.ts";
import { describeDurability } from "./durability.ts";
import { describeEvents } from "./events.ts";
import type { StoreHarness } from "./harness.ts";
import { describeLimits } from "./limits.ts";
import { describeModel } from "./model.ts";
import { describeRecords } from "./records.ts";
import { describeTail } from "./tails.ts";
import { describeTrim } from "./trims.ts";

/** What every driver of the Store port must pass: call it in a test file of the driver. */
export function describeStore(driver: string, harness: StoreHarness): void {
  describe(`the Store contract, by ${driver}`, () => {
    describeCommits(harness);
    describeEvents(harness);
    describeRecords(harness);
    describeTrim(harness);
    describeTail(harness);
    describeDurability(harness);
    describeLimits(harness);
    describeModel(harness);
  });
}
