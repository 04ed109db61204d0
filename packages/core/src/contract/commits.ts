import { describe, expect, it } from "vitest";
import { append, expectCode, NAMESPACE, readAll, type StoreHarness, texts } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeCommits(harness: StoreHarness): void {
  describe("commit", () => {
    const fixture = new Fixture(harness);

    it("settles in the order of issue, with rising offsets", async () => {
      const { store } = fixture;
      const settled: number[] = [];
      const receipts = Array.from({ length: 50 }, (_, i) => {
        const receipt = store.commit(append(i % 2 ? "a" : "b", `${i}`));
        receipt.flush.onSettled(() => settled.push(i));
        return receipt;
      });
      await receipts[49]!.durable();
      expect(settled).toEqual(receipts.map((_, i) => i));
      const offsets = receipts.map(({ offset }) => offset);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(new Set(offsets).size).toBe(50);
    });

    it("lets everything issued in one tick share one flush", async () => {
      const first = fixture.store.commit(append("a", "1"));
      const second = fixture.store.commit([
        append("b", "2"),
        { type: "put", kind: "k", key: "x", value: "" },
      ]);
      const third = fixture.store.commit([]);
      expect(second.flush).toBe(first.flush);
      expect(third.flush).toBe(first.flush);
      await third.durable();
      expect(first.state).toBe("durable");
    });

    it("has settled all receipts of a flush before its listeners hear of it", async () => {
      const receipts = [fixture.store.commit(append("a", "1")), fixture.store.commit(append("a", "2"))];
      const states = new Promise((resolve) =>
        receipts[0]!.flush.onSettled(() => resolve(receipts.map(({ state }) => state))),
      );
      expect(receipts.map(({ state }) => state)).toEqual(["pending", "pending"]);
      expect(await states).toEqual(["durable", "durable"]);
    });

    it("is a barrier when it holds no operations", async () => {
      const event = fixture.store.commit(append("a", "1"));
      await fixture.store.commit([]).durable();
      expect(event.state).toBe("durable");
    });

    it("applies all operations of one commit, in order", async () => {
      const { store } = fixture;
      const result = await store
        .commit([
          append("a", "1"),
          { type: "put", kind: "k", key: "x", value: "old" },
          append("b", "2"),
          { type: "put", kind: "k", key: "x", value: "new" },
          { type: "put", kind: "k", key: "y", value: "y" },
          { type: "delete", kind: "k", key: "y" },
        ])
        .durable();
      expect(result.offsets).toHaveLength(2);
      expect(result.offsets[1]).toBeGreaterThan(result.offsets[0]!);
      expect(result.versions).toHaveLength(3);
      const record = await store.get("k", "x");
      expect(Buffer.from(record!.value).toString()).toBe("new");
      expect(record!.version).toBe(result.versions[1]);
      expect(await store.get("k", "y")).toBeUndefined();
      expect((await readAll(store)).map(({ offset }) => offset)).toEqual(result.offsets);
    });

    it("writes nothing of a commit whose precondition does not hold", async () => {
      const { store } = fixture;
      await store.commit({ type: "put", kind: "k", key: "x", value: "1" }).durable();
      const refused = store.commit(
        [append("a", "never"), { type: "put", kind: "k", key: "y", value: "never" }],
        [{ kind: "k", key: "x", version: 0 }],
      );
      const accepted = store.commit(append("a", "yes"));
      await expectCode(refused.durable(), "PRECONDITION_FAILED");
      await accepted.durable();
      expect(refused.flush.error).toBeUndefined();
      expect(await texts(store)).toEqual(["yes"]);
      expect(await store.get("k", "y")).toBeUndefined();
      expect((await store.storage()).events).toBe(1);
    });

    it("checks preconditions against earlier commits of the same flush", async () => {
      const { store } = fixture;
      const create = (value: string) =>
        store.commit({ type: "put", kind: "k", key: "x", value }, [{ kind: "k", key: "x", version: 0 }]);
      const [first, second] = [create("first"), create("second")];
      await first.durable();
      await expectCode(second.durable(), "PRECONDITION_FAILED");
      const { version, value } = (await store.get("k", "x"))!;
      expect(Buffer.from(value).toString()).toBe("first");
      await store
        .commit({ type: "delete", kind: "k", key: "x" }, [{ kind: "k", key: "x", version }])
        .durable();
      const again = create("again");
      await again.durable();
      expect((await store.get("k", "x"))!.version).toBeGreaterThan(version);
    });

    it("gives a record that was deleted and made again a version it never had", async () => {
      const { store } = fixture;
      const seen = new Set<number>();
      for (let i = 0; i < 5; i++) {
        const { versions } = await store.commit({ type: "put", kind: "k", key: "x", value: "v" }).durable();
        seen.add(versions[0]!);
        await store.commit({ type: "delete", kind: "k", key: "x" }).durable();
      }
      expect(seen.size).toBe(5);
    });

    it("keeps the order of many concurrent writers", async () => {
      const { store } = fixture;
      const writers = Array.from({ length: 20 }, async (_, writer) => {
        for (let i = 0; i < 30; i++) {
          await store.commit(append([`room${writer % 4}`], `${writer}:${i}`)).durable();
        }
      });
      await Promise.all(writers);
      for (let room = 0; room < 4; room++) {
        const next = new Map<string, number>();
        for (const text of await texts(store, { rooms: [`room${room}`] })) {
          const [writer, i] = text.split(":") as [string, string];
          expect(Number(i)).toBe(next.get(writer) ?? 0);
          next.set(writer, Number(i) + 1);
        }
        expect([...next.values()]).toEqual([30, 30, 30, 30, 30]);
      }
    });

    it("gives each namespace offsets of its own", async () => {
      const { store } = fixture;
      await store.commit([append("a", "1"), append("a", "2")]).durable();
      await store.commit(append("a", "other", { namespace: "/other" })).durable();
      expect(await texts(store)).toEqual(["1", "2"]);
      expect(await texts(store, { namespace: "/other" })).toEqual(["other"]);
      expect(await store.head(NAMESPACE)).toBe((await readAll(store))[1]!.offset);
    });
  });
}
