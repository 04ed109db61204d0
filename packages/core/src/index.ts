export { digest } from "./digest.ts";
export * from "./log/index.ts";
export * from "./outcomes/index.ts";
export * from "./queues/index.ts";
export { type Member, Rooms, type RoomsObserver } from "./rooms.ts";
export * from "./store/index.ts";
