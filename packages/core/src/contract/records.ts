import { describe, expect, it } from "vitest";
import { afterPrefix, compareUtf8, type RecordQuery, type Store, sortable } from "../store/index.ts";
import type { StoreHarness } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeRecords(harness: StoreHarness): void {
  describe("records", () => {
    const fixture = new Fixture(harness);

    it("hold text or bytes", async () => {
      const { store } = fixture;
      await put(store, { text: "tëxt", bytes: new Uint8Array([0, 1, 255]), empty: "" });
      expect(Buffer.from((await store.get("k", "text"))!.value).toString()).toBe("tëxt");
      expect(Buffer.from((await store.get("k", "bytes"))!.value)).toEqual(Buffer.from([0, 1, 255]));
      expect((await store.get("k", "empty"))!.value).toHaveLength(0);
      expect(await store.get("k", "none")).toBeUndefined();
      expect(await store.get("none", "text")).toBeUndefined();
    });

    it("are read by several keys, each in the place of its key", async () => {
      const { store } = fixture;
      await put(store, { a: "1", b: "2" });
      const found = await store.getMany("k", ["b", "none", "a", "b"]);
      expect(found.map((record) => record && [record.key, Buffer.from(record.value).toString()])).toEqual([
        ["b", "2"],
        undefined,
        ["a", "1"],
        ["b", "2"],
      ]);
      expect(found[0]!.version).toBe((await store.get("k", "b"))!.version);
      expect(await store.getMany("none", ["a"])).toEqual([undefined]);
      expect(await store.getMany("k", [])).toEqual([]);
    });

    it("are ordered by the bytes of their keys", async () => {
      const { store } = fixture;
      const names = ["b", "a", "aa", "\u{ffff}", "\u{1f600}", "Z", "é", "a\0", "\ue000", "0"];
      await put(store, Object.fromEntries(names.map((name) => [name, name])));
      expect(await keys(store, {})).toEqual([...names].sort(compareUtf8));
      expect(await keys(store, { reverse: true })).toEqual([...names].sort(compareUtf8).reverse());
    });

    it("are read in ranges and chunks", async () => {
      const { store } = fixture;
      const names = Array.from({ length: 100 }, (_, i) => sortable(i * 3));
      await put(store, Object.fromEntries(names.map((name) => [name, "v"])));
      expect(await keys(store, { from: sortable(6), to: sortable(15) })).toEqual([6, 9, 12].map(sortable));
      expect(await keys(store, { from: sortable(7), to: sortable(16) })).toEqual([9, 12, 15].map(sortable));
      const reverse = { from: sortable(6), to: sortable(15), reverse: true };
      expect(await keys(store, reverse)).toEqual([12, 9, 6].map(sortable));
      const chunk = await store.records({ kind: "k", limit: 30 });
      expect(chunk.records).toHaveLength(30);
      expect(chunk.done).toBe(false);
      const rest = await store.records({ kind: "k", from: `${chunk.records[29]!.key}\0`, limit: 70 });
      expect(rest.records).toHaveLength(70);
      expect(rest.done).toBe(true);
      const tail = await store.records({ kind: "k", reverse: true, limit: 1 });
      expect(tail.records[0]!.key).toBe(sortable(297));
      expect((await store.records({ kind: "k", from: sortable(1000) })).records).toEqual([]);
    });

    it("are read in chunks by bytes, at least one at a time", async () => {
      const { store } = fixture;
      await put(store, Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`${i}`, "x".repeat(1000)])));
      const read = async (query: Partial<RecordQuery>) => {
        const { records, done } = await store.records({ kind: "k", ...query });
        return { keys: records.map(({ key }) => key), done };
      };
      expect(await read({ bytes: 1500 })).toEqual({ keys: ["1", "2"], done: false });
      expect(await read({ bytes: 1, reverse: true })).toEqual({ keys: ["5"], done: false });
      expect(await read({ from: "4", bytes: 2000 })).toEqual({ keys: ["4", "5"], done: true });
    });

    it("of one kind are apart from those of another", async () => {
      const { store } = fixture;
      await store
        .commit(["a", "b", "a\0"].map((kind) => ({ type: "put", kind, key: "x", value: kind })))
        .durable();
      for (const kind of ["a", "b", "a\0"]) {
        const { records } = await store.records({ kind });
        expect(records.map(({ value }) => Buffer.from(value).toString())).toEqual([kind]);
      }
    });

    it("that share a prefix are one range", async () => {
      const { store } = fixture;
      await put(store, { "job:1": "", "job:2": "", "job;": "", job: "", "job:\u{10fffe}": "" });
      const found = await keys(store, { from: "job:", to: afterPrefix("job:") });
      expect(found).toEqual(["job:1", "job:2", "job:\u{10fffe}"]);
    });

    it("can be deleted, also when they are not there", async () => {
      const { store } = fixture;
      await put(store, { x: "1" });
      await store
        .commit([
          { type: "delete", kind: "k", key: "x" },
          { type: "delete", kind: "none", key: "x" },
        ])
        .durable();
      expect(await keys(store, {})).toEqual([]);
    });
  });
}

async function put(store: Store, values: Record<string, string | Uint8Array>): Promise<void> {
  await store
    .commit(Object.entries(values).map(([key, value]) => ({ type: "put", kind: "k", key, value })))
    .durable();
}

async function keys(store: Store, query: Partial<RecordQuery>): Promise<string[]> {
  const { records } = await store.records({ kind: "k", ...query });
  return records.map(({ key }) => key);
}
