import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { memoryStorage } from "../../src/reliable/memory.ts";
import type { OutboxStorage, StoredOutbox } from "../../src/reliable/storage.ts";
import { FakeServer, next, refusal } from "./fake-server.ts";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-outbox-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A storage in memory of which some operations fail. */
function flaky(failures: Partial<Record<keyof StoredOutbox | "open", number>>): OutboxStorage {
  const memory = memoryStorage();
  const fail = (name: keyof typeof failures) => {
    if ((failures[name] ?? 0) > 0) {
      failures[name]!--;
      throw new Error("disk on fire");
    }
  };
  return {
    async open(name) {
      fail("open");
      const stored = await memory.open(name);
      return new Proxy(stored, {
        get: (target, name: keyof StoredOutbox) =>
          typeof target[name] === "function"
            ? async (...args: never[]) => {
                fail(name);
                return (target[name] as (...args: never[]) => unknown)(...args);
              }
            : target[name],
      });
    },
  };
}

test("what a killed process left is sent by the next one, and its outcome told", async () => {
  const server = await FakeServer.listen();
  const file = temporaryFolder();
  const script = fileURLToPath(new URL("./killed-client.ts", import.meta.url));
  const child = fork(script, [server.url, file], {
    execArgv: ["--conditions=@holdfast/source", "--import", "tsx"],
  });
  const first = await server.connections.next();
  const { key, again } = await first.grant(0, 1);
  expect(again).toBe(0);
  expect(await first.sent()).toMatchObject({ sequence: 1, again: 0, event: ["say", 1] });
  child.kill("SIGKILL");
  await once(child, "exit");

  const socket = server.client({ outbox: { file } });
  const settled: unknown[] = [];
  // a program that only looks at the outbox: nothing is emitted here
  const all = new Promise<void>((resolve) => {
    socket.outbox.on("settled", ({ args: [n], reply }) => {
      if (settled.push([n, reply]) === 3) resolve();
    });
  });
  const second = await server.connections.next();
  expect(await second.grant()).toEqual({ key, again: 1 });
  const sent = [await second.sent(), await second.sent(), await second.sent()];
  expect(sent.map(({ sequence, again }) => [sequence, again])).toEqual([
    [1, 1],
    [2, 0],
    [3, 0],
  ]);
  for (const entry of sent) second.answer(entry, 0, `reply ${entry.sequence}`);
  await all;
  expect(settled).toEqual([1, 2, 3].map((n) => [n, `reply ${n}`]));
  await socket.outbox.close();
}, 30_000);

test("an outbox that another has open is no outbox, and its socket connects all the same", async () => {
  const server = await FakeServer.listen();
  const file = temporaryFolder();
  const holder = server.client({ outbox: { file } });
  await holder.outbox.list();
  await (await server.connections.next()).grant();
  const socket = server.client({ outbox: { file } });
  const error = next(socket.outbox, "error");
  const connection = await server.connections.next();
  expect(await connection.connect()).toEqual({});
  connection.accept();
  expect(await error).toMatchObject([{ code: "OUTBOX_LOCKED" }]);
  expect(await refusal(socket.reliable.emit("say"))).toBe("OUTBOX_LOCKED");
  await holder.outbox.close();
  // the next emit opens it, and the server has to be told
  const reply = socket.reliable.emit("say");
  await connection.grantLate();
  connection.answer(await connection.sent(), 0, "ok");
  expect(await reply).toBe("ok");
  await socket.outbox.close();
});

test("indexeddb, where there is none, is memory, and the outbox says so", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: "indexeddb" });
  const error = next(socket.outbox, "error");
  const reply = socket.reliable.emit("say");
  expect(await error).toMatchObject([{ code: "NOT_DURABLE" }]);
  const connection = await server.connections.next();
  await connection.grant();
  connection.answer(await connection.sent(), 0, "ok");
  expect(await reply).toBe("ok");
});

test("a storage that fails to store rejects, and works again", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: flaky({ append: 1 }) });
  await expect(socket.reliable.emit("say", 1)).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    cause: { message: "disk on fire" },
  });
  const reply = socket.reliable.emit("say", 2);
  const connection = await server.connections.next();
  await connection.grant();
  const sent = await connection.sent();
  expect(sent.event).toEqual(["say", 2]);
  connection.answer(sent, 0, "ok");
  expect(await reply).toBe("ok");
});

test("nothing is sent that could not be flagged, until it can", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: flaky({ take: 1 }) });
  const error = next(socket.outbox, "error");
  const reply = socket.reliable.emit("say", 1);
  const connection = await server.connections.next();
  await connection.grant();
  expect(await error).toMatchObject([{ code: "OUTBOX_FAILED" }]);
  connection.answer(await connection.sent(), 0, "ok");
  expect(await reply).toBe("ok");
});

test("an outcome that can't be removed from storage comes again at the next connection, and is told once", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: flaky({ remove: 1 }) });
  let settled = 0;
  socket.outbox.on("settled", () => settled++);
  const error = next(socket.outbox, "error");
  const reply = socket.reliable.emit("say", 1);
  const first = await server.connections.next();
  await first.grant();
  first.answer(await first.sent(), 0, "ok");
  expect(await reply).toBe("ok");
  await error;
  const later = socket.reliable.emit("say", 2);
  // the server must not forget the outcome of the first
  expect(await first.sent()).toMatchObject({ sequence: 2, low: 1 });
  first.drop();
  const second = await server.connections.next();
  await second.grant(1);
  for (const reply of ["ok", "later"]) second.answer(await second.sent(), 0, reply);
  expect(await later).toBe("later");
  expect(settled).toBe(2);
  expect(socket.outbox.size).toBe(0);
});

test("a storage that can't be opened rejects, until it can", async () => {
  const server = await FakeServer.listen();
  const socket = server.client({ outbox: flaky({ open: 1 }), autoConnect: false });
  expect(await refusal(socket.reliable.emit("say", 1))).toBe("OUTBOX_FAILED");
  const reply = socket.reliable.emit("say", 2);
  socket.connect();
  const connection = await server.connections.next();
  await connection.grant();
  connection.answer(await connection.sent(), 0, "ok");
  expect(await reply).toBe("ok");
});
