import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { timers } from "../src/timers.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => vi.useRealTimers());

test("an action comes when it is due, unless it was stopped", () => {
  const after = timers({});
  const action = vi.fn();
  after(10, action);
  after(10, action)();
  vi.advanceTimersByTime(9);
  expect(action).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(action).toHaveBeenCalledOnce();
});

test("a timer that the clock has overtaken is late", () => {
  const timer = timers({})(10, () => {});
  vi.setSystemTime(10);
  expect(timer._isLate()).toBe(false);
  vi.setSystemTime(11);
  expect(timer._isLate()).toBe(true);
});

test("a time longer than timers can be does not come at once", () => {
  const action = vi.fn();
  timers({})(Number.MAX_SAFE_INTEGER, action);
  vi.advanceTimersByTime(1_000_000);
  expect(action).not.toHaveBeenCalled();
});

test("the clock is that of the beginning, in both of its parts", () => {
  vi.useRealTimers();
  const after = timers({});
  vi.useFakeTimers({ now: Date.now() + 1e9 });
  const timer = after(60_000, () => {});
  vi.setSystemTime(Date.now() + 1e9);
  expect(timer._isLate()).toBe(false);
  timer();
});
