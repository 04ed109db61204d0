import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../src/database.ts";
import { LmdbStore } from "../src/index.ts";
import { readMeta, writeMeta } from "../src/meta.ts";
import { run, runHolder } from "./processes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-faults-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const locks = () => readdirSync(folder).filter((name) => name.startsWith("lock."));
const file = () => join(folder, "data.mdb");
const event = (payload: string, room = "a") =>
  ({ type: "append", namespace: "/", rooms: [room], payload, timeMs: 1 }) as const;

async function fill(count: number, size = 300): Promise<void> {
  const store = new LmdbStore({ path: folder });
  for (let i = 0; i < count; i++) {
    store.commit(event(`${i}`.padEnd(size), `room${i % 50}`));
    if (i % 10 === 0) await store.commit([]).durable();
  }
  await store.close();
}

/** What is in the store, or the code that refuses to say. */
async function outcome(): Promise<string | number> {
  const store = new LmdbStore({ path: folder });
  try {
    await store.opened;
    let count = 0;
    let after = 0;
    for (;;) {
      const { events, done } = await store.events({ namespace: "/", after });
      count += events.length;
      if (done) return count;
      after = events[events.length - 1]!.offset;
    }
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await store.close();
  }
}

describe("a damaged file", () => {
  const damage: [string, (path: string, size: number) => void][] = [
    ["cut to a half", (path, size) => truncateSync(path, size >> 1)],
    ["cut to its first page", (path) => truncateSync(path, 4096)],
    ["cut to a few bytes", (path) => truncateSync(path, 100)],
    ["of text", (path) => writeFileSync(path, "not a database ".repeat(10_000))],
    ["of zeros", (path, size) => writeFileSync(path, Buffer.alloc(size))],
    ["with its start overwritten", (path) => overwrite(path, 0, 8192)],
    ["with its second meta page overwritten", (path) => overwrite(path, 4096, 4096)],
    ["overwritten behind its meta pages", (path, size) => overwrite(path, 8192, size - 8192)],
  ];

  it.each(damage)("%s refuses to open, with a code, and is left as it is", async (_, harm) => {
    await fill(500);
    harm(file(), statSync(file()).size);
    const before = readFileSync(file());
    expect(await outcome()).toBe("STORE_DAMAGED");
    expect(readFileSync(file()).equals(before)).toBe(true);
    const store = new LmdbStore({ path: folder });
    await expect(store.commit(event("x")).durable()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await expect(store.storage()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await store.close();
  });

  it("with a page overwritten here or there never ends the process", async () => {
    await fill(600, 900);
    const whole = join(folder, "whole");
    copyFileSync(file(), whole);
    const pages = statSync(whole).size / 4096;
    const outcomes = new Set<string | number>();
    for (let page = 2; page < pages; page += Math.ceil(pages / 40)) {
      copyFileSync(whole, file());
      overwrite(file(), page * 4096, 4096);
      outcomes.add(await outcome());
    }
    // Pages of old transactions may be overwritten without harm.
    outcomes.delete(600);
    expect([...outcomes]).toEqual(["STORE_DAMAGED"]);
  });

  it("with a payload that was changed refuses to read it", async () => {
    await fill(3);
    const bytes = readFileSync(file());
    for (let at = bytes.indexOf("2   "); at >= 0; at = bytes.indexOf("2   ", at + 1)) bytes[at] = 57;
    writeFileSync(file(), bytes);
    expect(await outcome()).toBe("STORE_DAMAGED");
  });
});

describe("the format version", () => {
  it("of another time is refused, and left as it is", async () => {
    await fill(3);
    const database = openDatabase(file());
    await writeMeta(database, { ...readMeta(database)!, format: 999 });
    await database.close();
    expect(await outcome()).toBe("STORE_FORMAT");
    expect(await outcome()).toBe("STORE_FORMAT");
  });

  it("is missed in a database that is not ours", async () => {
    const database = openDatabase(file());
    await database.put(Buffer.from("theirs"), Buffer.from("x"));
    await database.close();
    expect(await outcome()).toBe("STORE_FORMAT");
  });
});

describe("the folder's lock", () => {
  it("keeps a second store of this process out, until the first is closed", async () => {
    const first = new LmdbStore({ path: folder });
    await first.opened;
    expect(await outcome()).toBe("STORE_LOCKED");
    expect(await outcome()).toBe("STORE_LOCKED");
    await first.commit(event("1")).durable();
    await first.close();
    expect(await outcome()).toBe(1);
  });

  it("keeps another process out, and goes over from one that was killed", async () => {
    const holder = await runHolder(folder);
    expect(await outcome()).toBe("STORE_LOCKED");
    const killed = new Promise((resolve) => holder.once("exit", resolve));
    holder.kill("SIGKILL");
    await killed;
    expect(locks()).toHaveLength(1);
    expect(await outcome()).toBe(1);
    expect(locks()).toEqual([]);
  });

  it.each([1, 2, 3])("goes to one of several that want it from the dead (%i)", async () => {
    const holder = await runHolder(folder);
    const killed = new Promise((resolve) => holder.once("exit", resolve));
    holder.kill("SIGKILL");
    await killed;
    const stores = Array.from({ length: 8 }, () => new LmdbStore({ path: folder }));
    const results = await Promise.allSettled(stores.map((store) => store.opened));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason.code).toBe("STORE_LOCKED");
    }
    for (const store of stores) await store.close();
    expect(await outcome()).toBe(1);
  });

  it("works in a folder with a long name", async () => {
    const path = join(folder, "long".repeat(40), "name".repeat(20));
    const first = new LmdbStore({ path });
    await first.opened;
    const second = new LmdbStore({ path });
    await expect(second.opened).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await second.close();
    await first.close();
    const third = new LmdbStore({ path });
    await third.opened;
    await third.close();
  });

  it("holds by the socket, not by its name: a copy of the name is the same lock", async () => {
    const first = new LmdbStore({ path: folder });
    await first.opened;
    const other = mkdtempSync(join(tmpdir(), "holdfast-mount-"));
    // As a container would see it that mounts the folder elsewhere.
    for (const lock of locks()) linkSync(join(folder, lock), join(other, lock));
    const second = new LmdbStore({ path: other });
    await expect(second.opened).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await second.close();
    await first.close();
    rmSync(other, { recursive: true });
  });
});

