import { describe, expect, it } from "vitest";
import { away, recordNames } from "./recovery.ts";
import {
  conformance,
  flushed,
  once,
  type ServerOptions,
  type Socket,
  transportCases,
  until,
} from "./support.ts";

conformance("connection state recovery", (kit) => {
  const enabled = { connectionStateRecovery: {} };

  for (const { title, transports } of transportCases) {
    it(`gives back id, rooms, data and what was missed, in order (${title})`, async () => {
      const running = await kit.serve(enabled);
      const pair = await kit.pair(running, "/", { transports });
      const [socket, client] = pair;
      const { id } = socket;
      socket.join(["room1", "room2"]);
      socket.data.user = "ada";
      expect(socket.recovered).toBe(false);
      expect(client.recovered).toBe(false);
      await flushed(running.io, client);
      const heard = recordNames(client);
      const back = await away(running, pair, () => {
        running.io.emit("all", 1);
        running.io.to("room1").emit("room1", 2);
        running.io.to("nobody").emit("not for you");
        running.io.to(["room1", "room2"]).emit("both", 3);
        running.io.to(id).emit("you", 4);
        running.io.except("room2").emit("not for you either");
        running.io.to("room2").emit("bytes", Buffer.from([5]));
        running.io.of("/chat").emit("elsewhere");
      });
      expect(back.id).toBe(id);
      expect(client.id).toBe(id);
      expect(back).not.toBe(socket);
      expect(back.recovered).toBe(true);
      expect(client.recovered).toBe(true);
      expect(back.rooms).toEqual(new Set([id, "room1", "room2"]));
      expect(back.data).toEqual({ user: "ada" });
      expect(heard).toEqual([
        ["all", 1],
        ["room1", 2],
        ["both", 3],
        ["you", 4],
        ["bytes", Buffer.from([5])],
      ]);
    });
  }

  it("works in namespaces", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running, "/chat");
    await flushed(running.io.of("/chat"), pair[1]);
    const heard = recordNames(pair[1]);
    const back = await away(running, pair, () => {
      running.io.of("/chat").emit("news", 1);
      running.io.emit("elsewhere", 2);
    });
    expect(back.recovered).toBe(true);
    expect(heard).toEqual([["news", 1]]);
  });

  it("works again and again", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running);
    await flushed(running.io, pair[1]);
    const heard = recordNames(pair[1]);
    let socket = pair[0];
    for (let round = 0; round < 3; round++) {
      socket = await away(running, [socket, pair[1]], () => running.io.emit("missed", round));
      expect(socket.recovered).toBe(true);
      expect(socket.id).toBe(pair[0].id);
    }
    expect(heard).toEqual([
      ["missed", 0],
      ["missed", 1],
      ["missed", 2],
    ]);
  });

  it("delivers to the recovered socket afterwards, directly and through its rooms", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running);
    pair[0].join("room");
    await flushed(running.io, pair[1]);
    const back = await away(running, pair, () => {});
    const heard = recordNames(pair[1]);
    back.emit("direct", 1);
    running.io.to("room").emit("room", 2);
    await flushed(running.io, pair[1]);
    expect(heard).toEqual([
      ["direct", 1],
      ["room", 2],
    ]);
    pair[1].on("question", (reply) => reply("answer"));
    expect(await back.timeout(5_000).emitWithAck("question")).toBe("answer");
  });

  it("leaves out volatile events and events with acks", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running);
    await flushed(running.io, pair[1]);
    const heard = recordNames(pair[1]);
    await away(running, pair, () => {
      running.io.volatile.emit("volatile");
      running.io.timeout(10).emit("with ack", () => {});
      running.io.emit("plain", 1);
    });
    expect(heard).toEqual([["plain", 1]]);
  });

  it("keeps events of before the loss from coming twice", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running);
    const heard = recordNames(pair[1]);
    running.io.emit("before", 1);
    pair[0].emit("before", 2);
    await flushed(running.io, pair[1]);
    await away(running, pair, () => running.io.emit("after", 3));
    expect(heard).toEqual([
      ["before", 1],
      ["before", 2],
      ["after", 3],
    ]);
  });

  it("leaves the rooms and the list of sockets while the client is away", async () => {
    const running = await kit.serve(enabled);
    const pair = await kit.pair(running);
    pair[0].join("room");
    await flushed(running.io, pair[1]);
    await away(running, pair, (socket) => {
      expect(running.io.of("/").sockets.size).toBe(0);
      expect(running.io.of("/").adapter.rooms.has("room")).toBe(false);
      expect(socket.rooms.size).toBe(0);
    });
  });

  describe("is not granted", () => {
    it("when the feature is off", async () => {
      const running = await kit.serve();
      const pair = await kit.pair(running);
      const back = await away(running, pair, () => running.io.emit("missed"));
      expect(back.recovered).toBe(false);
      expect(back.id).not.toBe(pair[0].id);
    });

    it("after the session's time has passed", async () => {
      const running = await kit.serve({ connectionStateRecovery: { maxDisconnectionDuration: 5 } });
      const pair = await kit.pair(running);
      pair[0].join("room");
      await flushed(running.io, pair[1]);
      const heard = recordNames(pair[1]);
      const back = await away(running, pair, async () => {
        running.io.emit("missed");
        const left = Date.now();
        await until("the session's time to pass", () => Date.now() > left + 10);
      });
      expect(back.recovered).toBe(false);
      expect(pair[1].recovered).toBe(false);
      expect(back.id).not.toBe(pair[0].id);
      expect(back.rooms).toEqual(new Set([back.id]));
      expect(heard).toEqual([]);
    });

    it("when the server disconnected the socket", async () => {
      const running = await kit.serve(enabled);
      const [socket, client] = await kit.pair(running);
      await flushed(running.io, client);
      const gone = once(client, "disconnect");
      socket.disconnect();
      await gone;
      const arrival = once<[Socket]>(running.io, "connection");
      client.connect();
      expect((await arrival)[0].recovered).toBe(false);
    });

    it("when the client disconnected the socket", async () => {
      const running = await kit.serve(enabled);
      const [socket, client] = await kit.pair(running);
      await flushed(running.io, client);
      const gone = once(socket, "disconnect");
      client.disconnect();
      await gone;
      const arrival = once<[Socket]>(running.io, "connection");
      client.connect();
      expect((await arrival)[0].recovered).toBe(false);
    });
  });

  describe("with middleware", () => {
    async function counted(options: Partial<ServerOptions>) {
      const running = await kit.serve(options);
      let runs = 0;
      running.io.use((_socket, next) => {
        runs++;
        next();
      });
      const pair = await kit.pair(running);
      await flushed(running.io, pair[1]);
      const back = await away(running, pair, () => {});
      return { back, runs };
    }

    it("skips it for a recovered socket by default", async () => {
      const { back, runs } = await counted(enabled);
      expect(back.recovered).toBe(true);
      expect(runs).toBe(1);
    });

    it("skips it when told to", async () => {
      const { back, runs } = await counted({ connectionStateRecovery: { skipMiddlewares: true } });
      expect(back.recovered).toBe(true);
      expect(runs).toBe(1);
    });

    it("runs it when told to", async () => {
      const { back, runs } = await counted({ connectionStateRecovery: { skipMiddlewares: false } });
      expect(back.recovered).toBe(true);
      expect(runs).toBe(2);
    });

    it("can be refused by it, when told to run it", async () => {
      const running = await kit.serve({ connectionStateRecovery: { skipMiddlewares: false } });
      running.io.use((socket, next) => next(socket.recovered ? new Error("not again") : undefined));
      const [socket, client] = await kit.pair(running);
      await flushed(running.io, client);
      client.io.reconnection(false);
      const gone = once(socket, "disconnect");
      client.io.engine.close();
      await gone;
      const refused = once<[Error]>(client, "connect_error");
      client.connect();
      expect((await refused)[0].message).toBe("not again");
      expect(running.io.of("/").sockets.size).toBe(0);
    });
  });
});
