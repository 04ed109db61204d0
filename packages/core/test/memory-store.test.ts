import { describe, expect, it } from "vitest";
import { describeStore } from "../src/contract/index.ts";
import { MemoryDisk, MemoryStore, StoreError } from "../src/index.ts";
import { subject } from "./subject.ts";

describeStore("memory", { open: async (options) => subject(new MemoryStore(options)) });

const event = (payload: string) =>
  ({ type: "append", namespace: "/", rooms: ["a"], payload, timeMs: 1 }) as const;

const read = async (store: MemoryStore) =>
  (await store.events({ namespace: "/" })).events.map(({ payload }) => Buffer.from(payload).toString());

describe("MemoryStore", () => {
  it("shows nothing while its disk is held, and forgets it in a crash", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore({ disk });
    await store.commit(event("flushed")).durable();
    disk.hold();
    const shown: string[] = [];
    const receipt = store.commit(event("lost"));
    receipt.flush.onSettled(() => shown.push("lost"));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(disk.waiting).toBe(1);
    expect(await read(store)).toEqual(["flushed"]);
    const next = store.crash();
    disk.release();
    await next.commit(event("after")).durable();
    expect(shown).toEqual([]);
    expect(receipt.state).toBe("pending");
    expect(await read(next)).toEqual(["flushed", "after"]);
  });

  it("fails everything of a flush that fails, and goes on", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore({ disk });
    disk.failNext(new StoreError("STORE_FULL", "no space"));
    const receipts = [store.commit(event("1")), store.commit(event("2"))];
    await expect(receipts[1]!.durable()).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(receipts[0]!.state).toBe("failed");
    expect(receipts[0]!.flush.error?.code).toBe("STORE_FULL");
    await store.commit(event("3")).durable();
    expect(await read(store)).toEqual(["3"]);
    expect(await store.storage()).toMatchObject({ events: 1, rooms: 1 });
  });

  it("gathers what is issued during a flush into the next one", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore({ disk });
    disk.hold();
    const first = store.commit(event("1"));
    await new Promise((resolve) => setImmediate(resolve));
    const later = [];
    for (let i = 0; i < 3; i++) {
      later.push(store.commit(event(`later ${i}`)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(later[0]!.flush).not.toBe(first.flush);
    expect(later[2]!.flush).toBe(later[0]!.flush);
    disk.release();
    await later[2]!.durable();
    expect(disk.flushes).toBe(2);
  });
});