describe("opening", () => {
  it("takes what is issued before it is done", async () => {
    const store = new LmdbStore({ path: folder });
    const receipts = [store.commit(event("1")), store.commit(event("2"))];
    const head = store.head("/");
    const late = store.commit(event("3"));
    await late.durable();
    expect(receipts.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(await head).toBe(2);
    await store.close();
    expect(await outcome()).toBe(3);
  });

  it("fails with a code where no folder can be", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    const store = new LmdbStore({ path });
    await expect(store.opened).rejects.toMatchObject({ name: "StoreError", code: "STORE_IO" });
    await store.close();
  });
});

const canMount = process.platform === "linux" && process.getuid?.() === 0 && mounts();

describe.skipIf(!canMount)("a full disk", () => {
  let mount: string;
  beforeEach(() => {
    mount = join(folder, "small");
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", mount]);
  });
  afterEach(() => execFileSync("umount", ["-l", mount]));

  async function fillUp(store: LmdbStore): Promise<number> {
    for (let stored = 0; ; stored++) {
      try {
        await store.commit(event("x".repeat(20_000))).durable();
      } catch (error) {
        expect(error).toMatchObject({ name: "StoreError", code: "STORE_FULL" });
        return stored;
      }
    }
  }

  it("refuses what grows with a code, and serves again when there is space", async () => {
    const store = new LmdbStore({ path: mount });
    const stored = await fillUp(store);
    expect(stored).toBeGreaterThan(100);
    await store.commit({ type: "delete", kind: "k", key: "none" }).durable();
    expect((await store.events({ namespace: "/", bytes: Infinity })).events).toHaveLength(stored);
    execFileSync("mount", ["-o", "remount,size=12m", mount]);
    await store.commit(event("again")).durable();
    await store.close();
    const reopened = new LmdbStore({ path: mount });
    expect((await reopened.storage()).events).toBe(stored + 1);
    await reopened.close();
  });

  it("is freed by retention", async () => {
    const store = new LmdbStore({ path: mount });
    const stored = await fillUp(store);
    const trim = { type: "trim", namespace: "/", room: "a", eventsMax: stored >> 1 } as const;
    expect((await store.commit(trim).durable()).trims[0]!.events).toBe(stored - (stored >> 1));
    for (let i = 0; i < 20; i++) await store.commit(event("x".repeat(20_000))).durable();
    await store.close();
  });

  // In a process of its own: when a write fails within LMDB, its binding can corrupt its heap and take the process
  // along. What was acknowledged is there in any case.
  it("that others fill between the question and the write loses nothing that was acknowledged", async () => {
    const child = run("./lose-the-race.ts", [mount]);
    const acknowledged: string[] = [];
    const lines = createInterface(child.stdout!).on("line", (line) => acknowledged.push(line));
    await Promise.all([once(child, "exit"), once(lines, "close")]);
    expect(child.exitCode === 0 || ["SIGABRT", "SIGSEGV"].includes(child.signalCode!)).toBe(true);
    rmSync(join(mount, "hog"), { force: true });
    const store = new LmdbStore({ path: mount });
    const { events } = await store.events({ namespace: "/", bytes: 16_000_000 });
    const stored = events.map(({ payload }) => Buffer.from(payload).toString().trimEnd());
    expect(acknowledged.length).toBeGreaterThanOrEqual(20);
    expect(stored.filter((number) => acknowledged.includes(number))).toEqual(acknowledged);
    await store.commit(event("after")).durable();
    await store.close();
  });
});

function overwrite(path: string, at: number, length: number): void {
  const bytes = readFileSync(path);
  for (let i = at; i < Math.min(at + length, bytes.length); i++) bytes[i] = (i * 7919) & 0xff;
  writeFileSync(path, bytes);
}

function mounts(): boolean {
  const path = mkdtempSync(join(tmpdir(), "holdfast-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", [path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
