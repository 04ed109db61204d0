export type { RecoveryFailure } from "./failure.ts";
export { recoveryLimits, recoveryPolicy } from "./policy.ts";
export { RecoveringAdapter } from "./recovering-adapter.ts";
export { isOfSession, type Recovery, type Restoration } from "./recovery.ts";
export { SharedRecovery } from "./shared.ts";
