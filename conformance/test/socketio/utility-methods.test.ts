import { Adapter } from "socket.io-adapter";
import { describe, expect, it } from "vitest";
import { conformance, once, type Pair, type Running, type Socket } from "./support.ts";

interface RemoteLike {
  id: string;
  rooms: Set<string>;
  data: Record<string, unknown>;
  handshake: { query: Record<string, unknown> };
  emit(event: string, ...args: unknown[]): boolean;
  emitWithAck?(event: string, ...args: unknown[]): Promise<unknown>;
  timeout(ms: number): {
    emit(event: string, ...args: unknown[]): boolean;
    emitWithAck(event: string): Promise<unknown>;
  };
  join(room: string | string[]): unknown;
  leave(room: string): unknown;
  disconnect(close?: boolean): unknown;
}

/** What an adapter of a cluster answers: the facts about each socket, not the socket. */
class DetailsAdapter extends Adapter {
  override async fetchSockets(options: Parameters<Adapter["fetchSockets"]>[0]) {
    const sockets = await super.fetchSockets(options);
    return sockets.map(({ id, handshake, rooms, data }) => ({
      id,
      handshake,
      rooms: [...rooms],
      data,
    })) as never;
  }
}

conformance("managing many sockets", (kit) => {
  /** Three sockets: 0 in room1 and room2, 1 in room1, 2 in room2. */
  async function three(
    options = {},
  ): Promise<{ running: Running; pairs: [Pair, Pair, Pair]; sockets: Socket[] }> {
    const running = await kit.serve(options);
    const pairs = await kit.pairs(3, running);
    pairs[0][0].join(["room1", "room2"]);
    pairs[1][0].join("room1");
    pairs[2][0].join("room2");
    return { running, pairs, sockets: pairs.map(([socket]) => socket) };
  }

  const ids = (sockets: { id: string }[]) => sockets.map(({ id }) => id).sort();

  describe("fetchSockets()", () => {
    it("gives all sockets, those of a room, and those of a chain", async () => {
      const { running, sockets } = await three();
      const [zero, one, two] = sockets as [Socket, Socket, Socket];
      const { io } = running;
      expect(ids(await io.fetchSockets())).toEqual(ids(sockets));
      expect(ids(await io.of("/").fetchSockets())).toEqual(ids(sockets));
      expect(ids(await io.in("room1").fetchSockets())).toEqual(ids([zero, one]));
      expect(ids(await io.to(["room1", "room2"]).fetchSockets())).toEqual(ids(sockets));
      expect(ids(await io.in("room1").except("room2").fetchSockets())).toEqual(ids([one]));
      expect(ids(await io.except("room1").fetchSockets())).toEqual(ids([two]));
      expect(await io.in("nobody").fetchSockets()).toEqual([]);
      expect(ids(await io.local.fetchSockets())).toEqual(ids(sockets));
    });

    it("gives the others from a socket", async () => {
      const { sockets } = await three();
      const [zero, one, two] = sockets as [Socket, Socket, Socket];
      expect(ids(await zero.broadcast.fetchSockets())).toEqual(ids([one, two]));
      expect(ids(await zero.to("room1").fetchSockets())).toEqual(ids([one]));
    });

    it("gives the sockets themselves on this node", async () => {
      const { running, sockets } = await three();
      const fetched = await running.io.fetchSockets();
      expect(fetched).toEqual(sockets);
      expect(fetched[0]).toBe(sockets[0]);
      const [first] = fetched;
      expect(first!.handshake).toBe(sockets[0]!.handshake);
      expect(first!.rooms).toEqual(sockets[0]!.rooms);
    });

    it("gives the sockets of its own namespace only", async () => {
      const { running } = await three();
      const [chat] = await kit.pair(running, "/chat");
      expect(ids(await running.io.of("/chat").fetchSockets())).toEqual([chat.id]);
      expect(await running.io.of("/chat").in("room1").fetchSockets()).toEqual([]);
    });
  });

  describe("socketsJoin()", () => {
    it("makes the matching sockets join one room or several", async () => {
      const { running, sockets } = await three();
      const [zero, one, two] = sockets as [Socket, Socket, Socket];
      running.io.socketsJoin("all");
      for (const socket of sockets) expect(socket.rooms.has("all")).toBe(true);
      running.io.in("room1").socketsJoin(["x", "y"]);
      expect([zero, one, two].map(({ rooms }) => rooms.has("x") && rooms.has("y"))).toEqual([
        true,
        true,
        false,
      ]);
      running.io.except("room1").socketsJoin("z");
      expect([zero, one, two].map(({ rooms }) => rooms.has("z"))).toEqual([false, false, true]);
      zero.broadcast.socketsJoin("others");
      expect([zero, one, two].map(({ rooms }) => rooms.has("others"))).toEqual([false, true, true]);
    });

    it("takes a socket's id for a room", async () => {
      const { running, sockets } = await three();
      running.io.in(sockets[1]!.id).socketsJoin("one");
      expect(sockets.map(({ rooms }) => rooms.has("one"))).toEqual([false, true, false]);
    });
  });

  describe("socketsLeave()", () => {
    it("makes the matching sockets leave one room or several", async () => {
      const { running, sockets } = await three();
      const [zero, one, two] = sockets as [Socket, Socket, Socket];
      running.io.in("room1").socketsLeave("room1");
      expect([zero, one, two].map(({ rooms }) => rooms.has("room1"))).toEqual([false, false, false]);
      expect(zero.rooms.has("room2")).toBe(true);
      running.io.socketsJoin(["x", "y"]);
      zero.broadcast.socketsLeave(["x", "y"]);
      expect([zero, one, two].map(({ rooms }) => rooms.has("x") || rooms.has("y"))).toEqual([
        true,
        false,
        false,
      ]);
      running.io.socketsLeave("room2");
      expect(running.io.of("/").adapter.rooms.has("room2")).toBe(false);
      expect(two.rooms).toEqual(new Set([two.id]));
    });
  });

  describe("disconnectSockets()", () => {
    it("disconnects all", async () => {
      const { running, pairs } = await three();
      const reasons = pairs.map(([socket]) => once<[string]>(socket, "disconnect"));
      running.io.disconnectSockets();
      expect((await Promise.all(reasons)).map(([reason]) => reason)).toEqual(
        Array(3).fill("server namespace disconnect"),
      );
      expect(await running.io.fetchSockets()).toEqual([]);
    });

    it("disconnects the sockets of a room and leaves the others", async () => {
      const { running, pairs } = await three();
      const told = [once<[string]>(pairs[0][1], "disconnect"), once<[string]>(pairs[1][1], "disconnect")];
      running.io.in("room1").disconnectSockets();
      expect((await Promise.all(told)).map(([reason]) => reason)).toEqual(
        Array(2).fill("io server disconnect"),
      );
      expect(pairs[2][0].connected).toBe(true);
    });

    it("closes the connections too when told so", async () => {
      const { running, pairs } = await three();
      const closed = pairs.slice(0, 2).map(([socket]) => once(socket.conn, "close"));
      running.io.in("room1").disconnectSockets(true);
      await Promise.all(closed);
      expect(running.io.engine.clientsCount).toBe(1);
    });

    it("disconnects the others from a socket", async () => {
      const { pairs } = await three();
      const gone = once(pairs[1][0], "disconnect");
      pairs[0][0].to("room1").disconnectSockets();
      await gone;
      expect(pairs[0][0].connected).toBe(true);
      expect(pairs[2][0].connected).toBe(true);
    });
  });

  describe("sockets known by their details only", () => {
    const remote = (sockets: unknown[]) => sockets as unknown as RemoteLike[];

    it("have id, handshake, rooms and data", async () => {
      const { running, sockets } = await three({ adapter: DetailsAdapter });
      sockets[1]!.data.name = "one";
      const [found] = remote(await running.io.in("room1").except("room2").fetchSockets());
      expect(found!.id).toBe(sockets[1]!.id);
      expect(found).not.toBeInstanceOf(kit.Socket);
      expect(found!.rooms).toEqual(new Set([sockets[1]!.id, "room1"]));
      expect(found!.data).toEqual({ name: "one" });
      expect(found!.handshake.query.EIO).toBe("4");
    });

    it("are reached with emit(), join(), leave() and disconnect()", async () => {
      const { running, pairs } = await three({ adapter: DetailsAdapter });
      const [found] = remote(await running.io.in(pairs[1][0].id).fetchSockets());
      const heard = once(pairs[1][1], "hello");
      expect(found!.emit("hello", 1, Buffer.from([2]))).toBe(true);
      expect(await heard).toEqual([1, Buffer.from([2])]);
      found!.join(["x", "y"]);
      found!.leave("room1");
      expect(pairs[1][0].rooms).toEqual(new Set([pairs[1][0].id, "x", "y"]));
      const gone = once<[string]>(pairs[1][0], "disconnect");
      expect(found!.disconnect()).toBe(found);
      expect((await gone)[0]).toBe("server namespace disconnect");
    });

    it("answer with a single response", async () => {
      const { running, pairs } = await three({ adapter: DetailsAdapter });
      const [found] = remote(await running.io.in(pairs[1][0].id).fetchSockets());
      pairs[1][1].on("question", (reply) => reply("answer"));
      const [error, answer] = await new Promise<unknown[]>((resolve) => {
        found!.timeout(5_000).emit("question", (...args: unknown[]) => resolve(args));
      });
      expect(error).toBeNull();
      expect(answer).toBe("answer");
      expect(await found!.timeout(5_000).emitWithAck("question")).toBe("answer");
    });

    it("fail with null after the time-out", async () => {
      const { running, pairs } = await three({ adapter: DetailsAdapter });
      const [found] = remote(await running.io.in(pairs[1][0].id).fetchSockets());
      const [error, answer] = await new Promise<unknown[]>((resolve) => {
        found!.timeout(10).emit("question", (...args: unknown[]) => resolve(args));
      });
      expect((error as Error).message).toBe("operation has timed out");
      expect(answer).toBeNull();
    });

    it.runIf(!kit.isStock)(
      "answer promises too, without a time-out if need be, which stock forgot",
      async () => {
        const { running, pairs } = await three({ adapter: DetailsAdapter });
        const [found] = remote(await running.io.in(pairs[1][0].id).fetchSockets());
        pairs[1][1].on("question", (reply) => reply("answer"));
        expect(await found!.emitWithAck!("question")).toBe("answer");
      },
    );
  });

  it("goes with no socket at all", async () => {
    const { io } = await kit.serve();
    io.socketsJoin("a");
    io.socketsLeave("a");
    io.disconnectSockets(true);
    expect(await io.fetchSockets()).toEqual([]);
    expect(await io.allSockets()).toEqual(new Set());
  });
});
