export { queue } from "./queue.ts";
export * from "./types.ts";
export { work } from "./worker.ts";
