import { describe } from "vitest";
import type { StoreHarness } from "./harness.ts";
import { describeQueueAdministration } from "./queue-administration.ts";
import { describeQueueJobs } from "./queue-jobs.ts";
import { describeQueueLeases } from "./queue-leases.ts";
import { describeQueueLimits } from "./queue-limits.ts";
import { describeQueueModel } from "./queue-model.ts";

/** What queues must do on every driver of the Store port: call it in a test file of the driver. */
export function describeQueues(driver: string, harness: StoreHarness): void {
  describe(`queues on ${driver}`, () => {
    describeQueueJobs(harness);
    describeQueueLeases(harness);
    describeQueueAdministration(harness);
    describeQueueLimits(harness);
    describeQueueModel(harness);
  });
}
