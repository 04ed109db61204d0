export { type CancelTimer, type Clock, ManualClock, systemClock } from "./clock.ts";
export {
  type HistoryQuery,
  type KeptEvent,
  KeptRooms,
  type KeptRoomsOptions,
  mayReceive,
} from "./kept-rooms.ts";
export { RoomPattern } from "./pattern.ts";
export { type KeepOptions, type KeepPolicy, Policies, type RoomOptions, type RoomsOption } from "./policy.ts";
export { formatPosition, parsePosition } from "./position.ts";
export { type Gap, Replay, type ReplayChunk, type Since } from "./replay.ts";
export { Retention, type RetentionOptions } from "./retention.ts";
export { parseDuration, parseSize } from "./units.ts";
