import { describe, expect, it } from "vitest";
import { append, NAMESPACE, readAll, type StoreHarness, store1, texts } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeEvents(harness: StoreHarness): void {
  describe("events", () => {
    const fixture = new Fixture(harness);

    it("come back as they were given", async () => {
      const { store } = fixture;
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const event = append("chät", bytes, { sender: "söcket", except: ["r\u{1f600}om", "id"], timeMs: 2e12 });
      const offset = await store1(store, event);
      expect(await readAll(store)).toEqual([
        {
          offset,
          timeMs: 2e12,
          rooms: ["chät"],
          payload: Buffer.from(bytes),
          except: ["r\u{1f600}om", "id"],
          sender: "söcket",
        },
      ]);
    });

    it("may be empty, long, or text of any kind", async () => {
      const { store } = fixture;
      const payloads = ["", "ü".repeat(5000), "\u{1f600}".repeat(40), "x".repeat(1_000_000), "\0", "ascii"];
      for (const payload of payloads) await store1(store, append("a", payload));
      await store.commit(payloads.map((payload) => append("a", payload))).durable();
      expect(await texts(store, { rooms: ["a"] })).toEqual([...payloads, ...payloads]);
    });

    it("of one room are found without those of others", async () => {
      const { store } = fixture;
      for (let i = 0; i < 30; i++) store.commit(append(`room${i % 3}`, `${i}`));
      await store.commit([]).durable();
      expect(await texts(store, { rooms: ["room1"] })).toEqual(
        Array.from({ length: 10 }, (_, i) => `${3 * i + 1}`),
      );
      expect(await texts(store, { rooms: ["none"] })).toEqual([]);
      expect(await texts(store, { rooms: [] })).toEqual([]);
      expect(await texts(store, { namespace: "/none" })).toEqual([]);
    });

    it("of several rooms are merged in order", async () => {
      const { store } = fixture;
      for (let i = 0; i < 40; i++) {
        store.commit(append(`room${(i * 7) % 5}`, `${i}`));
        if (i % 9 === 0) await store.commit([]).durable();
      }
      await store.commit([]).durable();
      const wanted = Array.from({ length: 40 }, (_, i) => i).filter((i) => (i * 7) % 5 !== 2);
      const rooms = ["room0", "room1", "room3", "room4"];
      expect(await texts(store, { rooms })).toEqual(wanted.map(String));
      expect(await texts(store, { rooms, reverse: true })).toEqual(wanted.map(String).reverse());
      expect(await texts(store)).toHaveLength(40);
    });

    it("that went to several rooms are stored and read once", async () => {
      const { store } = fixture;
      await store1(store, append("a", "first"));
      const offset = await store1(store, append(["a", "b", "c"], "shared", { sender: "s", except: ["x"] }));
      await store1(store, append("b", "last"));
      expect(await texts(store, { rooms: ["a", "b", "c"] })).toEqual(["first", "shared", "last"]);
      expect(await texts(store, { rooms: ["c", "b"], reverse: true })).toEqual(["last", "shared"]);
      expect(await readAll(store, { rooms: ["c"] })).toMatchObject([
        { offset, rooms: ["a", "b", "c"], sender: "s", except: ["x"] },
      ]);
      expect(await store.storage()).toMatchObject({ events: 3, bytes: 15, rooms: 3 });
    });

    it("are read in chunks by count", async () => {
      const { store } = fixture;
      for (let i = 0; i < 25; i++) store.commit(append("a", `${i}`));
      await store.commit([]).durable();
      const first = await store.events({ namespace: NAMESPACE, rooms: ["a"], limit: 10 });
      expect(first.events).toHaveLength(10);
      expect(first.done).toBe(false);
      expect(await texts(store, { rooms: ["a"], limit: 7 })).toHaveLength(25);
      expect((await texts(store, { rooms: ["a"], limit: 7, reverse: true }))[24]).toBe("0");
      expect((await store.events({ namespace: NAMESPACE, rooms: ["a"], limit: 25 })).done).toBe(true);
    });

    it("are read in chunks by bytes, at least one at a time", async () => {
      const { store } = fixture;
      for (let i = 0; i < 10; i++) store.commit(append("a", "x".repeat(1000)));
      await store.commit([]).durable();
      const chunk = await store.events({ namespace: NAMESPACE, rooms: ["a"], bytes: 2500 });
      expect(chunk.events).toHaveLength(3);
      const tiny = await store.events({ namespace: NAMESPACE, rooms: ["a"], bytes: 1 });
      expect(tiny.events).toHaveLength(1);
    });

    it("are read between two offsets, both excluded", async () => {
      const { store } = fixture;
      const receipts = Array.from({ length: 20 }, (_, i) => store.commit(append("a", `${i}`)));
      await store.commit([]).durable();
      for (let i = 20; i < 30; i++) receipts.push(store.commit(append("a", `${i}`)));
      await store.commit([]).durable();
      const at = (i: number) => receipts[i]!.offset;
      const range = { rooms: ["a"], after: at(4), before: at(8) };
      expect(await texts(store, range)).toEqual(["5", "6", "7"]);
      expect(await texts(store, { ...range, reverse: true })).toEqual(["7", "6", "5"]);
      expect(await texts(store, { rooms: ["a"], after: at(17), before: at(22) })).toHaveLength(4);
      expect(await texts(store, { rooms: ["a"], after: at(29) })).toEqual([]);
      expect(await texts(store, { rooms: ["a"], before: at(0) })).toEqual([]);
      expect(await texts(store, { rooms: ["a"], before: at(20), reverse: true, limit: 3 })).toHaveLength(20);
    });

    it("are found by time", async () => {
      const { store } = fixture;
      const receipts = [];
      for (let i = 0; i < 60; i++) {
        receipts.push(store.commit(append("a", `${i}`, { timeMs: 2e12 + i * 1000 })));
        store.commit(append("b", "other", { timeMs: 2e12 + i * 1000 }));
        if (i % 7 === 0) await store.commit([]).durable();
      }
      await store.commit([]).durable();
      for (const i of [0, 1, 30, 59]) {
        const after = await store.seek(NAMESPACE, "a", { sinceMs: 2e12 + i * 1000 });
        expect((await texts(store, { rooms: ["a"], after }))[0]).toBe(`${i}`);
      }
      const between = await store.seek(NAMESPACE, "a", { sinceMs: 2e12 + 30_500 });
      expect((await texts(store, { rooms: ["a"], after: between }))[0]).toBe("31");
      const later = await store.seek(NAMESPACE, "a", { sinceMs: 3e12 });
      expect(await texts(store, { rooms: ["a"], after: later })).toEqual([]);
      const before = await store.seek(NAMESPACE, "a", { sinceMs: 0 });
      expect(await texts(store, { rooms: ["a"], after: before })).toHaveLength(60);
    });

    it("are found by count from the end", async () => {
      const { store } = fixture;
      for (let i = 0; i < 60; i++) {
        store.commit(append("a", `${i}`));
        store.commit(append("b", "other"));
        if (i % 7 === 0) await store.commit([]).durable();
      }
      await store.commit([]).durable();
      for (const newest of [0, 1, 2, 10, 31, 59, 60, 100]) {
        const after = await store.seek(NAMESPACE, "a", { newest });
        expect(await texts(store, { rooms: ["a"], after })).toHaveLength(Math.min(newest, 60));
      }
    });

    it("are found by count from an offset", async () => {
      const { store } = fixture;
      const offsets: number[] = [];
      for (let i = 0; i < 60; i++) {
        store.commit(append("b", "other"));
        offsets.push(await store1(store, append("a", `${i}`)));
      }
      for (const index of [0, 1, 30, 58, 59]) {
        for (const through of [offsets[index]!, offsets[index]! + 1]) {
          for (const newest of [0, 1, 10, 100]) {
            const after = await store.seek(NAMESPACE, "a", { newest, through });
            const seen = await texts(store, { rooms: ["a"], after, before: through + 1 });
            expect(seen).toHaveLength(Math.min(newest, index + 1));
          }
        }
      }
    });

    it("never go back in time, whatever the clock does", async () => {
      const { store } = fixture;
      await store1(store, append("a", "1", { timeMs: 3e12 }));
      await store1(store, append("a", "2", { timeMs: 1e12 }));
      expect((await readAll(store)).map(({ timeMs }) => timeMs)).toEqual([3e12, 3e12]);
    });

    it("are seen by head once they are durable, and only those issued before", async () => {
      const { store } = fixture;
      const before = store.commit(append("a", "1"));
      const head = store.head(NAMESPACE);
      const after = store.commit(append("a", "2"));
      expect(await head).toBeGreaterThanOrEqual(before.offset);
      expect(before.state).toBe("durable");
      await after.durable();
      expect(await head).toBeLessThan(after.offset);
    });

    it("are described log by log", async () => {
      const { store } = fixture;
      const offset = await store1(store, append("a", "12345", { timeMs: 2e12 }));
      await store1(store, append(["a", "b"], "67", { timeMs: 2e12 + 5 }));
      expect(await store.log(NAMESPACE, "a")).toMatchObject({
        exists: true,
        epoch: store.epochs!.flushed,
        events: 2,
        bytes: 7,
        floor: 0,
        oldestMs: 2e12,
      });
      expect((await store.log(NAMESPACE, "a")).last).toBeGreaterThan(offset);
      expect(await store.log(NAMESPACE, "none")).toMatchObject({ exists: false, events: 0, floor: 0 });
    });

    it("are counted over all logs, which are listed chunk by chunk", async () => {
      const { store } = fixture;
      expect(await store.storage()).toMatchObject({ events: 0, bytes: 0, rooms: 0, oldestMs: undefined });
      for (let i = 0; i < 25; i++) {
        store.commit(append(`room${i}`, "x", { namespace: i % 2 ? "/" : "/n", timeMs: 2e12 + i }));
      }
      await store.commit([]).durable();
      expect(await store.storage()).toMatchObject({ events: 25, bytes: 25, rooms: 25, oldestMs: 2e12 });
      const rooms: string[] = [];
      let next: string | undefined;
      do {
        const chunk = await store.logs(next, 4);
        expect(chunk.logs.length).toBeLessThanOrEqual(4);
        rooms.push(...chunk.logs.map(({ room }) => room));
        next = chunk.next;
      } while (next !== undefined);
      expect(rooms.sort()).toEqual(Array.from({ length: 25 }, (_, i) => `room${i}`).sort());
    });
  });
}
