export type { Joiner } from "./joiner.ts";
export { type ErrorContext, Kept, type OnError, type StoreOption } from "./kept.ts";
export { type HistoryEvent, KeepingAdapter } from "./kept-adapter.ts";
export type { ReplayResult } from "./replay.ts";
