import type { EngineOptions } from "./options.ts";

/** Stops a timer. */
export type Stop = (() => void) & {
  /** Whether its time has passed without it: timers are late on a suspended machine or a hidden page. */
  _isLate(): boolean;
};

/** Calls `action` after `ms` milliseconds. */
export type After = (ms: number, action: () => void) => Stop;

/** Times past 2 ** 31 make setTimeout fire at once. */
const TIMEOUT_MS_MAX = 2e9;

// The clock at the time of loading, for useNativeTimers: tests replace the global functions.
const native = { setTimeout, clearTimeout, Date };

/**
 * Timers and Date are taken once, together. A mock clock that a test installs later changes neither, so a connection
 * never compares the time of one clock with the deadline of another.
 */
export function timers({ useNativeTimers, autoUnref }: EngineOptions): After {
  const { setTimeout: start, clearTimeout: stop, Date: clock } = useNativeTimers ? native : globalThis;
  return (ms, action) => {
    const dueMs = clock.now() + ms;
    const timer = start(action, Math.min(ms, TIMEOUT_MS_MAX));
    // a browser's timer is a number
    if (autoUnref) timer.unref?.();
    return Object.assign(() => stop(timer), { _isLate: () => clock.now() > dueMs });
  };
}

/** Taken at loading for the same reason. Errors in a microtask are uncaught exceptions, those in a promise are not. */
export const nextTick = queueMicrotask;
