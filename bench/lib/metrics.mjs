// What figures are called, and in which unit they are.
const metric = (unit) => (key, label) => ({ key, label, unit });

/** How many, and nothing else. */
export const count = metric("");
export const perSecond = metric("/s");
export const seconds = metric("s");
export const ms = metric("ms");
export const us = metric("µs");
export const bytes = metric("B");
export const megabytes = metric("MB");
export const percent = metric("%");

export const cpu = us("cpu", "CPU per delivered event");
export const p50 = ms("p50", "latency, median");
export const p99 = ms("p99", "latency, 99th percentile");

/** Microseconds per second. */
export const MICRO = 1e6;
/** Servers of which one can stand in for the other. */
export const DROP_INS = ["socketio", "holdfast"];
