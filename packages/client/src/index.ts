export * from "./api.ts";
export { io as default } from "./api.ts";
export * from "./reliable/index.ts";
export * from "./work/index.ts";
