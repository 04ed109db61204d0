import { describe, expect, test } from "vitest";
import { eventsOf, nextEvent, turns } from "../../src/events.ts";
import { closedPort, describePairs, transportCases } from "./support.ts";

describePairs("a socket", (pair) => {
  test.each(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])(
    "refuses to send the reserved event %s",
    async (name) => {
      const client = pair.connect("http://localhost:1", { autoConnect: false });
      expect(() => client.emit(name)).toThrow(`"${name}" is a reserved event name`);
    },
  );

  test("send() is an event called message", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    const message = nextEvent(socket, "message");
    expect(client.send("a", 1)).toBe(client);
    expect(await message).toEqual(["a", 1]);
  });

  describe("its listeners", () => {
    test("are added, run once, removed and listed", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running);
      const heard: string[] = [];
      const first = () => heard.push("first");
      const second = () => heard.push("second");
      const once = () => heard.push("once");
      client.on("a", first).on("a", second).once("a", once);
      expect(client.listeners("a")).toHaveLength(3);
      expect(client.hasListeners("a")).toBe(true);
      client.off("a", second);
      socket.emit("a");
      socket.emit("a");
      await socket
        .timeout(2000)
        .emitWithAck("fence")
        .catch(() => {});
      expect(heard).toEqual(["first", "once", "first"]);
      client.off("a");
      expect(client.hasListeners("a")).toBe(false);
      client.on("a", first).on("b", first);
      client.removeAllListeners();
      expect(client.listeners("b")).toEqual([]);
      client.once("a", once).off("a", once);
      expect(client.listeners("a")).toEqual([]);
    }, 10_000);

    test("removing an unknown listener removes none", () => {
      const client = pair.connect("http://localhost:1", { autoConnect: false });
      client.on("a", () => {});
      client.off("a", () => {});
      expect(client.listeners("a")).toHaveLength(1);
    });

    test("one that is added or removed by another changes nothing in this round", () => {
      const client = pair.connect("http://localhost:1", { autoConnect: false });
      const manager = client.io as unknown as {
        on(e: string, f: () => void): void;
        emit(e: string): void;
        off(e: string): void;
      };
      const heard: string[] = [];
      manager.on("x", () => {
        heard.push("first");
        manager.off("x");
      });
      manager.on("x", () => heard.push("second"));
      manager.emit("x");
      manager.emit("x");
      expect(heard).toEqual(["first", "second"]);
    });
  });

  describe.each(transportCases)("acknowledgements over %s", (_, transports) => {
    test("go both ways", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports });
      socket.on("add", (a, b, answer) => answer(a + b, "more"));
      expect(
        await new Promise((resolve) => client.emit("add", 1, 2, (...args: unknown[]) => resolve(args))),
      ).toEqual([3, "more"]);
      client.on("ask", (question, answer) => answer(`${question}!`));
      expect(await socket.emitWithAck("ask", "well")).toBe("well!");
    });

    test("a time-out gives an error, and what comes later is ignored", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports });
      const asked = new Promise<() => void>((resolve) => socket.on("late", (answer) => resolve(answer)));
      const errors: unknown[][] = [];
      const timedOut = new Promise<void>((resolve) => {
        client.timeout(30).emit("late", (...args: unknown[]) => {
          errors.push(args);
          resolve();
        });
      });
      const answer = await asked;
      await timedOut;
      answer();
      await client
        .timeout(2000)
        .emitWithAck("nobody")
        .catch(() => {});
      expect(errors).toHaveLength(1);
      expect((errors[0] as [Error])[0].message).toBe("operation has timed out");
    }, 10_000);
  });

  test("an answer in time comes with null as error", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    socket.on("ping me", (answer) => answer("pong", 2));
    expect(
      await new Promise((resolve) =>
        client.timeout(2000).emit("ping me", (...args: unknown[]) => resolve(args)),
      ),
    ).toEqual([null, "pong", 2]);
    expect(await client.timeout(2000).emitWithAck("ping me")).toBe("pong");
  });

  test("ackTimeout is the time-out of every acknowledgement", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { ackTimeout: 20 });
    const [error] = await new Promise<unknown[]>((resolve) =>
      client.emit("x", (...args: unknown[]) => resolve(args)),
    );
    expect((error as Error).message).toBe("operation has timed out");
    await expect(client.emitWithAck("x")).rejects.toThrow("operation has timed out");
  });

  test("a listener's acknowledgement counts once", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    client.on("twice", (answer) => {
      answer(1);
      answer(2);
    });
    const answers: unknown[] = [];
    socket.emit("twice", (answer: unknown) => answers.push(answer));
    client.on("fence", (answer) => answer());
    await socket.emitWithAck("fence");
    expect(answers).toEqual([1]);
  });

  test("an ack is called with the socket as this", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    socket.on("x", (answer) => answer());
    const self = await new Promise((resolve) => {
      client.emit("x", function (this: unknown) {
        resolve(this);
      });
    });
    expect(self).toBe(client);
  });

  describe("while it is offline", () => {
    test("events wait in order, with their acknowledgements, and are sent before the connect event", async () => {
      const running = await pair.serve();
      const heard: unknown[] = [];
      running.io.on("connection", (socket) => {
        socket.onAny((name) => heard.push(name));
        socket.on("b", (answer) => answer("answered"));
      });
      const client = pair.connect(running, { autoConnect: false });
      client.emit("a");
      const answer = client.emitWithAck("b");
      expect(client.sendBuffer).toHaveLength(2);
      client.on("connect", () => client.emit("c"));
      client.connect();
      expect(await answer).toBe("answered");
      await client
        .timeout(2000)
        .emitWithAck("d")
        .catch(() => {});
      expect(heard).toEqual(["a", "b", "c", "d"]);
      expect(client.sendBuffer).toEqual([]);
    }, 10_000);

    test("an event whose time is over is taken back", async () => {
      const client = pair.connect(`http://localhost:${await closedPort()}`);
      await expect(client.timeout(20).emitWithAck("a")).rejects.toThrow("operation has timed out");
      expect(client.sendBuffer).toEqual([]);
    });

    test("volatile events are dropped", async () => {
      const running = await pair.serve();
      const heard: unknown[] = [];
      running.io.on("connection", (socket) => socket.onAny((name) => heard.push(name)));
      const client = pair.connect(running, { autoConnect: false });
      client.volatile.emit("lost");
      client.emit("kept");
      client.connect();
      await client
        .timeout(500)
        .emitWithAck("end")
        .catch(() => {});
      expect(heard).toEqual(["kept", "end"]);
    });
  });

  test("volatile events are sent when they can be", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { transports: ["websocket"] });
    const heard = nextEvent(socket, "v");
    await turns(2);
    client.volatile.emit("v", 1);
    expect(await heard).toEqual([1]);
  });

  test("volatile counts for one event only", async () => {
    const client = pair.connect("http://localhost:1", { autoConnect: false });
    client.volatile.emit("a");
    client.emit("b");
    expect(client.sendBuffer).toHaveLength(1);
  });

  test("an acknowledgement that is pending when the connection is lost fails only if it takes an error", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { reconnection: false });
    const called: [string, Error?][] = [];
    client.emit("plain", () => called.push(["plain"]));
    client.timeout(5000).emit("timed", (error: Error) => called.push(["timed", error]));
    const promised = client.emitWithAck("promised");
    client.io.engine.close();
    await expect(promised).rejects.toThrow("socket has been disconnected");
    expect(called.map(([name, error]) => [name, error?.message])).toEqual([
      ["timed", "socket has been disconnected"],
    ]);
  });

  test("compress(false) marks the packet", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running);
    const created = eventsOf<[{ type: string; options: { compress: boolean } }]>(
      client.io.engine,
      "packetCreate",
    );
    client.compress(false).emit("a");
    client.emit("b");
    expect((await created.next())[0]).toMatchObject({ type: "message", options: { compress: false } });
    expect((await created.next())[0]).toMatchObject({ type: "message", options: { compress: true } });
  });

  test("catch-all listeners hear what comes in", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    const heard: unknown[][] = [];
    const second = (...args: unknown[]) => heard.push(["second", ...args]);
    client.onAny(second);
    client.prependAny((...args) => heard.push(["first", ...args]));
    expect(client.listenersAny()).toHaveLength(2);
    socket.emit("a", 1);
    await nextEvent(client, "a");
    client.offAny(second);
    client.offAny(() => {});
    socket.emit("b");
    await nextEvent(client, "b");
    client.offAny();
    socket.emit("c");
    await nextEvent(client, "c");
    expect(client.listenersAny()).toEqual([]);
    expect(heard).toEqual([
      ["first", "a", 1],
      ["second", "a", 1],
      ["first", "b"],
    ]);
  });

  test("catch-all listeners hear what goes out, buffered events when they are sent", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, { autoConnect: false });
    const heard: unknown[][] = [];
    const second = (...args: unknown[]) => heard.push(["second", ...args]);
    client.onAnyOutgoing(second);
    client.prependAnyOutgoing((...args) => heard.push(["first", ...args]));
    expect(client.listenersAnyOutgoing()).toHaveLength(2);
    client.emit("a", 1);
    expect(heard).toEqual([]);
    client.connect();
    await nextEvent(client, "connect");
    client.offAnyOutgoing(second);
    client.emit("b");
    client.offAnyOutgoing();
    client.emit("c");
    expect(heard).toEqual([
      ["first", "a", 1],
      ["second", "a", 1],
      ["first", "b"],
    ]);
  });

  describe("disconnects", () => {
    test("by itself, once and for all", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running);
      const reasons = eventsOf<[string]>(client, "disconnect");
      const gone = nextEvent<[string]>(socket, "disconnect");
      client.close();
      expect((await reasons.next())[0]).toBe("io client disconnect");
      expect((await gone)[0]).toBe("client namespace disconnect");
      expect(client.active).toBe(false);
    });

    test("when the server says so, and does not come back", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running);
      const reason = nextEvent<[string]>(client, "disconnect");
      socket.disconnect();
      expect((await reason)[0]).toBe("io server disconnect");
      expect(client.active).toBe(false);
    });

    test.each([
      ["polling", "transport close"],
      ["websocket", "transport close"],
    ])("with details when the transport %s ends", async (transport, expected) => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports: [transport], reconnection: false });
      const event = nextEvent<[string, { description: string; context?: unknown }]>(client, "disconnect");
      socket.conn.close();
      const [reason, details] = await event;
      expect(reason).toBe(expected);
      expect(details.description).toBe(
        transport === "polling" ? "transport closed by the server" : "websocket connection closed",
      );
      if (transport === "websocket") expect((details.context as { code: number }).code).toBeTypeOf("number");
    });

    test("with the error of a request that fails", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports: ["polling"], reconnection: false });
      const event = nextEvent<[string, Error & { description: number; context: { responseText: string } }]>(
        client,
        "disconnect",
      );
      // the answer is cut off, and so is the poll that waits by then
      socket.on("cut", () => setImmediate(() => running.http.closeAllConnections()));
      client.emit("cut");
      const [reason, error] = await event;
      expect(reason).toBe("transport error");
      expect(error).toBeInstanceOf(Error);
      expect(error.message).toMatch(/^xhr (poll|post) error$/);
      expect(error.description).toBe(0);
      expect(error.context).toBeDefined();
    });

    test("with the status when the session is gone", async () => {
      const running = await pair.serve();
      const [client] = await pair.joined(running, { transports: ["polling"], reconnection: false });
      const event = nextEvent<[string, { description: number; context: { status: number } }]>(
        client,
        "disconnect",
      );
      (client.io.engine.transport as unknown as { opts: { query: { sid: string } } }).opts.query.sid =
        "unknown";
      client.emit("x");
      const [reason, error] = await event;
      expect(reason).toBe("transport error");
      expect(error.description).toBe(400);
      expect(error.context.status).toBe(400);
    });

    test("on what cannot be understood", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { reconnection: false });
      const event = nextEvent<[string, Error]>(client, "disconnect");
      socket.conn.write("bad");
      const [reason, error] = await event;
      expect(reason).toBe("parse error");
      expect(error).toBeInstanceOf(Error);
    });
  });
});
