import { describe, expect, it } from "vitest";
import { STORES, socketOf, start, storeOf } from "./support.ts";

describe.each(STORES)("kept rooms, in %s,", (kind) => {
  it("stores what goes to a kept room, and gives it back in order", async () => {
    const server = await start({ store: storeOf(kind) });
    const first = await server.io.to("chat:1").publish("say", "hello", { n: 1 });
    server.io.to("chat:1").emit("say", Buffer.of(1, 2));
    server.io.to("other").emit("say", "not kept");
    await server.io.to("chat:1").publish("say", "last");
    const history = await server.io.in("chat:1").history();
    expect(history.map(({ event, args }) => [event, ...args])).toEqual([
      ["say", "hello", { n: 1 }],
      ["say", Buffer.of(1, 2)],
      ["say", "last"],
    ]);
    expect(history[0]!.position).toBe(first);
    expect(history[0]!.rooms).toEqual(["chat:1"]);
    const after = await server.io.in("chat:1").history({ after: first, limit: 1 });
    expect(after.map(({ args }) => args)).toEqual([[Buffer.of(1, 2)]]);
  });

  it("replays a room to who joins with since, then goes on live, with no hole and no repeat", async () => {
    const server = await start({ store: storeOf(kind) });
    const positions: string[] = [];
    for (let i = 0; i < 5; i++) positions.push(await server.io.to("chat:1").publish("say", i));
    for (const since of [3, positions[1]!]) {
      const reader = await server.connect();
      server.io.to("chat:1").emit("say", "just before");
      const joined = socketOf(server, reader).join("chat:1", { since });
      server.io.to("chat:1").emit("say", "just after");
      const result = await joined;
      expect(result.gaps).toEqual([]);
      const got = await reader.count(result.events + 1);
      const stored = (await server.io.in("chat:1").history({ limit: result.events + 1 })).map(
        ({ args }) => args[0],
      );
      expect(got.map(([, text]) => text)).toEqual(stored);
      expect(got.at(-2)).toEqual(["say", "just before"]);
      expect(got.at(-1)).toEqual(["say", "just after"]);
    }
  });

  it("replays many events in order to a slow reader, over either transport", async () => {
    const server = await start({ store: storeOf(kind) });
    const text = "x".repeat(1_000);
    for (let i = 0; i < 5_000; i++) server.io.to("chat:1").emit("say", i, text);
    await server.io.to("chat:1").publish("end");
    for (const transports of [["websocket"], ["polling"]]) {
      const reader = await server.connect({ transports });
      const joined = socketOf(server, reader).join("chat:1", { since: "1h" });
      expect(await joined).toEqual({ events: 5_001, gaps: [] });
      const got = await reader.count(5_001);
      expect(got.slice(0, -1).map(([, i]) => i)).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    }
  });

  it("delivers an event of several kept rooms once, live and replayed", async () => {
    const server = await start({ store: storeOf(kind) });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    await socket.join("chat:a", { since: 10 });
    await server.io.to(["chat:a", "chat:b"]).publish("both", 1);
    await server.io.to("chat:b").publish("only b", 2);
    await socket.join("chat:b", { since: 10 });
    await server.io.to(["chat:a", "chat:b"]).publish("both", 3);
    expect(await reader.count(3)).toEqual([
      ["both", 1],
      ["only b", 2],
      ["both", 3],
    ]);
  });

  it("honours except and the sender, live and replayed", async () => {
    const server = await start({ store: storeOf(kind) });
    const [sender, excluded, member] = [
      await server.connect(),
      await server.connect(),
      await server.connect(),
    ];
    void socketOf(server, excluded).join("quiet");
    for (const reader of [sender, excluded, member]) void socketOf(server, reader).join("chat:1");
    await socketOf(server, sender).to("chat:1").publish("from sender");
    await server.io.to("chat:1").except("quiet").publish("not for quiet");
    await server.io.to("chat:1").publish("end");
    const expected = [
      [["not for quiet"], ["end"]],
      [["from sender"], ["end"]],
      [["from sender"], ["not for quiet"], ["end"]],
    ];
    for (const [i, reader] of [sender, excluded, member].entries()) {
      const live = expected[i]!;
      expect(await reader.count(live.length)).toEqual(live);
      await socketOf(server, reader).join("chat:1", { since: 10 });
      expect(await reader.count(live.length * 2)).toEqual([...live, ...live]);
    }
  });

  it("keeps neither volatile events, nor those with an ack, nor those to everybody, nor a socket's own room", async () => {
    const server = await start({ store: storeOf(kind), rooms: { "*": { keep: true } } });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    void socket.join("room");
    server.io.to("room").volatile.emit("volatile");
    server.io
      .to("room")
      .timeout(1_000)
      .emit("acked", () => {});
    server.io.emit("everybody");
    server.io.to(socket.id).emit("direct");
    await server.io.to("room").publish("kept");
    expect((await server.io.in("room").history()).map(({ event }) => event)).toEqual(["kept"]);
    expect((await server.io.storage()).events).toBe(1);
  });

  it("keeps namespaces apart", async () => {
    const server = await start({ store: storeOf(kind) });
    await server.io.of("/a").to("chat:1").publish("in a");
    await server.io.of("/b").to("chat:1").publish("in b");
    const history = await server.io.of("/a").in("chat:1").history();
    expect(history.map(({ event }) => event)).toEqual(["in a"]);
  });

  it("forgets a room when told", async () => {
    const server = await start({ store: storeOf(kind) });
    await server.io.to("chat:1").publish("say", 1);
    await server.io.to("chat:1").publish("say", 2);
    expect(await server.io.in("chat:1").forget()).toBe(2);
    expect(await server.io.in("chat:1").history()).toEqual([]);
  });

  it("refuses with codes", async () => {
    const server = await start({ store: storeOf(kind) });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    await expect(server.io.to("other").publish("say")).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    await expect(server.io.in("other").history()).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    await expect(socket.join("other", { since: 1 })).rejects.toMatchObject({ code: "ROOM_NOT_KEPT" });
    await expect(socket.join("chat:1", { since: "yesterday" })).rejects.toMatchObject({
      code: "QUERY_INVALID",
    });
    expect(socket.rooms.has("chat:1")).toBe(false);
    const bare = await start({ store: undefined, rooms: undefined });
    await expect(bare.io.to("chat:1").publish("say")).rejects.toMatchObject({ code: "NO_STORE" });
    await expect(bare.io.storage()).rejects.toMatchObject({ code: "NO_STORE" });
  });
});
