import { describe, expect, it } from "vitest";
import { conformance, flushed, once, record } from "./support.ts";

conformance("rooms", (kit) => {
  it("hold each socket in the room of its own id", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    expect(socket.rooms).toEqual(new Set([socket.id]));
    const heard = once(client, "to you");
    running.io.to(socket.id).emit("to you", 1);
    expect(await heard).toEqual([1]);
  });

  it("are joined one by one or as a list", async () => {
    const [socket] = await kit.pair(await kit.serve());
    await socket.join("a");
    expect(socket.rooms).toEqual(new Set([socket.id, "a"]));
    socket.join(["b", "c"]);
    expect(socket.rooms).toEqual(new Set([socket.id, "a", "b", "c"]));
    socket.join("a");
    expect(socket.rooms.size).toBe(4);
    socket.join([]);
    expect(socket.rooms.size).toBe(4);
  });

  it("are left one by one or all at once", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    socket.join(["a", "b", "c"]);
    socket.leave("a");
    expect(socket.rooms).toEqual(new Set([socket.id, "b", "c"]));
    socket.leave("unknown");
    expect(socket.rooms.size).toBe(3);
    // private in stock's types, yet programs call it
    (socket as unknown as { leaveAll(): void }).leaveAll();
    expect(socket.rooms.size).toBe(0);
    expect(running.io.sockets.adapter.rooms.size).toBe(0);
  });

  it("once asked for, stay true", async () => {
    const [socket] = await kit.pair(await kit.serve());
    const { rooms } = socket;
    socket.join("a");
    socket.leave("a");
    socket.join("b");
    expect(rooms).toEqual(new Set([socket.id, "b"]));
  });

  it("may be joined in the connection handler", async () => {
    const running = await kit.serve();
    running.io.on("connection", (socket) => {
      socket.join("a");
      expect(socket.rooms).toEqual(new Set([socket.id, "a"]));
      running.io.to("a").emit("in a");
    });
    const client = kit.client(running);
    await once(client, "in a");
  });

  it("tell who is in them through the adapter", async () => {
    const running = await kit.serve();
    const [[one], [two]] = await kit.pairs(2, running);
    const { adapter } = running.io.of("/");
    one.join("a");
    two.join(["a", "b"]);
    expect(adapter.rooms.get("a")).toEqual(new Set([one.id, two.id]));
    expect(adapter.rooms.get("b")).toEqual(new Set([two.id]));
    expect(adapter.rooms.get(one.id)).toEqual(new Set([one.id]));
    expect(adapter.sids.get(two.id)).toEqual(new Set([two.id, "a", "b"]));
    expect([...adapter.rooms.keys()].sort()).toEqual(["a", "b", one.id, two.id].sort());
    one.leave("a");
    two.leave("a");
    expect(adapter.rooms.has("a")).toBe(false);
    two.leave("b");
    expect(adapter.sids.get(two.id)).toEqual(new Set([two.id]));
  });

  it("belong to their namespace", async () => {
    const running = await kit.serve();
    const [here, client] = await kit.pair(running);
    const [there, other] = await kit.pair(running, "/chat");
    here.join("same");
    there.join("same");
    const [heardHere, heardThere] = [record(client), record(other)];
    running.io.of("/chat").to("same").emit("news");
    await flushed(running.io, client);
    await flushed(running.io.of("/chat"), other);
    expect(heardHere).toEqual([]);
    expect(heardThere).toEqual([["news"]]);
  });

  it("may have names that objects have by nature, and odd ones", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const heard = record(client);
    const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "", " ", "a,b", "/", "😀", "*"];
    for (const name of names) {
      running.io.to(name).emit("too early");
      socket.join(name);
      running.io.to(name).emit("room", name);
      socket.leave(name);
      running.io.to(name).emit("too late");
    }
    await flushed(running.io, client);
    expect(heard).toEqual(names.map((name) => ["room", name]));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("take numbers for names too, which are not their text", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const heard = record(client);
    socket.join(7 as unknown as string);
    running.io.to(7 as unknown as string).emit("number");
    running.io.to("7").emit("text");
    await flushed(running.io, client);
    expect(heard).toEqual([["number"]]);
  });

  describe("tell through the adapter", () => {
    it("when they come and go, and who joins and leaves", async () => {
      const running = await kit.serve();
      const [[one], [two]] = await kit.pairs(2, running);
      const story: unknown[] = [];
      const { adapter } = running.io.of("/");
      for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
        adapter.on(event, (...args) => story.push([event, ...args]));
      }
      one.join("a");
      one.join("a");
      two.join(["a", "b"]);
      one.leave("a");
      one.leave("a");
      two.leave("a");
      two.leave("never joined");
      expect(story).toEqual([
        ["create-room", "a"],
        ["join-room", "a", one.id],
        ["join-room", "a", two.id],
        ["create-room", "b"],
        ["join-room", "b", two.id],
        ["leave-room", "a", one.id],
        ["leave-room", "a", two.id],
        ["delete-room", "a"],
      ]);
    });

    it("when a client comes and goes", async () => {
      const running = await kit.serve();
      const story: unknown[] = [];
      const { adapter } = running.io.of("/");
      for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
        adapter.on(event, (...args) => story.push([event, ...args]));
      }
      const [socket, client] = await kit.pair(running);
      socket.join("a");
      const gone = once(socket, "disconnect");
      client.disconnect();
      await gone;
      expect(story).toEqual([
        ["create-room", socket.id],
        ["join-room", socket.id, socket.id],
        ["create-room", "a"],
        ["join-room", "a", socket.id],
        ["leave-room", socket.id, socket.id],
        ["delete-room", socket.id],
        ["leave-room", "a", socket.id],
        ["delete-room", "a"],
      ]);
    });

    it("nothing twice: a socket's own room may be joined again without notice", async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running);
      let events = 0;
      running.io.of("/").adapter.on("join-room", () => events++);
      socket.join(socket.id);
      expect(events).toBe(0);
    });
  });
});
