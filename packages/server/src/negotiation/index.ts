export { isControl, isControlName, withControls } from "./controls.ts";
export type { Control, ControlAck, Controls, Extension, Party } from "./extension.ts";
export { invalid, isRecord } from "./invalid.ts";
export { type Agreement, MARK, Negotiation } from "./negotiation.ts";
export { PendingSink } from "./pending-sink.ts";
