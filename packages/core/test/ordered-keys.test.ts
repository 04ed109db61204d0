import { describe, expect, it } from "vitest";
import { compareUtf8, OrderedKeys } from "../src/store/ordered-keys.ts";

describe("OrderedKeys", () => {
  it.each(["rising", "falling", "mixed"])(
    "keeps %s keys in order over many blocks, and without doubles",
    (order) => {
      const keys = Array.from({ length: 5000 }, (_, i) => String((i * 7919) % 5000).padStart(5, "0"));
      if (order !== "mixed") keys.sort();
      if (order === "falling") keys.reverse();
      const list = new OrderedKeys();
      for (const key of keys) list.add(key);
      for (const key of keys.slice(0, 100)) list.add(key);
      const gone = new Set(keys.filter((_, i) => i % 3 === 0));
      for (const key of gone) list.remove(key);
      list.remove("none");
      const wanted = keys.filter((key) => !gone.has(key)).sort(compareUtf8);
      expect(list.size).toBe(wanted.length);
      expect([...list.from(0)]).toEqual(wanted);
      expect([...list.from(wanted.length - 1, true)]).toEqual([...wanted].reverse());
      for (let i = 0; i < wanted.length; i += 97) {
        expect(list.at(i)).toBe(wanted[i]);
        expect(list.indexOf(wanted[i]!)).toBe(i);
      }
      expect(list.at(wanted.length)).toBeUndefined();
      expect(list.indexOf("99999")).toBe(wanted.length);
      for (const key of wanted) list.remove(key);
      expect(list.size).toBe(0);
      expect([...list.from(0)]).toEqual([]);
      list.add("again");
      expect(list.at(0)).toBe("again");
    },
  );
});
