import { describe, expect, it } from "vitest";
import type { Store, StoredEvent, StoreError, Tail, TailQuery } from "../store/index.ts";
import { append, NAMESPACE, type StoreHarness, store1 } from "./harness.ts";
import { Fixture } from "./subject.ts";

export function describeTail(harness: StoreHarness): void {
  describe("tail", () => {
    const fixture = new Fixture(harness);

    it("begins with what comes next", async () => {
      const { store } = fixture;
      await store1(store, append("a", "old"));
      const follower = new Follower(store, {});
      await store.head(NAMESPACE);
      await store1(store, append("a", "1"));
      await store1(store, append("b", "2"));
      expect(await follower.until(2)).toEqual(["1", "2"]);
      follower.tail.close();
    });

    it("catches up from an offset and goes on, with no hole and no repeat", async () => {
      const { store } = fixture;
      for (let i = 0; i < 2500; i++) store.commit(append("a", `${i}`));
      await store.commit([]).durable();
      const follower = new Follower(store, { after: 0, rooms: ["a"] });
      for (let i = 2500; i < 2600; i++) {
        store.commit(append("b", "other room"));
        await store1(store, append("a", `${i}`));
      }
      expect(await follower.until(2600)).toEqual(Array.from({ length: 2600 }, (_, i) => `${i}`));
      follower.tail.close();
    });

    it("waits for a slow listener", async () => {
      const { store } = fixture;
      let running = 0;
      let most = 0;
      const follower = new Follower(store, { after: 0 }, async () => {
        most = Math.max(most, ++running);
        await store.head(NAMESPACE);
        running--;
      });
      for (let i = 0; i < 20; i++) await store1(store, append("a", `${i}`));
      expect(await follower.until(20)).toHaveLength(20);
      expect(most).toBe(1);
      follower.tail.close();
    });

    it("is silent once closed", async () => {
      const { store } = fixture;
      const follower = new Follower(store, { after: 0 });
      await store1(store, append("a", "1"));
      await follower.until(1);
      follower.tail.close();
      await store1(store, append("a", "2"));
      await store.head(NAMESPACE);
      expect(follower.seen).toEqual(["1"]);
    });

    it("ends with an error when its listener fails", async () => {
      const { store } = fixture;
      const error = new Promise<StoreError>((resolve) => {
        store.tail({ namespace: NAMESPACE, after: 0 }, () => Promise.reject(new Error("no")), resolve);
      });
      await store1(store, append("a", "1"));
      expect((await error).message).toBe("no");
    });
  });
}

class Follower {
  readonly seen: string[] = [];
  readonly tail: Tail;
  #check = () => {};

  constructor(store: Store, query: Partial<TailQuery>, more: () => void | Promise<void> = () => {}) {
    const listener = async (events: readonly StoredEvent[]) => {
      for (const { payload } of events) this.seen.push(Buffer.from(payload).toString());
      await more();
      this.#check();
    };
    this.tail = store.tail({ namespace: NAMESPACE, ...query }, listener, () => {});
  }

  async until(count: number): Promise<readonly string[]> {
    await new Promise<void>((resolve) => {
      this.#check = () => {
        if (this.seen.length >= count) resolve();
      };
      this.#check();
    });
    return this.seen;
  }
}
