import { EventEmitter } from "node:events";
import { inspect } from "node:util";
import { ClusterAdapter } from "socket.io-adapter";
import { describe, expect, it } from "vitest";
import { Adapter, type Server, type Socket } from "../src/index.ts";
import { next, pair, record, serve } from "./support.ts";

describe("The views of the in-memory adapter", () => {
  it("are Maps to whoever looks.", async () => {
    const running = await serve();
    const [[one], [two]] = [await pair(running), await pair(running)];
    one.join(["a", "b"]);
    two.join("b");
    const { rooms, sids } = running.io.sockets.adapter;
    expect(rooms).toBeInstanceOf(Map);
    expect(sids).toBeInstanceOf(Map);
    expect(rooms.size).toBe(4);
    expect(sids.size).toBe(2);
    expect(new Map(rooms)).toEqual(
      new Map([
        [one.id, new Set([one.id])],
        [two.id, new Set([two.id])],
        ["a", new Set([one.id])],
        ["b", new Set([one.id, two.id])],
      ]),
    );
    expect(Object.fromEntries(sids)).toEqual({
      [one.id]: new Set([one.id, "a", "b"]),
      [two.id]: new Set([two.id, "b"]),
    });
    expect([...rooms.keys()].sort()).toEqual([one.id, two.id, "a", "b"].sort());
    expect([...sids.values()].map((rooms) => rooms.size)).toEqual([3, 2]);
    expect(rooms.has("a")).toBe(true);
    expect(rooms.has("c")).toBe(false);
    expect(rooms.get("c")).toBeUndefined();
    const seen: string[] = [];
    rooms.forEach((ids, room, map) => {
      seen.push(`${room} ${ids.size} ${map === rooms}`);
    });
    expect(seen).toContain("b 2 true");
    expect(inspect(rooms)).toContain("'b' => Set(2)");
  });

  it("are live, and so are the Sets in them.", async () => {
    const running = await serve();
    const [one] = await pair(running);
    const { rooms } = running.io.sockets.adapter;
    one.join("a");
    const members = rooms.get("a");
    const [two] = await pair(running);
    two.join("a");
    one.leave("a");
    expect(members).toEqual(new Set([two.id]));
    expect(rooms.get("a")).toBe(members);
  });

  it("refuse to be written to.", async () => {
    const { io } = await serve();
    const { rooms } = io.sockets.adapter;
    for (const write of [() => rooms.set("a", new Set()), () => rooms.delete("a"), () => rooms.clear()]) {
      expect(write).toThrow(expect.objectContaining({ code: "READ_ONLY" }));
    }
  });
});

describe("The in-memory adapter", () => {
  it("knows ids that no socket has.", async () => {
    const { io } = await serve();
    const { adapter } = io.sockets;
    void adapter.addAll("ghost", new Set(["a", "b"]));
    io.to("a").emit("to nobody");
    expect(adapter.socketRooms("ghost")).toEqual(new Set(["a", "b"]));
    expect(await io.in("a").fetchSockets()).toEqual([]);
    void adapter.del("ghost", "a");
    adapter.delAll("ghost");
    expect(adapter.rooms.size).toBe(0);
    expect(adapter.sids.size).toBe(0);
  });

  it("can be extended: what is overridden is called.", async () => {
    const calls: string[] = [];
    class Watching extends Adapter {
      override addAll(id: string, rooms: Set<string>): void {
        calls.push(`addAll ${[...rooms].map((room) => (room === id ? "own" : room))}`);
        void super.addAll(id, rooms);
      }
      override del(id: string, room: string): void {
        calls.push(`del ${room}`);
        void super.del(id, room);
      }
      override delAll(id: string): void {
        calls.push("delAll");
        super.delAll(id);
      }
      override broadcast(...args: Parameters<Adapter["broadcast"]>): void {
        calls.push("broadcast");
        super.broadcast(...args);
      }
    }
    const running = await serve({ adapter: Watching });
    const [socket, client] = await pair(running);
    socket.join("a");
    const heard = record(client);
    running.io.to("a").emit("in a");
    await next(client as never, "in a");
    socket.leave("a");
    socket.disconnect();
    expect(heard).toEqual(["in a"]);
    expect(calls).toEqual(["addAll own", "addAll a", "broadcast", "del a", "delAll"]);
  });

  it("hears of rooms late and still finds the socket.", async () => {
    class Late extends Adapter {
      override async addAll(id: string, rooms: Set<string>): Promise<void> {
        await null;
        void super.addAll(id, rooms);
      }
    }
    const running = await serve({ adapter: Late });
    running.io.use(async (socket, admit) => {
      await socket.join("early");
      admit();
    });
    const [socket, client] = await pair(running);
    await socket.join("late");
    const heard = record(client);
    running.io.to("early").emit("early");
    running.io.to("late").emit("late");
    running.io.emit("end");
    await next(client as never, "end");
    expect(heard).toEqual(["early", "late", "end"]);
  });

  it("reaches each member once, in several rooms and with several exceptions.", async () => {
    const running = await serve();
    const pairs = [await pair(running), await pair(running), await pair(running), await pair(running)];
    const [one, two, three, four] = pairs.map(([socket]) => socket) as [Socket, Socket, Socket, Socket];
    one.join(["a", "b"]);
    two.join(["b", "c"]);
    three.join(["a", "c", "d"]);
    four.join("e");
    const heard = pairs.map(([, client]) => record(client));
    running.io.to(["a", "b"]).emit("a or b");
    running.io.to("a").to("b").except(["c", "e"]).emit("a or b, not c or e");
    running.io.except("c").emit("not c");
    running.io.except(["c", "e"]).emit("not c or e");
    running.io.to(one.id).to(four.id).emit("one and four");
    one.to(["a", "b"]).emit("a or b, by one");
    one.to("b").except("d").emit("b, not d, by one");
    one.broadcast.emit("by one");
    running.io.emit("end");
    await Promise.all(pairs.map(([, client]) => next(client as never, "end")));
    expect(heard).toEqual([
      ["a or b", "a or b, not c or e", "not c", "not c or e", "one and four", "end"],
      ["a or b", "a or b, by one", "b, not d, by one", "by one", "end"],
      ["a or b", "a or b, by one", "by one", "end"],
      ["not c", "one and four", "by one", "end"],
    ]);
  });

  it("answers a server-side emit with the nobody that is there.", async () => {
    const { io } = await serve();
    expect(await io.serverSideEmitWithAck("anyone")).toEqual([]);
  });
});

