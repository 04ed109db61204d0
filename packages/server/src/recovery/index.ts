export type { RecoveryFailure } from "./failure.ts";
export { recoveryLimits, recoveryPolicy } from "./policy.ts";
export { RecoveringAdapter, recoveryOf } from "./recovering-adapter.ts";
export type { Recovery } from "./recovery.ts";
export type { Restoration } from "./restoration.ts";
export { SharedRecovery } from "./shared.ts";
export { Stamps, stampText } from "./stamp.ts";
