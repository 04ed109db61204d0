import { describe, expect, it } from "vitest";
import { Policies, parseDuration, parseSize, type RoomsOption } from "../src/index.ts";

describe("units", () => {
  it("reads durations as milliseconds", () => {
    expect(
      ["500ms", "30s", "15m", "12h", "30d", "2w", "1.5h", " 3 D ", 42].map((it) => parseDuration(it)),
    ).toEqual([500, 30_000, 900_000, 43_200_000, 2_592_000_000, 1_209_600_000, 5_400_000, 259_200_000, 42]);
  });

  it("reads sizes as bytes", () => {
    expect(["500b", "64kb", "1mb", "1gb", "1TB", 7].map((it) => parseSize(it))).toEqual([
      500,
      65_536,
      1_048_576,
      1_073_741_824,
      1024 ** 4,
      7,
    ]);
  });

  it.each(["", "15", "m", "1y", "-1s", "1e3s", "1.2.3s", "constructor", null, {}, Number.NaN, -1])(
    "refuses %j with a code",
    (value) => {
      expect(() => parseDuration(value, "age")).toThrow(
        expect.objectContaining({ code: "POLICY_INVALID", message: expect.stringContaining("age is") }),
      );
      expect(() => parseSize(value)).toThrow(expect.objectContaining({ code: "POLICY_INVALID" }));
    },
  );
});

describe("Policies", () => {
  it("gives the first pattern that matches the word", () => {
    const policies = new Policies({
      "chat:secret": { keep: false },
      "chat:*": { keep: { age: "30d", events: 100, bytes: "1gb" } },
      "*": { keep: { events: 1, flush: false } },
    });
    expect(policies.of("chat:secret")).toBeUndefined();
    expect(policies.of("chat:1")).toEqual({
      ageMs: 2_592_000_000,
      eventsMax: 100,
      bytesMax: 1_073_741_824,
      flush: true,
      trace: true,
    });
    expect(policies.of("other")).toMatchObject({ eventsMax: 1, ageMs: Infinity, flush: false });
    expect(policies.isEmpty).toBe(false);
    expect(new Policies({ "a*": { keep: false } }).isEmpty).toBe(true);
  });

  it("keeps without limits where keep is true", () => {
    expect(new Policies({ a: { keep: true } }).of("a")).toMatchObject({
      ageMs: Infinity,
      eventsMax: Infinity,
    });
  });

  it("applies the fallback to logs, but keeps no room by it", () => {
    const fallback = { ageMs: 1, eventsMax: 1, bytesMax: 1, flush: true, trace: false };
    const policies = new Policies({}, fallback);
    expect(policies.of("x")).toBeUndefined();
    expect(policies.ofLog("x")).toBe(fallback);
  });

  it.each([
    [{ a: {} }, 'rooms["a"] must be an object with `keep`'],
    [{ a: { keep: "30d" } }, ".keep must be an object or a boolean"],
    [{ a: { keep: { events: 1.5 } } }, ".keep.events is 1.5"],
    [{ a: { keep: { events: -1 } } }, ".keep.events is -1"],
    [{ a: { keep: { age: "soon" } } }, 'rooms["a"].keep.age is "soon"'],
    [{ a: { keep: { bytes: "1 box" } } }, 'rooms["a"].keep.bytes is "1 box"'],
    [{ a: { keep: { days: 3 } } }, ".keep.days is not known"],
    [{ a: { keep: { flush: 1 } } }, ".keep.flush must be a boolean"],
  ])("refuses %j with a code and says why", (rooms, message) => {
    expect(() => new Policies(rooms as unknown as RoomsOption)).toThrow(
      expect.objectContaining({ code: "POLICY_INVALID", message: expect.stringContaining(message) }),
    );
  });
});
