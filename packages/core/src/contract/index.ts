export type { StoreHarness, Subject, SubjectOptions } from "./harness.ts";
export { describeQueues } from "./queue-contract.ts";
export { randomFrom } from "./random.ts";
export { describeStore } from "./store-contract.ts";
