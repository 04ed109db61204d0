import { Adapter, type BroadcastOptions, SessionAwareAdapter } from "socket.io-adapter";
import { describe, expect, it } from "vitest";
import {
  conformance,
  flushed,
  type Namespace,
  once,
  record,
  type ServerOptions,
  type Socket,
  until,
} from "./support.ts";

type AdapterClass = NonNullable<ServerOptions["adapter"]>;

conformance("adapters", (kit) => {
  for (const [title, options] of [
    ["the server's own", {}],
    ["Socket.IO's in-memory adapter", { adapter: Adapter as AdapterClass }],
    [
      "Socket.IO's session-aware adapter",
      { adapter: SessionAwareAdapter as AdapterClass, connectionStateRecovery: {} },
    ],
  ] as [string, Partial<ServerOptions>][]) {
    describe(title, () => {
      it("carries rooms and broadcasts", async () => {
        const running = await kit.serve(options);
        const [[one, first], [two, second]] = await kit.pairs(2, running);
        one.join(["a", "b"]);
        two.join("b");
        const heard = [record(first), record(second)];
        running.io.to("a").emit("a", 1);
        running.io.except("a").emit("not a");
        one.to("b").emit("b from one", Buffer.from([1]));
        running.io.emit("all");
        await flushed(running.io, first, second);
        // an event of a recoverable session ends with its offset
        const names = heard.map((events) => events.map(([name]) => name));
        expect(names).toEqual([
          ["a", "all"],
          ["not a", "b from one", "all"],
        ]);
      });

      it("carries acknowledgements of broadcasts", async () => {
        const running = await kit.serve(options);
        const pairs = await kit.pairs(2, running);
        pairs.forEach(([, client], i) => {
          client.on("question", (reply) => reply(i));
        });
        expect((await running.io.timeout(5_000).emitWithAck("question")).sort()).toEqual([0, 1]);
      });

      it("answers what is asked of an adapter", async () => {
        const running = await kit.serve(options);
        const [[one], [two]] = await kit.pairs(2, running);
        one.join("a");
        const { adapter } = running.io.of("/");
        expect(adapter.nsp).toBe(running.io.of("/"));
        expect(adapter.socketRooms(one.id)).toEqual(new Set([one.id, "a"]));
        expect(adapter.socketRooms("unknown")).toBeUndefined();
        expect(await adapter.sockets(new Set(["a"]))).toEqual(new Set([one.id]));
        expect(await adapter.sockets(new Set())).toEqual(new Set([one.id, two.id]));
        expect(await adapter.serverCount()).toBe(1);
        const everyone: BroadcastOptions = { rooms: new Set(), except: new Set(["a"]), flags: {} };
        expect(await adapter.fetchSockets(everyone)).toEqual([two]);
        adapter.addSockets(everyone, ["x", "y"]);
        expect(two.rooms).toEqual(new Set([two.id, "x", "y"]));
        adapter.delSockets(everyone, ["x"]);
        expect(two.rooms).toEqual(new Set([two.id, "y"]));
        adapter.addAll(one.id, new Set(["p", "q"]));
        expect(one.rooms).toEqual(new Set([one.id, "a", "p", "q"]));
        adapter.del(one.id, "p");
        adapter.del(one.id, "never");
        expect(one.rooms).toEqual(new Set([one.id, "a", "q"]));
        adapter.delAll(one.id);
        adapter.delAll("unknown");
        expect(one.rooms.size).toBe(0);
        const gone = once(two, "disconnect");
        adapter.disconnectSockets({ rooms: new Set(["y"]), except: new Set(), flags: {} }, true);
        await gone;
      });

      it("broadcasts packets that are handed to it", async () => {
        const running = await kit.serve(options);
        const [[one, first], [two, second]] = await kit.pairs(2, running);
        one.join("a");
        two.join("a");
        const heard = [record(first), record(second)];
        const { adapter } = running.io.of("/");
        adapter.broadcast({ type: 2, data: ["by hand", 1], nsp: "/" } as never, {
          rooms: new Set(["a"]),
          except: new Set([two.id]),
          flags: { compress: false },
        });
        await flushed(running.io, first, second);
        expect(heard.map((events) => events.map(([name, value]) => [name, value]))).toEqual([
          [["by hand", 1]],
          [],
        ]);
        let clients = -1;
        const answers: unknown[] = [];
        first.on("question", (reply) => reply("first"));
        second.on("question", (reply) => reply("second"));
        adapter.broadcastWithAck(
          { type: 2, data: ["question"], nsp: "/" } as never,
          { rooms: new Set(), except: new Set(), flags: {} },
          (count) => {
            clients = count;
          },
          (answer: unknown) => answers.push(answer),
        );
        expect(clients).toBe(2);
        await until("both answers", () => answers.length === 2);
        expect(answers.sort()).toEqual(["first", "second"]);
      });

      it("tells of rooms coming and going", async () => {
        const running = await kit.serve(options);
        const [socket] = await kit.pair(running);
        const story: unknown[] = [];
        const { adapter } = running.io.of("/");
        for (const event of ["create-room", "join-room", "leave-room", "delete-room"]) {
          adapter.on(event, (...args) => story.push([event, ...args]));
        }
        socket.join("a");
        socket.leave("a");
        expect(story).toEqual([
          ["create-room", "a"],
          ["join-room", "a", socket.id],
          ["leave-room", "a", socket.id],
          ["delete-room", "a"],
        ]);
      });
    });
  }

  it("are made once per namespace, by the class that was given", async () => {
    const made: string[] = [];
    const initialised: string[] = [];
    class Watched extends Adapter {
      constructor(nsp: Namespace) {
        super(nsp);
        made.push(nsp.name);
      }
      override init() {
        initialised.push(this.nsp.name);
      }
    }
    const { io } = await kit.serve({ adapter: Watched as AdapterClass });
    io.of("/chat");
    io.of("/chat");
    expect(made).toEqual(["/", "/chat"]);
    expect(initialised).toEqual(["/", "/chat"]);
    expect(io.of("/chat").adapter).toBeInstanceOf(Watched);
    expect(io.adapter()).toBe(Watched);
  });

  it("may be given by a function that makes them", async () => {
    const make = (nsp: Namespace) => new Adapter(nsp);
    const running = await kit.serve();
    // called with `new`, as Socket.IO's Redis adapters expect of their factories
    running.io.adapter(function factory(nsp: Namespace) {
      return make(nsp);
    } as unknown as AdapterClass);
    const [, client] = await kit.pair(running);
    const heard = once(client, "hello");
    running.io.emit("hello", 1);
    expect(await heard).toEqual([1]);
  });

  it("may be set later, for the namespaces that exist too", async () => {
    const running = await kit.serve();
    const chat = running.io.of("/chat");
    class Later extends Adapter {}
    expect(running.io.adapter(Later as AdapterClass)).toBe(running.io);
    expect(running.io.adapter()).toBe(Later);
    expect(chat.adapter).toBeInstanceOf(Later);
    expect(running.io.sockets.adapter).toBeInstanceOf(Later);
    expect(running.io.of("/new").adapter).toBeInstanceOf(Later);
    const [socket] = await kit.pair(running, "/chat");
    socket.join("a");
    expect(chat.adapter.rooms.get("a")).toEqual(new Set([socket.id]));
  });

  it("see every broadcast with its rooms, exceptions and flags, and may change it", async () => {
    const seen: unknown[] = [];
    class Watching extends Adapter {
      override broadcast(packet: { data: unknown[] }, options: BroadcastOptions) {
        seen.push([packet.data, [...options.rooms], [...(options.except ?? [])], options.flags]);
        packet.data.push("seen");
        super.broadcast(packet, options);
      }
    }
    const running = await kit.serve({ adapter: Watching as AdapterClass });
    const [socket, client] = await kit.pair(running);
    const heard = record(client);
    running.io.to("a").except(["b", "c"]).local.compress(false).emit("x", 1);
    running.io.emit("y");
    socket.broadcast.emit("z");
    socket.emit("direct");
    const arrived = once(client, "end");
    running.io.emit("end");
    await arrived;
    expect(seen.map((entry) => JSON.parse(JSON.stringify(entry)))).toEqual([
      [["x", 1, "seen"], ["a"], ["b", "c"], { local: true, compress: false }],
      [["y", "seen"], [], [], {}],
      [["z", "seen"], [], [socket.id], {}],
      [["end", "seen"], [], [], {}],
    ]);
    expect(heard).toEqual([["y", "seen"], ["direct"], ["end", "seen"]]);
  });

  it("see every join and leave, and may take their time", async () => {
    const story: unknown[] = [];
    class Slow extends Adapter {
      override async addAll(id: string, rooms: Set<string>) {
        story.push(["join", ...rooms].map((room) => (room === id ? "own" : room)));
        await Promise.resolve();
        super.addAll(id, rooms);
      }
      override async del(id: string, room: string) {
        story.push(["leave", room]);
        await Promise.resolve();
        super.del(id, room);
      }
    }
    const running = await kit.serve({ adapter: Slow as AdapterClass });
    const [socket] = await kit.pair(running);
    await socket.join("a");
    expect(socket.rooms.has("a")).toBe(true);
    await socket.leave("a");
    expect(socket.rooms.has("a")).toBe(false);
    expect(story).toEqual([
      ["join", "own"],
      ["join", "a"],
      ["leave", "a"],
    ]);
  });

  it("reach what adapters of the ecosystem reach for", async () => {
    const running = await kit.serve({ adapter: Adapter as AdapterClass });
    const [socket, client] = await kit.pair(running, "/chat");
    const nsp = running.io.of("/chat") as unknown as {
      _ids: number;
      _onServerSideEmit(args: unknown[]): void;
      server: { encoder: { encode(packet: object): unknown[] }; opts: object };
      sockets: Map<string, Socket>;
    };
    expect(nsp._ids).toBeTypeOf("number");
    expect(nsp._onServerSideEmit).toBeTypeOf("function");
    expect(nsp.server).toBe(running.io);
    expect(nsp.server.opts).toMatchObject({ adapter: Adapter });
    const encoded = nsp.server.encoder.encode({ type: 2, nsp: "/chat", data: ["by hand", 1] });
    expect(encoded).toEqual(['2/chat,["by hand",1]']);
    const inner = socket as unknown as {
      acks: Map<number, (...args: unknown[]) => void>;
      notifyOutgoingListeners(packet: { data: unknown[] }): void;
      client: { writeToEngine(packets: unknown[], options: object): void };
    };
    expect(inner.acks).toBeInstanceOf(Map);
    const outgoing: unknown[] = [];
    socket.onAnyOutgoing((...args) => outgoing.push(args));
    inner.notifyOutgoingListeners({ data: ["noticed", 1] });
    expect(outgoing).toEqual([["noticed", 1]]);
    const heard = once(client, "by hand");
    inner.client.writeToEngine(encoded, { preEncoded: true, volatile: false, compress: false });
    expect(await heard).toEqual([1]);
    inner.acks.set(12_345, () => {});
    expect(socket.rooms).toEqual(new Set([socket.id]));
  });

  it("write in one order with direct events, whatever path a packet takes", async () => {
    const running = await kit.serve({ adapter: Adapter as AdapterClass });
    const [socket, client] = await kit.pair(running);
    const heard = record(client);
    const { encoder } = running.io as unknown as { encoder: { encode(packet: object): unknown[] } };
    const byHand = socket.client as unknown as { writeToEngine(packets: unknown[], options: object): void };
    socket.emit("1");
    byHand.writeToEngine(encoder.encode({ type: 2, nsp: "/", data: ["2"] }), { preEncoded: true });
    running.io.emit("3");
    byHand.writeToEngine(encoder.encode({ type: 2, nsp: "/", data: ["4", Buffer.from([4])] }), {});
    socket.emit("5", Buffer.from([5]));
    await flushed(running.io, client);
    expect(heard).toEqual([["1"], ["2"], ["3"], ["4", Buffer.from([4])], ["5", Buffer.from([5])]]);
  });
});
