import type { EngineOptions } from "./options.ts";

/** What a connection needs of the clock. */
export interface Clock {
  /** Calls `action` after `ms` milliseconds; returns what prevents it. */
  after(ms: number, action: () => void): () => void;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Longer times make setTimeout fire at once. */
const TIMEOUT_MS_MAX = 0x7fffffff;

// The clock at the time of loading, for useNativeTimers: tests replace the global functions.
const native = { ...pick(globalThis) };

/**
 * Timers and Date are taken once, together. A mock clock that a test installs later changes neither, so a connection
 * never compares the time of one clock with the deadline of another.
 */
export function clockOf({ useNativeTimers, autoUnref }: EngineOptions): Clock {
  const { setTimeout, clearTimeout, Date } = useNativeTimers ? native : pick(globalThis);
  return {
    after(ms, action) {
      const timer = setTimeout(action, Math.min(ms, TIMEOUT_MS_MAX));
      // a browser's timer is a number
      if (autoUnref) timer.unref?.();
      return () => clearTimeout(timer);
    },
    now: () => Date.now(),
  };
}

function pick({ setTimeout, clearTimeout, Date }: typeof globalThis) {
  return { setTimeout, clearTimeout, Date };
}

/** Taken at loading for the same reason. Errors in a microtask are uncaught exceptions, those in a promise are not. */
export const nextTick = queueMicrotask;
