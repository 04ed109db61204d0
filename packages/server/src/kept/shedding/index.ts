export { type Dialect, LogWindow } from "./log-window.ts";
export { Shedding } from "./shedding.ts";
