import { describe, expect, it } from "vitest";
import type { Store, TrimOperation } from "../store/index.ts";
import { append, NAMESPACE, readAll, type StoreHarness, store1, texts } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeTrim(harness: StoreHarness): void {
  describe("trim", () => {
    const fixture = new Fixture(harness);

    it("leaves the newest events", async () => {
      const { store } = fixture;
      await fill(store, 100);
      expect(await trim(store, { eventsMax: 30 })).toBe(70);
      const left = await texts(store, { rooms: ["a"] });
      expect(left).toHaveLength(30);
      expect(left[0]).toBe("70");
      expect(await texts(store, { rooms: ["a"], reverse: true })).toEqual([...left].reverse());
      const info = await store.log(NAMESPACE, "a");
      expect(info).toMatchObject({ events: 30, bytes: 60, oldestMs: 2e12 + 70 });
      expect(info.floor).toBe((await readAll(store, { rooms: ["a"] }))[0]!.offset - 1);
      expect(await store.storage()).toMatchObject({ events: 30, bytes: 60, oldestMs: 2e12 + 70 });
      expect(await trim(store, { eventsMax: 30 })).toBe(0);
    });

    it("leaves so many bytes, so new ones, or those behind an offset", async () => {
      const { store } = fixture;
      await fill(store, 100);
      await trim(store, { bytesMax: 21 });
      expect(await texts(store, { rooms: ["a"] })).toHaveLength(10);
      await trim(store, { sinceMs: 2e12 + 95 });
      expect((await texts(store, { rooms: ["a"] }))[0]).toBe("95");
      const [first] = await readAll(store, { rooms: ["a"] });
      await trim(store, { through: first!.offset });
      expect((await texts(store, { rooms: ["a"] }))[0]).toBe("96");
      await trim(store, { eventsMax: 3, bytesMax: 1000, sinceMs: 0 });
      expect(await texts(store, { rooms: ["a"] })).toEqual(["97", "98", "99"]);
    });

    it("leaves other logs alone", async () => {
      const { store } = fixture;
      await fill(store, 20);
      await store1(store, append("b", "stays"));
      await trim(store, { eventsMax: 0 });
      expect(await texts(store)).toEqual(["stays"]);
      expect(await store.storage()).toMatchObject({ events: 1, rooms: 1 });
    });

    it("goes on where new events follow", async () => {
      const { store } = fixture;
      await fill(store, 50);
      await trim(store, { eventsMax: 10 });
      await fill(store, 50, 50);
      expect(await texts(store, { rooms: ["a"] })).toHaveLength(60);
      await trim(store, { eventsMax: 55 });
      expect((await texts(store, { rooms: ["a"] }))[0]).toBe("45");
      const after = await store.seek(NAMESPACE, "a", { newest: 55 });
      expect(await texts(store, { rooms: ["a"], after })).toHaveLength(55);
    });

    it("works off a large log in steps", async () => {
      const { store } = fixture;
      for (let batch = 0; batch < 300; batch++) {
        store.commit(Array.from({ length: 12 }, (_, i) => append("a", `${batch}.${i}${"x".repeat(3000)}`)));
      }
      await store.commit([]).durable();
      let steps = 0;
      for (let more = true; more; steps++) {
        const operation = { type: "trim", namespace: NAMESPACE, room: "a", eventsMax: 12 } as const;
        more = (await store.commit(operation).durable()).trims[0]!.more;
      }
      expect(steps).toBeGreaterThan(1);
      expect(await texts(store, { rooms: ["a"] })).toHaveLength(12);
    });

    it("keeps an event of several rooms until no room holds it", async () => {
      const { store } = fixture;
      await store1(store, append(["a", "b"], "shared"));
      await store1(store, append("a", "own"));
      await trim(store, { eventsMax: 0 });
      expect(await texts(store, { rooms: ["a", "b"] })).toEqual(["shared"]);
      expect(await store.storage()).toMatchObject({ events: 1, bytes: 6, rooms: 1 });
      await trim(store, { room: "b", eventsMax: 0 });
      expect(await store.storage()).toMatchObject({ events: 0, bytes: 0, rooms: 0 });
    });

    it("of two rooms at once lets go of what both held", async () => {
      const { store } = fixture;
      for (let i = 0; i < 10; i++) store.commit(append(["a", "b", "c"], "shared"));
      await store.commit([]).durable();
      const forget = (room: string) =>
        store.commit({ type: "trim", namespace: NAMESPACE, room, eventsMax: 0 });
      forget("a");
      forget("b");
      await forget("c").durable();
      expect(await store.storage()).toMatchObject({ events: 0, bytes: 0, rooms: 0 });
    });

    it("comes before what is issued after it, and after what is issued before", async () => {
      const { store } = fixture;
      store.commit(append("a", "before"));
      const forgotten = store.commit({ type: "trim", namespace: NAMESPACE, room: "a", eventsMax: 0 });
      await store1(store, append("a", "after"));
      expect((await forgotten.durable()).trims).toEqual([{ events: 1, more: false }]);
      expect(await texts(store)).toEqual(["after"]);
    });

    it("removes an empty log but remembers how far it went", async () => {
      const { store } = fixture;
      await fill(store, 3);
      const { last } = await store.log(NAMESPACE, "a");
      await trim(store, { eventsMax: 0 });
      expect(await store.log(NAMESPACE, "a")).toMatchObject({ exists: false, events: 0, floor: last });
      expect((await store.logs()).logs).toEqual([]);
      await store1(store, append("a", "new"));
      expect(await store.log(NAMESPACE, "a")).toMatchObject({ events: 1, bytes: 3, floor: last });
      expect(await texts(store, { rooms: ["a"] })).toEqual(["new"]);
    });

    it("gives nothing of removed logs to those that come after them", async () => {
      for (let round = 0; round < 3; round++) {
        const rooms = Array.from({ length: 20 }, (_, i) => `${round}:${i}`);
        for (const room of rooms) fixture.store.commit(append([room, "shared"], room));
        await fixture.store.commit([]).durable();
        for (const room of rooms) expect(await texts(fixture.store, { rooms: [room] })).toEqual([room]);
        for (const room of [...rooms, "shared"]) await trim(fixture.store, { room, eventsMax: 0 });
        if (round === 1) await fixture.reopen();
        expect(await fixture.store.storage()).toMatchObject({ events: 0, bytes: 0, rooms: 0 });
      }
    });

    it("leaves no trace where none is asked for", async () => {
      const { store } = fixture;
      await fill(store, 3);
      await trim(store, { eventsMax: 0, trace: false });
      expect(await store.log(NAMESPACE, "a")).toMatchObject({ exists: false, floor: 0 });
    });

    it("of a log that is not there does nothing", async () => {
      expect(await trim(fixture.store, { room: "none", eventsMax: 0 })).toBe(0);
    });

    it("survives a restart", async () => {
      await fill(fixture.store, 100);
      await trim(fixture.store, { eventsMax: 30 });
      await fixture.reopen();
      const { store } = fixture;
      expect(await store.log(NAMESPACE, "a")).toMatchObject({ events: 30, bytes: 60, oldestMs: 2e12 + 70 });
      expect((await texts(store, { rooms: ["a"] }))[0]).toBe("70");
      expect(await trim(store, { eventsMax: 10 })).toBe(20);
      expect(await store.storage()).toMatchObject({ events: 10, bytes: 20 });
    });
  });
}

async function fill(store: Store, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    store.commit(append("a", `${i}`.padStart(2, "0"), { timeMs: 2e12 + i }));
    if (i % 17 === 0) await store.commit([]).durable();
  }
  await store.commit([]).durable();
}

/** Trims to the end; returns how many events went. */
async function trim(store: Store, operation: Partial<TrimOperation>): Promise<number> {
  let events = 0;
  for (;;) {
    const receipt = store.commit({ type: "trim", namespace: NAMESPACE, room: "a", ...operation });
    const result = (await receipt.durable()).trims[0]!;
    events += result.events;
    if (!result.more) return events;
  }
}
