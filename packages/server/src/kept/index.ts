export { type ErrorContext, Kept, type OnError, type StoreOption } from "./kept.ts";
export { type HistoryEvent, type KeepingAdapter, keeping } from "./kept-adapter.ts";
export type { ReplayResult } from "./replay.ts";
