export type { StoreHarness, Subject, SubjectOptions } from "./harness.ts";
export { describeStore } from "./store-contract.ts";
