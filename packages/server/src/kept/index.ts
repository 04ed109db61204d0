export type { Framing, RoomOffset } from "./framing.ts";
export { Front } from "./front.ts";
export type { Joiner } from "./joiner.ts";
export { type ErrorContext, Kept, type OnError, type StoreOption } from "./kept.ts";
export { type HistoryEvent, KeepingAdapter } from "./kept-adapter.ts";
export type { LastResult, ReplayResult, Starts } from "./replay.ts";
export type { Dialect } from "./shedding/index.ts";
export { storeSecret } from "./store-secret.ts";
export { fromStored } from "./stored-packet.ts";
