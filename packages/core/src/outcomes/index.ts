export type {
  Answer as EntryAnswer,
  Contribution,
  Outcome as EntryOutcome,
  Request as EntryRequest,
  Retry as EntryRetry,
  Work as EntryWork,
} from "./entry.ts";
export { isForGood, isRetry, tellIssued } from "./entry.ts";
export {
  type Claim,
  type ClaimRefusal,
  Outcomes,
  type OutcomesLimits,
  type OutcomesOptions,
} from "./outcomes.ts";
export type { Payload } from "./records.ts";
export type { Sender as EntrySender } from "./sender.ts";
