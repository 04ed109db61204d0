import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fileStorage } from "../../src/reliable/file/file.ts";
import { memoryStorage } from "../../src/reliable/memory.ts";
import type { Entry, NewEntry, OutboxStorage } from "../../src/reliable/storage.ts";

const entry = (event: string, args: unknown[] = []): NewEntry => ({ event, args, bytes: 10 });
const ids = (entries: Entry[]) => entries.map(({ id, sent }) => `${id}${sent ? " sent" : ""}`);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-outbox-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The file of the only outbox in a folder. */
const journalIn = (folder: string) => join(folder, readdirSync(folder)[0]!, "journal");

describe.each<[string, () => OutboxStorage]>([
  ["memory", memoryStorage],
  ["file", () => fileStorage(temporaryFolder())],
])("an outbox in %s", (_, storage) => {
  test("gives ids that rise, and is never without its key", async () => {
    const opened = storage();
    const outbox = await opened.open("a");
    expect(outbox.key).toMatch(/^[\w-]{22,128}$/);
    const other = await opened.open("b");
    expect(other.key).not.toBe(outbox.key);
    await other.close();
    expect(await outbox.append([entry("x"), entry("y")])).toEqual([1, 2]);
    expect(await outbox.remove([1, 2], true)).toEqual([1, 2]);
    expect(await outbox.append([entry("z")])).toEqual([3]);
    await outbox.close();
    const again = await opened.open("a");
    expect(again.key).toBe(outbox.key);
    expect(await again.list()).toMatchObject([{ id: 3, event: "z" }]);
    await again.remove([3], false);
    await again.close();
    const last = await opened.open("a");
    expect(await last.append([entry("last")])).toEqual([4]);
    await last.close();
  });

  test("what is taken counts as sent, and can't be removed", async () => {
    const outbox = await storage().open("a");
    // called in one turn, they take effect in this order
    const [, taken, gone] = await Promise.all([
      outbox.append([1, 2, 3, 4].map((n) => entry("n", [n]))),
      outbox.take(0, 2),
      outbox.remove([1, 4], false),
    ]);
    expect(ids(taken)).toEqual(["1", "2"]);
    expect(gone).toEqual([4]);
    expect(ids(await outbox.list())).toEqual(["1 sent", "2 sent", "3"]);
    expect(ids(await outbox.take(1, 9))).toEqual(["2 sent", "3"]);
    expect(await outbox.take(3, 9)).toEqual([]);
    expect(await outbox.remove([2], true)).toEqual([2]);
    expect(ids(await outbox.take(0, 9))).toEqual(["1 sent", "3 sent"]);
    await outbox.close();
  });

  test("keeps bytes, nothing and every kind of text", async () => {
    const args = [new Uint8Array([0, 255]), new Uint8Array([1]).buffer, null, undefined, { "": ["€\u0000"] }];
    const outbox = await storage().open("a");
    await outbox.append([entry("x", args)]);
    expect((await outbox.take(0, 1))[0]!.args).toEqual(args);
    await outbox.close();
  });
});

describe("an outbox in a file", () => {
  test("is what it was when it is opened again, flags and bytes included", async () => {
    const folder = temporaryFolder();
    const outbox = await fileStorage(folder).open("a");
    await outbox.append([entry("a"), entry("b", [new Uint8Array([1, 2])]), entry("c")]);
    await outbox.take(0, 2);
    await outbox.remove([1], true);
    await outbox.close();
    const again = await fileStorage(folder).open("a");
    expect(await again.list()).toEqual([
      { id: 2, event: "b", args: [new Uint8Array([1, 2])], bytes: 10, sent: true },
      { id: 3, event: "c", args: [], bytes: 10, sent: false },
    ]);
    await again.close();
  });

  test("belongs to one opener at a time", async () => {
    const folder = temporaryFolder();
    const outbox = await fileStorage(folder).open("a");
    await expect(fileStorage(folder).open("a")).rejects.toMatchObject({ code: "OUTBOX_LOCKED" });
    await outbox.close();
    await (await fileStorage(folder).open("a")).close();
  });

  test("forgets a write that was cut off, wherever that was, and goes on", async () => {
    const folder = temporaryFolder();
    const storage = fileStorage(folder);
    const outbox = await storage.open("a");
    await outbox.append([entry("a")]);
    const whole = statSync(journalIn(folder)).size;
    await outbox.append([entry("b")]);
    await outbox.close();
    const bytes = readFileSync(journalIn(folder));
    for (let length = whole; length < bytes.length; length++) {
      writeFileSync(journalIn(folder), bytes.subarray(0, length));
      const again = await storage.open("a");
      expect(await again.list()).toMatchObject([{ event: "a" }]);
      expect(await again.append([entry("c")])).toEqual([2]);
      await again.close();
    }
    // a file that was made longer, but not written
    appendFileSync(journalIn(folder), Buffer.alloc(4096));
    const again = await storage.open("a");
    expect(await again.list()).toMatchObject([{ event: "a" }, { event: "c" }]);
    await again.close();
  });

  test("does not grow with what has gone", async () => {
    const folder = temporaryFolder();
    const outbox = await fileStorage(folder).open("a");
    const [kept] = await outbox.append([entry("kept")]);
    for (let i = 0; i < 40; i++) {
      const [id] = await outbox.append([entry("big", [new Uint8Array(100_000)])]);
      await outbox.remove([id!], true);
    }
    expect(statSync(journalIn(folder)).size).toBeLessThan(1_500_000);
    await outbox.close();
    const again = await fileStorage(folder).open("a");
    expect(await again.list()).toMatchObject([{ id: kept, event: "kept" }]);
    expect(await again.append([entry("next")])).toEqual([42]);
    await again.close();
  });
});
