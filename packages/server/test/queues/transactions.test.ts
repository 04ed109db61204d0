import { MemoryStore } from "@holdfast/core";
import { describe, expect, it } from "vitest";
import { next, pair, serve } from "../support.ts";
import { serveQueue } from "./support.ts";

const rooms = { "orders:*": { keep: true } };

describe("io.transaction", () => {
  it("publishes and adds in one commit.", async () => {
    const store = new MemoryStore();
    const running = await serveQueue({ store, rooms });
    await running.io.ready;
    const commits: string[][] = [];
    const { commit } = store;
    store.commit = (operations, preconditions) => {
      commits.push([operations].flat().map(({ type }) => type));
      return commit.call(store, operations, preconditions);
    };
    const [socket, client] = await pair(running);
    void socket.join("orders:1");
    const heard = next<[string]>(client as never, "placed");
    const id = await running.io.transaction(async (tx) => {
      tx.to("orders:1").publish("placed", "a book");
      return (await tx.queue("mail").add({ to: "ada" }, { id: "m1" })).id;
    });
    expect(id).toBe("m1");
    expect(await heard).toEqual(["a book"]);
    expect(commits.filter((types) => types.includes("append"))).toEqual([
      expect.arrayContaining(["append", "put"]),
    ]);
    expect(await running.io.in("orders:1").history()).toMatchObject([{ args: ["a book"] }]);
    expect(await running.queue.get("m1")).toMatchObject({ state: "waiting", data: { to: "ada" } });
  });

  it("does nothing if what it is given throws, and frees the job's id.", async () => {
    const running = await serveQueue({ rooms });
    const failed = running.io.transaction(async (tx) => {
      tx.to("orders:1").publish("placed", "a book");
      await tx.queue("mail").add("one", { id: "m1" });
      throw new Error("changed my mind");
    });
    await expect(failed).rejects.toThrow("changed my mind");
    expect(await running.io.in("orders:1").history()).toEqual([]);
    expect(await running.queue.get("m1")).toBeUndefined();
    await running.queue.add("two", { id: "m1" });
  });

  it("rejects with codes: no store, no such queue, a room that is not kept.", async () => {
    const running = await serveQueue({ rooms });
    const code = (expected: string) => expect.objectContaining({ code: expected });
    await expect(running.io.transaction((tx) => tx.queue("post"))).rejects.toEqual(code("QUEUE_UNKNOWN"));
    await expect(running.io.transaction((tx) => tx.to("hall").publish("x"))).rejects.toEqual(
      code("ROOM_NOT_KEPT"),
    );
    const { io } = await serve();
    await expect(io.transaction((tx) => tx.to("hall").publish("x"))).rejects.toEqual(code("NO_STORE"));
  });

  it("rejects when the commit fails, and nothing has happened.", async () => {
    const running = await serveQueue({ store: new MemoryStore({ bytesMax: 50_000 }), rooms });
    const failed = running.io.transaction(async (tx) => {
      tx.to("orders:1").publish("placed", "x".repeat(100_000));
      await tx.queue("mail").add("one", { id: "m1" });
    });
    await expect(failed).rejects.toEqual(expect.objectContaining({ code: "STORE_FULL" }));
    expect(await running.queue.get("m1")).toBeUndefined();
  });
});

describe("A handler's transaction", () => {
  it("adds the job with the reply.", async () => {
    const running = await serveQueue();
    running.io.on("connection", (socket) => {
      socket.handle("order", async (what: string, tx) => {
        const { id } = await tx.queue("mail").add(what, { id: `mail for ${what}` });
        return id;
      });
    });
    const [, client] = await pair(running);
    expect(await client.emitWithAck("order", "a book")).toBe("mail for a book");
    expect(await running.queue.get("mail for a book")).toMatchObject({ state: "waiting", data: "a book" });
  });
});
