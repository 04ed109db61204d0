import { Adapter, type Session, SessionAwareAdapter } from "socket.io-adapter";
import { describe, expect, it } from "vitest";
import type { PollingClient } from "../../src/polling-client.ts";
import {
  type ClientSocket,
  conformance,
  flushed,
  once,
  type Running,
  type ServerOptions,
  type Socket,
  settled,
  transportCases,
  until,
} from "./support.ts";

/** Records name and first argument: the last argument of an event may be its offset. */
function recordNames(client: ClientSocket): unknown[][] {
  const heard: unknown[][] = [];
  client.onAny((name, value) => {
    if (!String(name).startsWith("fence-")) heard.push([name, value]);
  });
  return heard;
}

conformance("connection state recovery", (kit) => {
  const enabled = { connectionStateRecovery: {} };

  /**
   * A client that got one event, and thus an offset, and then lost its connection. `meanwhile` runs while it is
   * away; resolves once it is back, with its new socket on the server.
   */
  async function away(
    running: Running,
    [socket, client]: [Socket, ClientSocket],
    meanwhile: (socket: Socket) => unknown,
  ): Promise<Socket> {
    const gone = once(socket, "disconnect");
    const arrival = once<[Socket]>(socket.nsp, "connection");
    client.io.reconnection(false);
    client.io.engine.close();
    await gone;
    await meanwhile(socket);
    client.connect();
    await settled(client);
    const [back] = await arrival;
    await flushed(running.io.of(socket.nsp.name), client);
    return back;
  }

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

    for (const [what, auth] of [
      ["a pid that nobody has", '{"pid":"unknown","offset":"$offset"}'],
      ["a pid that is no text", '{"pid":1,"offset":"$offset"}'],
      ["a pid that is an object", '{"pid":{"a":1},"offset":"$offset"}'],
      ["a pid named as objects' own parts are", '{"pid":"__proto__","offset":"$offset"}'],
      ["an unknown offset", '{"pid":"$pid","offset":"unknown"}'],
      ["no offset", '{"pid":"$pid"}'],
      ["an offset that is no text", '{"pid":"$pid","offset":1}'],
    ]) {
      it(`for ${what}, and the client is connected anew`, async () => {
        const running = await kit.serve(enabled);
        const { pid, offset } = await lostSession(running);
        const polling = await kit.rawPolling(running);
        await polling.send(`40${auth!.replace("$pid", pid).replace("$offset", offset)}`);
        const packet = await polling.next();
        expect(packet.startsWith("40")).toBe(true);
        const answer = JSON.parse(packet.slice(2));
        expect(answer.pid).not.toBe(pid);
        const [socket] = running.io.of("/").sockets.values();
        expect(socket!.recovered).toBe(false);
        expect(socket!.id).toBe(answer.sid);
      });
    }
  });

  /** A raw session that got one event and lost its connection, with what it takes to come back. */
  async function lostSession(running: Running): Promise<{ sid: string; pid: string; offset: string }> {
    const arrival = once<[Socket]>(running.io, "connection");
    const polling: PollingClient = await kit.rawPolling(running);
    await polling.send("40");
    const { sid, pid } = JSON.parse((await polling.next()).slice(2));
    const [socket] = await arrival;
    socket.join("room1");
    running.io.to("room1").emit("first", 1);
    const [name, value, offset] = JSON.parse((await polling.next()).slice(2));
    expect([name, value]).toEqual(["first", 1]);
    const gone = once<[string]>(socket, "disconnect");
    await polling.send("1");
    expect((await gone)[0]).toBe("transport close");
    return { sid, pid, offset };
  }

  describe("in raw packets", () => {
    it("gives a private id with CONNECT and an offset at the end of each event", async () => {
      const running = await kit.serve(enabled);
      const { sid, pid, offset } = await lostSession(running);
      expect(sid).toBeTypeOf("string");
      expect(pid).toBeTypeOf("string");
      expect(pid).not.toBe(sid);
      expect(offset).toBeTypeOf("string");
    });

    it("sends what was missed before the answer to CONNECT", async () => {
      const running = await kit.serve(enabled);
      const { sid, pid, offset } = await lostSession(running);
      running.io.emit("to all", 2);
      running.io.to("room1").emit("to room1", 3, "text");
      running.io.to("room2").emit("to room2", 4);
      const polling = await kit.rawPolling(running);
      await polling.send(`40${JSON.stringify({ pid, offset })}`);
      const [first, second, connect] = await polling.take(3);
      expect(JSON.parse(first!.slice(2)).slice(0, 2)).toEqual(["to all", 2]);
      expect(JSON.parse(second!.slice(2)).slice(0, 3)).toEqual(["to room1", 3, "text"]);
      expect(connect).toBe(`40${JSON.stringify({ sid, pid })}`);
    });

    it("replays from the offset that is asked for", async () => {
      const running = await kit.serve(enabled);
      const { pid, offset, sid } = await lostSession(running);
      running.io.emit("second");
      const back = await kit.rawPolling(running);
      await back.send(`40${JSON.stringify({ pid, offset })}`);
      const [second] = await back.take(2);
      const later = JSON.parse(second!.slice(2)).at(-1);
      expect(later).not.toBe(offset);
      const [socket] = running.io.of("/").sockets.values();
      const gone = once(socket!, "disconnect");
      await back.send("1");
      await gone;
      running.io.emit("third");
      const again = await kit.rawPolling(running);
      await again.send(`40${JSON.stringify({ pid, offset: later })}`);
      const [third, connect] = await again.take(2);
      expect(JSON.parse(third!.slice(2))[0]).toBe("third");
      expect(connect).toBe(`40${JSON.stringify({ sid, pid })}`);
    });

    it("leaves events with acks without an offset", async () => {
      const running = await kit.serve(enabled);
      const raw = await kit.rawWebSocket(running);
      raw.send("40");
      await raw.next();
      const [socket] = running.io.of("/").sockets.values();
      socket!.emit("question", "text", () => {});
      expect(await raw.next()).toBe('420["question","text"]');
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

  describe("with an adapter of the program", () => {
    it("saves and restores the session there", async () => {
      const saved: Record<string, unknown>[] = [];
      const asked: unknown[] = [];
      class Keeping extends Adapter {
        override persistSession(session: Parameters<Adapter["persistSession"]>[0]) {
          saved.push({ ...session });
        }
        override async restoreSession(pid: string, offset: string): Promise<Session> {
          asked.push([pid, offset]);
          return {
            sid: "the-same-id",
            pid: pid as never,
            rooms: ["a", "b"],
            data: { user: "ada" },
            missedPackets: [
              ["missed", 1],
              ["missed", Buffer.from([2])],
            ],
          } as unknown as Session;
        }
      }
      const running = await kit.serve({ ...enabled, adapter: Keeping as never });
      const [socket, client] = await kit.pair(running);
      socket.join("room");
      socket.data.n = 1;
      const gone = once(socket, "disconnect");
      client.disconnect();
      await gone;
      expect(saved).toEqual([]);
      const [second, other] = await kit.pair(running);
      second.join("room");
      second.data.n = 2;
      const lost = once(second, "disconnect");
      other.io.engine.close();
      await lost;
      expect(saved).toHaveLength(1);
      expect(saved[0]).toMatchObject({ sid: second.id, rooms: [second.id, "room"], data: { n: 2 } });
      const pid = String(saved[0]!.pid);
      other.disconnect();
      const raw = await kit.rawWebSocket(running);
      raw.send(`40${JSON.stringify({ pid, offset: "here" })}`);
      expect(await raw.next()).toBe('42["missed",1]');
      expect(await raw.next()).toBe('451-["missed",{"_placeholder":true,"num":0}]');
      expect(await raw.nextBinary()).toEqual(Buffer.from([2]));
      expect(await raw.next()).toBe(`40${JSON.stringify({ sid: "the-same-id", pid })}`);
      expect(asked).toEqual([[pid, "here"]]);
      const back = running.io.of("/").sockets.get("the-same-id");
      expect(back!.recovered).toBe(true);
      expect(back!.rooms).toEqual(new Set(["a", "b", "the-same-id"]));
      expect(back!.data).toEqual({ user: "ada" });
    });

    it("connects anew when restoring fails", async () => {
      class Failing extends Adapter {
        override restoreSession(): Promise<Session> {
          return Promise.reject(new Error("storage is down"));
        }
      }
      const running = await kit.serve({ ...enabled, adapter: Failing as never });
      const raw = await kit.rawWebSocket(running);
      raw.send('40{"pid":"x","offset":"y"}');
      expect(await raw.next()).toMatch(/^40\{"sid":"[\w-]+","pid":"[\w-]+"\}$/);
      const [socket] = running.io.of("/").sockets.values();
      expect(socket!.recovered).toBe(false);
    });

    it("works with Socket.IO's session-aware adapter", async () => {
      const running = await kit.serve({ ...enabled, adapter: SessionAwareAdapter as never });
      const pair = await kit.pair(running);
      pair[0].join("room");
      await flushed(running.io, pair[1]);
      const heard = recordNames(pair[1]);
      const back = await away(running, pair, () => running.io.to("room").emit("missed", 1));
      expect(back.recovered).toBe(true);
      expect(heard).toEqual([["missed", 1]]);
    });
  });
});
