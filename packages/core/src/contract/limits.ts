import { describe, expect, it } from "vitest";
import { STORE_LIMITS } from "../store/index.ts";
import { append, expectCode, NAMESPACE, type StoreHarness, store1, texts } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeLimits(harness: StoreHarness): void {
  describe("limits", () => {
    const fixture = new Fixture(harness);

    it("refuse what is too large, at once and with a code", async () => {
      const { store } = fixture;
      const large = store.commit(append("a", Buffer.alloc(STORE_LIMITS.eventBytesMax + 1)));
      expect(large.state).toBe("failed");
      expect(large.flush.isSettled).toBe(true);
      await expectCode(large.durable(), "EVENT_TOO_LARGE");
      const put = (kind: string, key: string, value: string | Uint8Array = "") =>
        store.commit({ type: "put", kind, key, value }).durable();
      await expectCode(put("k", "x", Buffer.alloc(STORE_LIMITS.valueBytesMax + 1)), "VALUE_TOO_LARGE");
      await expectCode(put("k", "ü".repeat(STORE_LIMITS.keyBytesMax / 2 + 1)), "KEY_INVALID");
      await expectCode(put("k", ""), "KEY_INVALID");
      await expectCode(put("", "x"), "KEY_INVALID");
      await expectCode(store.commit(append([], "x")).durable(), "ROOM_INVALID");
      await expectCode(store.commit(append(["a", "a"], "x")).durable(), "ROOM_INVALID");
      const longRoom = "r".repeat(STORE_LIMITS.roomBytesMax + 1);
      await expectCode(store.commit(append(longRoom, "x")).durable(), "ROOM_INVALID");
      expect(await store.storage()).toMatchObject({ events: 0 });
    });

    it("allow what is just within", async () => {
      const { store } = fixture;
      const key = "ü".repeat(STORE_LIMITS.keyBytesMax / 2);
      await store.commit({ type: "put", kind: "k", key, value: "v" }).durable();
      expect((await store.records({ kind: "k" })).records[0]!.key).toBe(key);
      const room = "r".repeat(STORE_LIMITS.roomBytesMax);
      await store1(store, append([room, ""], "x"));
      expect(await texts(store, { rooms: [room] })).toEqual(["x"]);
      expect(await texts(store, { rooms: [""] })).toEqual(["x"]);
    });

    it("bound the number of logs, and count only those that have events", async () => {
      const store = await fixture.open({ logsMax: 3 });
      for (const room of ["a", "b", "c"]) await store1(store, append(room, "x"));
      await expectCode(store.commit(append("d", "x")).durable(), "TOO_MANY_LOGS");
      await expectCode(store.commit(append(["a", "d"], "x")).durable(), "TOO_MANY_LOGS");
      await store1(store, append("a", "x"));
      await store.commit({ type: "trim", namespace: NAMESPACE, room: "b", eventsMax: 0 }).durable();
      await store1(store, append("d", "x"));
      await expectCode(store.commit(append("b", "x")).durable(), "TOO_MANY_LOGS");
    });

    it("do not count logs of commits that were refused", async () => {
      const store = await fixture.open({ logsMax: 2 });
      const never = [{ kind: "k", key: "x", version: 1 }];
      for (let i = 0; i < 5; i++) {
        await expectCode(store.commit(append(`room${i}`, "x"), never).durable(), "PRECONDITION_FAILED");
      }
      await store1(store, append("a", "x"));
      await store1(store, append("b", "x"));
    });

    it("bound what waits for its flush, and let go of it afterwards", async () => {
      const store = await fixture.open({ pendingBytesMax: 10_000 });
      const receipts = Array.from({ length: 20 }, () => store.commit(append("a", "x".repeat(1000))));
      const refused = receipts.filter(({ state }) => state === "failed");
      expect(refused.length).toBeGreaterThan(8);
      expect(refused.length).toBeLessThan(20);
      await expectCode(refused[0]!.durable(), "STORE_BUSY");
      await store.commit([]).durable();
      await store1(store, append("a", "again"));
      expect(await texts(store)).toHaveLength(20 - refused.length + 1);
    });

    it("bound the store's size; removals make room again", async () => {
      const store = await fixture.open({ bytesMax: 4_000_000 });
      const big = "x".repeat(50_000);
      let stored = 0;
      let code: string | undefined;
      while (code === undefined && stored < 200) {
        const receipt = store.commit(append("a", big));
        await receipt.durable().then(
          () => stored++,
          (error) => {
            code = error.code;
          },
        );
      }
      expect(code).toBe("STORE_FULL");
      expect(stored).toBeGreaterThan(20);
      expect(await texts(store)).toHaveLength(stored);
      await store.commit({ type: "trim", namespace: NAMESPACE, room: "a", eventsMax: 1 }).durable();
      for (let i = 0; i < 10; i++) await store1(store, append("a", big));
      expect(await texts(store)).toHaveLength(11);
    });
  });
}
