export { recoveryPolicy } from "./policy.ts";
export { RecoveringAdapter } from "./recovering-adapter.ts";
export type { Recovery, RecoveryFailure, Restoration } from "./recovery.ts";
export { SharedRecovery } from "./shared.ts";
