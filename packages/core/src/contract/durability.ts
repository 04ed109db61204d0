import { describe, expect, it } from "vitest";
import { append, expectCode, NAMESPACE, readAll, type StoreHarness, store1, texts } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeDurability(harness: StoreHarness): void {
  describe("durability", () => {
    const fixture = new Fixture(harness);

    it("holds over a restart", async () => {
      const offset = await store1(fixture.store, append(["a", "b"], "kept", { sender: "s" }));
      await fixture.store.commit({ type: "put", kind: "k", key: "x", value: "v" }).durable();
      const { epochs } = fixture.store;
      await fixture.reopen();
      const { store } = fixture;
      expect(store.epochs).toEqual(epochs);
      expect(await readAll(store, { rooms: ["b"] })).toMatchObject([{ offset, sender: "s" }]);
      expect(await store.get("k", "x")).toMatchObject({ key: "x" });
      expect(await store1(store, append("a", "next"))).toBeGreaterThan(offset);
      expect((await store.storage()).events).toBe(2);
      const { versions } = await store.commit({ type: "put", kind: "k", key: "x", value: "w" }).durable();
      expect(versions[0]).toBeGreaterThan(1);
    });

    it("holds over a crash for everything that was acknowledged", async () => {
      const acknowledged: number[] = [];
      for (let i = 0; i < 200; i++) {
        const receipt = fixture.store.commit(append(`room${i % 3}`, `${i}`));
        receipt.flush.onSettled(() => acknowledged.push(receipt.offset));
        if (i % 20 === 19) await receipt.durable();
        if (i === 190) break;
      }
      const wanted = [...acknowledged];
      const store = await fixture.crash();
      const found = (await readAll(store)).map(({ offset }) => offset);
      expect(found.slice(0, wanted.length)).toEqual(wanted);
      expect(await store1(store, append("a", "next"))).toBeGreaterThan(Math.max(...found));
    });

    it("shows nothing before it is durable", async () => {
      const receipt = fixture.store.commit(append("a", "x"));
      const { events } = await fixture.store.events({ namespace: NAMESPACE });
      if (receipt.state === "pending") expect(events).toEqual([]);
      await receipt.durable();
      const store = await fixture.crash();
      expect(await texts(store)).toEqual(["x"]);
    });

    it("changes the epoch of unflushed logs with a crash, and of no others", async () => {
      await store1(fixture.store, append("fast", "1", { flush: false }));
      await store1(fixture.store, append("safe", "1"));
      const before = fixture.store.epochs!;
      expect((await fixture.store.log(NAMESPACE, "fast")).epoch).toBe(before.unflushed);
      const shown = fixture.store.commit(append("fast", "2", { flush: false }));
      expect(shown.isEarly).toBe(shown.offset > 0);
      const store = await fixture.crash();
      expect(store.epochs!.flushed).toBe(before.flushed);
      expect(store.epochs!.unflushed).not.toBe(before.unflushed);
      expect((await store.log(NAMESPACE, "fast")).epoch).toBe(store.epochs!.unflushed);
      expect((await store.log(NAMESPACE, "safe")).epoch).toBe(before.flushed);
      // An offset that was shown and lost must not come again with another event.
      expect(await store1(store, append("safe", "2"))).toBeGreaterThan(shown.offset);
    });

    it("is not claimed for the first unflushed event of a namespace before its flush", async () => {
      const first = fixture.store.commit(append("fast", "1", { flush: false }));
      expect(first.isEarly).toBe(false);
      await first.durable();
    });

    it("is reached by close for what was issued before, and refused for what comes after", async () => {
      const { store } = fixture;
      const receipt = store.commit(append("a", "last"));
      const closed = store.close();
      const late = store.commit(append("a", "late"));
      await expectCode(late.durable(), "STORE_CLOSED");
      await closed;
      expect(receipt.state).toBe("durable");
      await expectCode(store.events({ namespace: NAMESPACE }), "STORE_CLOSED");
      await expectCode(store.get("k", "x"), "STORE_CLOSED");
      await store.close();
      await fixture.reopen();
      expect(await texts(fixture.store)).toEqual(["last"]);
    });
  });
}
