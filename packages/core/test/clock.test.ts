import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../src/log/clock.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

describe("The system's clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("calls back after whatever time, also past what a timer takes.", () => {
    const callback = vi.fn();
    systemClock.after(60 * DAY_MS, callback);
    vi.advanceTimersByTime(59 * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(DAY_MS);
    expect(callback).toHaveBeenCalledOnce();
  });

  it("never calls back after Infinity, nor once cancelled.", () => {
    const callback = vi.fn();
    systemClock.after(Infinity, callback);
    const cancel = systemClock.after(60 * DAY_MS, callback);
    vi.advanceTimersByTime(50 * DAY_MS);
    cancel();
    vi.advanceTimersByTime(50 * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
  });
});
