import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { fileStorage } from "../../src/resume/file-storage.ts";
import { next } from "../reliable/fake-server.ts";
import { ResumeServer, TestStorage } from "./scripted.ts";

const offset = (n: number) => `mark${n.toString(36)}`;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-resume-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it("a fresh client on the same storage stands where the old one did", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const first = server.client({ resume: { storage } });
  first.on("x", () => {});
  await server.grant({ key: "K1", refused: {} });
  server.joined("a", offset(1));
  server.say("x", offset(2));
  await server.taken(first);
  first.disconnect();
  await new Promise(setImmediate);
  expect(storage.kept).toEqual(["K1", { a: [offset(2), "grant of a"] }]);
  server.client({ resume: { storage } });
  expect(await server.grant()).toEqual({
    key: "K1",
    credit: 1000,
    positions: { a: [offset(2), "grant of a"] },
  });
});

it("writes what changes together, and soon", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const isWritten = new Promise<void>((resolve) => {
    const { setItem } = storage;
    storage.setItem = (...item) => {
      setItem.apply(storage, item);
      resolve();
    };
  });
  const socket = server.client({ resume: { storage } });
  socket.on("x", () => {});
  await server.grant();
  server.joined("a", offset(1));
  for (let n = 2; n < 100; n++) server.say("x", offset(n));
  await isWritten;
  expect(storage.writes).toBe(1);
  expect(storage.kept).toEqual(["K", { a: [offset(99), "grant of a"] }]);
});

it("keeps servers, namespaces and users apart", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const names = new Set<string>();
  for (const [user, nsp] of [
    [undefined, "/"],
    ["ada", "/"],
    ["bob", "/"],
    ["ada", "/chat"],
  ] as const) {
    const socket = server.client({ resume: { storage, ...(user && { user }) } }, nsp);
    server.connection = await server.fake.connections.next();
    await server.connection.packets.next();
    const prefix = nsp === "/" ? "" : `${nsp},`;
    server.connection.say(`40${prefix}{"sid":"id","holdfast":{"resume":{"key":"K","refused":{}}}}`);
    server.connection.say(`42${prefix}["taken",""]`);
    await next(socket, "taken");
    socket.disconnect();
    await new Promise(setImmediate);
    for (const name of storage.items.keys()) names.add(name);
  }
  expect(names.size).toBe(4);
  expect(new Set(storage.items.keys())).toEqual(names);
});

it("leaves what another tab keeps as the same client, but for what was refused", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  const one = server.client({ resume: { storage } });
  await server.grant();
  const first = server.connection;
  server.joined("a", offset(1));
  await server.taken(one);
  one.disconnect();
  await new Promise(setImmediate);
  // two tabs
  const two = server.client({ resume: { storage } });
  await server.grant();
  const three = server.client({ resume: { storage } });
  const second = server.connection;
  await server.grant();
  server.joined("c", offset(3));
  await server.taken(three);
  three.disconnect();
  await new Promise(setImmediate);
  expect(storage.kept[1]).toEqual({ a: [offset(1), "grant of a"], c: [offset(3), "grant of c"] });
  server.connection = second;
  server.joined("b", offset(2));
  await server.taken(two);
  two.disconnect();
  await new Promise(setImmediate);
  expect(Object.keys(storage.kept[1]).sort()).toEqual(["a", "b", "c"]);
  expect(first).not.toBe(second);
  const four = server.client({ resume: { storage } });
  await server.grant({ key: "K", refused: { a: "POSITION_OLD" } });
  await server.taken(four);
  four.disconnect();
  await new Promise(setImmediate);
  expect(Object.keys(storage.kept[1]).sort()).toEqual(["b", "c"]);
});

it("waits for a storage that takes its time, before CONNECT and for each write", async () => {
  const server = await ResumeServer.listen();
  const inner = new TestStorage();
  const storage = {
    getItem: async (key: string) => inner.getItem(key),
    setItem: async (key: string, value: string) => inner.setItem(key, value),
  };
  const first = server.client({ resume: { storage } });
  await server.grant();
  server.joined("a", offset(1));
  await server.taken(first);
  first.disconnect();
  await new Promise(setImmediate);
  server.client({ resume: { storage } });
  expect((await server.grant()).positions).toEqual({ a: [offset(1), "grant of a"] });
});

it("reports a storage that fails, and connects all the same", async () => {
  const server = await ResumeServer.listen();
  const storage = new TestStorage();
  storage.error = new Error("denied");
  const socket = server.client({ resume: { storage } });
  const failure = next(socket.recovery, "error");
  expect((await server.grant()).positions).toEqual({});
  expect((await failure)[0]).toMatchObject({
    code: "STORAGE_FAILED",
    message: "Error: denied",
    cause: storage.error,
  });
  server.joined("a", offset(1));
  await server.taken(socket);
  const again = next(socket.recovery, "error");
  expect((await again)[0]).toMatchObject({ code: "STORAGE_FAILED" });
  expect(socket.connected).toBe(true);
  expect(await server.positions()).toEqual({ a: [offset(1), "grant of a"] });
});

it("keeps positions in a file, that others share", async () => {
  const path = join(folder(), "positions.json");
  const server = await ResumeServer.listen();
  const first = server.client({ resume: { file: path } });
  await server.grant();
  server.joined("a", offset(1));
  await server.taken(first);
  first.disconnect();
  const storage = fileStorage(path);
  await Promise.all([storage.setItem("other", "1"), storage.setItem("other", "2")]);
  const texts = JSON.parse(readFileSync(path, "utf8"));
  expect(Object.keys(texts)).toHaveLength(2);
  expect(texts.other).toBe("2");
  server.client({ resume: { file: path } });
  expect((await server.grant()).positions).toEqual({ a: [offset(1), "grant of a"] });
});

it.each([["null"], ["5"], ['["K",{"a":null}]'], ['["K",{"a":5}]'], ["text"]])(
  "reports what it does not understand (%s), and connects all the same",
  async (text) => {
    const server = await ResumeServer.listen();
    const storage = new TestStorage();
    storage.getItem = () => text;
    const socket = server.client({ resume: { storage } });
    const failure = next(socket.recovery, "error");
    expect((await server.grant()).positions).toEqual({});
    expect((await failure)[0]).toMatchObject({ code: "STORAGE_FAILED" });
  },
);

it("reports a file that can't be read", async () => {
  const path = join(folder(), "positions.json");
  writeFileSync(path, "{");
  const server = await ResumeServer.listen();
  const socket = server.client({ resume: { file: path } });
  const failure = next(socket.recovery, "error");
  await server.grant();
  expect((await failure)[0]).toMatchObject({ code: "STORAGE_FAILED" });
});