describe("Socket.IO's cluster adapter", () => {
  /** Servers that hear each other through one emitter. */
  function clusterOf(channel: EventEmitter) {
    let count = 0;
    return class extends ClusterAdapter {
      // biome-ignore lint/suspicious/noExplicitAny: the contract's own type
      constructor(nsp: any) {
        super(nsp);
        count++;
        channel.on("message", (message, from) => {
          if (from !== this.uid) this.onMessage(message);
        });
        channel.on("response", (to, response) => {
          if (to === this.uid) this.onResponse(response);
        });
      }
      override serverCount() {
        return Promise.resolve(count);
      }
      protected override doPublish(message: unknown) {
        channel.emit("message", message, this.uid);
        return Promise.resolve("");
      }
      protected override doPublishResponse(to: string, response: unknown) {
        channel.emit("response", to, response);
        return Promise.resolve();
      }
    };
  }

  async function cluster() {
    const adapter = clusterOf(new EventEmitter());
    const servers = [await serve({ adapter: adapter as never }), await serve({ adapter: adapter as never })];
    const pairs = [await pair(servers[0]!), await pair(servers[1]!)];
    return { ios: servers.map(({ io }) => io) as [Server, Server], pairs } as const;
  }

  it("carries broadcasts and their acknowledgements.", async () => {
    const { ios, pairs } = await cluster();
    pairs[1]![0].join("room");
    const heard = pairs.map(([, client]) => record(client));
    for (const [i, [, client]] of pairs.entries()) client.on("question", (reply) => reply(i));
    ios[0].to("room").emit("room");
    pairs[0]![0].broadcast.emit("others");
    ios[0].local.emit("local");
    expect((await ios[0].timeout(5_000).emitWithAck("question")).sort()).toEqual([0, 1]);
    expect(heard).toEqual([
      ["local", "question"],
      ["room", "others", "question"],
    ]);
  });

  it("carries what is asked of sockets elsewhere.", async () => {
    const { ios, pairs } = await cluster();
    const { id } = pairs[1]![0];
    pairs[1]![0].data = { name: "elsewhere" };
    const [remote] = await ios[0].in(id).fetchSockets();
    expect(remote).toMatchObject({ id, data: { name: "elsewhere" }, rooms: new Set([id]) });
    expect(remote!.handshake.query).toMatchObject({ EIO: "4" });
    remote!.join("room");
    expect(pairs[1]![0].rooms).toEqual(new Set([id, "room"]));
    const disconnect = next(pairs[1]![1] as never, "disconnect");
    ios[0].in("room").disconnectSockets();
    expect(await disconnect).toContain("io server disconnect");
  });

  it("carries server-side emits.", async () => {
    const { ios } = await cluster();
    (ios[1] as unknown as EventEmitter).on("ping", (word: string, reply: (answer: string) => void) =>
      reply(`${word}!`),
    );
    expect(await ios[0].serverSideEmitWithAck("ping", "hello")).toEqual(["hello!"]);
  });
});
