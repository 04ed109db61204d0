import { describe, expect, it } from "vitest";
import { type KeptEvent, MissedEvents } from "../src/adapter/missed-events.ts";

const event = (name: string, emittedAt = 0, bytes = 1): KeptEvent => ({
  data: [name],
  rooms: new Set(),
  emittedAt,
  bytes,
});

/** Adds events and returns their offsets. */
function fill(events: MissedEvents, ...kept: KeptEvent[]): string[] {
  return kept.map((one) => {
    const offset = events.nextOffset;
    events.add(one);
    return offset;
  });
}

const names = (events: KeptEvent[] | undefined) => events?.map(({ data }) => data[0]);

describe("MissedEvents", () => {
  it("give what followed an offset, in order", () => {
    const events = new MissedEvents(10, 1_000, "epoch");
    const [a, , c] = fill(events, event("a"), event("b"), event("c"));
    expect(names(events.after(a!, []))).toEqual(["b", "c"]);
    expect(names(events.after(c!, []))).toEqual([]);
  });

  it("do not know offsets of others, of the future, or made up", () => {
    const events = new MissedEvents(10, 1_000, "epoch");
    const [a] = fill(events, event("a"));
    const [other] = fill(new MissedEvents(10, 1_000, "other"), event("a"));
    for (const offset of [
      other!,
      events.nextOffset,
      "",
      "epoch",
      `${a} `,
      "epoch-1",
      "epoch00",
      "epoch0.5",
    ]) {
      expect(events.after(offset, []), offset).toBeUndefined();
    }
  });

  it("give what went to some rooms or to everybody, once each and in order", () => {
    const events = new MissedEvents(5, 1_000, "epoch");
    const to = (name: string, ...rooms: string[]) => ({ ...event(name), rooms: new Set(rooms) });
    const offsets = fill(
      events,
      to("dropped", "a", "b"),
      to("first"),
      to("a", "a"),
      to("b", "b"),
      to("both", "a", "b"),
      to("all"),
    );
    const after = (i: number, ...rooms: string[]) => names(events.after(offsets[i]!, rooms));
    expect(after(1, "a")).toEqual(["a", "both", "all"]);
    expect(after(1, "b", "a")).toEqual(["a", "b", "both", "all"]);
    expect(after(1, "c")).toEqual(["all"]);
    expect(after(3, "b")).toEqual(["both", "all"]);
    expect(after(0, "a")).toBeUndefined();
    events.expire(1);
    const [last] = fill(events, to("a again", "a"), to("b again", "b"));
    expect(names(events.after(last!, ["a", "b"]))).toEqual(["b again"]);
  });

  it("forget the oldest past the limit of events", () => {
    const events = new MissedEvents(2, 1_000, "epoch");
    const [a, b] = fill(events, event("a"), event("b"), event("c"));
    expect(events.size).toBe(2);
    expect(events.after(a!, [])).toBeUndefined();
    expect(names(events.after(b!, []))).toEqual(["c"]);
  });

  it("forget the oldest past the limit of bytes, if need be all", () => {
    const events = new MissedEvents(100, 10, "epoch");
    const [a, b] = fill(events, event("a", 0, 6), event("b", 0, 6));
    expect(events.after(a!, [])).toBeUndefined();
    expect(names(events.after(b!, []))).toEqual([]);
    const [large] = fill(events, event("large", 0, 11));
    expect(events.size).toBe(0);
    expect(events.after(large!, [])).toBeUndefined();
    const [d] = fill(events, event("d"));
    expect(names(events.after(d!, []))).toEqual([]);
  });

  it("forget what is older than a time", () => {
    const events = new MissedEvents(10, 1_000, "epoch");
    const [a, b] = fill(events, event("a", 1), event("b", 2), event("c", 3));
    events.expire(2);
    expect(events.after(a!, [])).toBeUndefined();
    expect(names(events.after(b!, []))).toEqual(["c"]);
    events.expire(9);
    expect(events.size).toBe(0);
  });

  it("keep their offsets through any number of events", () => {
    const events = new MissedEvents(100, 1_000, "epoch");
    const offsets = fill(events, ...Array.from({ length: 10_000 }, (_, i) => event(`${i}`)));
    expect(new Set(offsets).size).toBe(10_000);
    expect(events.size).toBe(100);
    expect(names(events.after(offsets[9_900]!, []))).toHaveLength(99);
    expect(names(events.after(offsets[9_997]!, []))).toEqual(["9998", "9999"]);
    expect(events.after(offsets[9_899]!, [])).toBeUndefined();
  });
});
