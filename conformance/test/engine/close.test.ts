import { describe, expect, test } from "vitest";
import { connectEngineClient } from "../../src/clients.ts";
import { eventsOf, nextEvent, turns, until } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";
import { encodeWsFrame, opcodes } from "../../src/ws-frames.ts";

describeEachServer("engine close", (target) => {
  async function polling(options = {}) {
    const server = await startEngine(target, options);
    const client = await PollingClient.connect(server.port);
    const [socket] = await server.connections.next();
    return { ...server, client, socket, closes: eventsOf(socket, "close") };
  }

  async function websocket(options = {}) {
    const server = await startEngine(target, options);
    const client = await WsClient.handshake(server.port);
    const [socket] = await server.connections.next();
    return { ...server, client, socket, closes: eventsOf(socket, "close") };
  }

  test.each(["polling", "websocket"] as const)(
    "of the server comes after what was sent (%s)",
    async (name) => {
      const { engine, httpServer, client, socket } = await (name === "polling" ? polling() : websocket());
      if (client instanceof PollingClient) {
        const { response } = await pending(httpServer, () => client.get());
        socket.send("bye");
        engine.close();
        expect((await response).text).toBe("4bye");
      } else {
        socket.send("bye");
        engine.close();
        expect(await client.next()).toBe("4bye");
        await client.closed;
      }
    },
  );

  test("a close frame that answers the client's comes after what was sent, also to a slow reader", async () => {
    const { port, connections } = await startEngine(target);
    const client = await TcpClient.webSocket(port);
    const [socket] = await connections.next();
    await client.frame();
    client.socket.pause();
    const messages = Array.from({ length: 60 }, (_, i) => String(i).padEnd(200_000, "x"));
    for (const message of messages) socket.send(message);
    const closed = nextEvent(socket, "close");
    await turns(5);
    client.write(encodeWsFrame({ opcode: opcodes.close, payload: Buffer.from([3, 232]) }));
    client.socket.resume();
    for (const message of messages) expect((await client.frame()).payload.toString()).toBe(`4${message}`);
    expect((await client.frame()).opcode).toBe(opcodes.close);
    await closed;
  });

  describe("by the client", () => {
    test("over polling: a close packet, answered by a noop to the pending poll", async () => {
      const { httpServer, client, socket, closes } = await polling();
      const { response } = await pending(httpServer, () => client.get());
      expect((await client.post("1")).text).toBe("ok");
      expect((await response).text).toBe("6");
      expect(await closes.next()).toEqual(["transport close", undefined]);
      expect(socket.readyState).toBe("closed");
      expect((await client.get()).text).toBe('{"code":1,"message":"Session ID unknown"}');
    });

    test("over polling without a pending poll", async () => {
      const { client, closes } = await polling();
      expect((await client.post("1")).text).toBe("ok");
      expect((await closes.next())[0]).toBe("transport close");
    });

    test("over polling: packets before the close packet are heard", async () => {
      const { client, socket, closes } = await polling();
      const messages = eventsOf(socket, "message");
      await client.post("4a\x1e1");
      expect(messages.drain()).toEqual([["a"]]);
      expect((await closes.next())[0]).toBe("transport close");
    });

    test("over polling: packets after the close packet are not heard", async () => {
      const { client, socket, closes } = await polling();
      const messages = eventsOf(socket, "message");
      await client.post("4a\x1e1\x1e4b");
      await closes.next();
      expect(messages.drain()).toEqual([["a"]]);
    });

    test("over WebSocket: a close frame", async () => {
      const { client, socket, closes } = await websocket();
      client.socket.close();
      const [reason] = await closes.next();
      expect(reason).toBe("transport close");
      expect(socket.readyState).toBe("closed");
      expect((await client.closed).code).toBe(1005);
    });

    test("over WebSocket: with a code, which is echoed", async () => {
      const { client, closes } = await websocket();
      client.socket.close(4001, "bye");
      expect((await closes.next())[0]).toBe("transport close");
      expect((await client.closed).code).toBe(4001);
    });

    test("over WebSocket: the TCP connection just ends", async () => {
      const { client, closes } = await websocket();
      client.socket.terminate();
      expect((await closes.next())[0]).toBe("transport close");
    });

    test("over WebSocket: the TCP connection is reset", async () => {
      const { port, connections } = await startEngine(target);
      const tcp = await TcpClient.webSocket(port);
      const [socket] = await connections.next();
      const closes = eventsOf(socket, "close");
      tcp.socket.resetAndDestroy();
      expect((await closes.next())[0]).toMatch(/^transport (close|error)$/);
    });

    test("over WebSocket: a close packet alone closes nothing", async () => {
      const { client, socket } = await websocket();
      const packets = eventsOf(socket, "packet");
      client.send("1");
      expect(await packets.next()).toEqual([{ type: "close" }]);
      expect(socket.readyState).toBe("open");
    });

    test("with the stock client", async () => {
      for (const transports of [["polling"], ["websocket"]]) {
        const { url, connections } = await startEngine(target);
        const client = await connectEngineClient(url, { transports });
        const [socket] = await connections.next();
        const closes = eventsOf(socket, "close");
        await until(() => client.readyState === "open", "the client to open");
        client.close();
        expect((await closes.next())[0]).toBe("transport close");
      }
    });
  });

  describe("by the server", () => {
    test("over WebSocket: the connection ends, without a close packet", async () => {
      const { client, socket, closes } = await websocket();
      socket.close();
      expect(await closes.next()).toEqual(["forced close", undefined]);
      expect(socket.readyState).toBe("closed");
      expect((await client.closed).code).toBe(1005);
      expect(client.messages.size).toBe(0);
    });

    test("over WebSocket: what was sent before arrives before", async () => {
      const { client, socket } = await websocket();
      for (let i = 0; i < 50; i++) socket.send(`m${i}`);
      socket.close();
      for (let i = 0; i < 50; i++) expect(await client.next()).toBe(`4m${i}`);
      await client.closed;
    });

    test("over polling with a pending poll: a close packet at once", async () => {
      const { httpServer, client, socket, closes } = await polling();
      const { response } = await pending(httpServer, () => client.get());
      socket.close();
      expect(await response).toMatchObject({ status: 200, text: "1" });
      expect((await closes.next())[0]).toBe("forced close");
      expect(socket.readyState).toBe("closed");
    });

    test("over polling without a pending poll: with the next one", async () => {
      const { client, socket, closes } = await polling();
      socket.close();
      expect(socket.readyState).toBe("closing");
      expect(closes.size).toBe(0);
      expect((await client.get()).text).toBe("6\x1e1");
      expect((await closes.next())[0]).toBe("forced close");
      expect(socket.readyState).toBe("closed");
      expect((await client.get()).status).toBe(400);
    });

    test("over polling with unsent messages: they come first", async () => {
      const { client, socket, closes } = await polling();
      socket.send("a");
      socket.send("b");
      socket.close();
      expect(socket.readyState).toBe("closing");
      const packets: string[] = [];
      while (!packets.includes("1")) packets.push(...(await client.poll()));
      expect(packets.filter((packet) => packet !== "6")).toEqual(["4a", "4b", "1"]);
      expect((await closes.next())[0]).toBe("forced close");
    });

    test("close(true) over polling discards what was not sent and does not wait for a poll", async () => {
      const { client, socket, closes } = await polling();
      socket.send("a");
      socket.close(true);
      expect((await closes.next())[0]).toBe("forced close");
      expect(socket.readyState).toBe("closed");
      expect((await client.get()).status).toBe(400);
    });

    test("close(true) over polling answers a pending poll", async () => {
      const { httpServer, client, socket, closes } = await polling();
      const { response } = await pending(httpServer, () => client.get());
      socket.close(true);
      expect((await response).text).toBe("1");
      expect((await closes.next())[0]).toBe("forced close");
    });

    test("close(true) ends a close that still waits for its poll", async () => {
      const { socket, closes } = await polling();
      socket.send("a");
      socket.close();
      expect(socket.readyState).toBe("closing");
      socket.close(true);
      expect((await closes.next())[0]).toBe("forced close");
      expect(socket.readyState).toBe("closed");
    });

    test("close(true) over WebSocket", async () => {
      const { client, socket, closes } = await websocket();
      socket.close(true);
      expect((await closes.next())[0]).toBe("forced close");
      await client.closed;
    });

    test("is heard once however often it is asked for", async () => {
      const { client, socket, closes } = await websocket();
      socket.close();
      socket.close();
      socket.close(true);
      await client.closed;
      await turns(5);
      expect(closes.drain().length).toBe(1);
    });

    test("within the connection event", async () => {
      const { engine, port } = await startEngine(target);
      engine.on("connection", (socket) => socket.close());
      const ws = await WsClient.connect(port);
      await ws.closed;
      const client = await PollingClient.connect(port);
      expect((await client.get()).text).toBe("6\x1e1");
      await until(() => engine.clientsCount === 0, "the sockets to be gone");
    });

    test("within a message handler", async () => {
      const { client, socket, closes } = await websocket();
      socket.on("message", () => socket.close());
      client.send("4bye");
      client.send("4not heard");
      await client.closed;
      expect((await closes.next())[0]).toBe("forced close");
    });

    test("within a message handler over polling: later packets of the payload are not heard", async () => {
      const { client, socket } = await polling();
      const messages = eventsOf(socket, "message");
      socket.on("message", () => socket.close());
      await client.post("4a\x1e4b").catch(() => {});
      expect(messages.drain()).toEqual([["a"]]);
    });

    test("with the stock client, which learns it as a transport close", async () => {
      for (const transports of [["polling"], ["websocket"]]) {
        const { url, connections } = await startEngine(target);
        const client = await connectEngineClient(url, { transports });
        const closed = nextEvent(client, "close");
        const [socket] = await connections.next();
        await until(() => client.readyState === "open", "the client to open");
        socket.close();
        expect((await closed)[0]).toBe("transport close");
      }
    });
  });

  describe("after the close", () => {
    test("send does nothing and calls nothing back", async () => {
      const { client, socket, closes } = await websocket();
      client.socket.close();
      await closes.next();
      let called = false;
      expect(
        socket.send("late", () => {
          called = true;
        }),
      ).toBe(socket);
      await turns(5);
      expect(called).toBe(false);
      expect(closes.size).toBe(0);
    });

    test("send during closing does nothing", async () => {
      const { client, socket } = await polling();
      socket.close();
      socket.send("late");
      expect((await client.get()).text).toBe("6\x1e1");
    });

    test("the close listener finds the socket gone from the server and closed", async () => {
      const { engine, client, socket } = await websocket();
      const seen = new Promise((resolve) => {
        socket.once("close", () =>
          resolve([socket.readyState, engine.clientsCount, socket.id in engine.clients]),
        );
      });
      client.socket.terminate();
      expect(await seen).toEqual(["closed", 0, false]);
    });

    test("an exception-free life: closing again changes nothing", async () => {
      const { client, socket, closes } = await websocket();
      client.socket.terminate();
      await closes.next();
      socket.close();
      socket.close(true);
      await turns(5);
      expect(closes.size).toBe(0);
    });
  });

  describe("parse error", () => {
    test.each(["abc", "", "7", "9hello", "x", " 4a", "-1", "\u00004", "é", "a4hello"])(
      "for the text %j on a WebSocket",
      async (text) => {
        const { client, closes } = await websocket();
        client.send(text);
        expect((await closes.next())[0]).toBe("parse error");
        await client.closed;
      },
    );

    test.each(["abc", "", "7", "\x1e", "\x1e4a", "x\x1e4a"])(
      "for the payload %j over polling",
      async (payload) => {
        const { client, socket, closes } = await polling();
        const messages = eventsOf(socket, "message");
        // whether the request is still answered is not specified, the end of the session is
        await client.post(payload).catch(() => {});
        expect((await closes.next())[0]).toBe("parse error");
        expect(messages.drain()).toEqual([]);
        expect((await client.get()).text).toBe('{"code":1,"message":"Session ID unknown"}');
      },
    );

    test("packets before the bad one are heard, those after it are not", async () => {
      const { client, socket, closes } = await polling();
      const messages = eventsOf(socket, "message");
      await client.post("4a\x1ex\x1e4b").catch(() => {});
      expect((await closes.next())[0]).toBe("parse error");
      expect(messages.drain()).toEqual([["a"]]);
    });

    test("ends a pending poll with a close packet", async () => {
      const { httpServer, client } = await polling();
      const { response } = await pending(httpServer, () => client.get());
      await client.post("abc").catch(() => {});
      expect((await response).text).toBe("1");
    });

    test("harms no other client", async () => {
      const { port, connections, client, closes } = await websocket();
      const other = await WsClient.handshake(port);
      const [otherSocket] = await connections.next();
      client.send("abc");
      await closes.next();
      otherSocket.send("still here");
      expect(await other.next()).toBe("4still here");
    });
  });

  test("a server close during an unfinished POST cuts it", async () => {
    const { httpServer, port, client, socket, closes } = await polling();
    const tcp = await TcpClient.connect(port);
    const arrived = nextEvent(httpServer, "request");
    tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4unfinished`);
    await arrived;
    await turns(3);
    socket.close(true);
    expect((await closes.next())[0]).toMatch(/^(forced close|transport error)$/);
    await tcp.closed;
  });

  test("a WebSocket that answers a close frame late is gone for the application already", async () => {
    const { port, connections } = await startEngine(target);
    const tcp = await TcpClient.webSocket(port);
    await tcp.text();
    const [socket] = await connections.next();
    const closes = eventsOf(socket, "close");
    socket.close();
    expect((await closes.next())[0]).toBe("forced close");
    expect((await tcp.frame()).opcode).toBe(opcodes.close);
    tcp.write(encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from("4late") }));
    tcp.write(encodeWsFrame({ opcode: opcodes.close, payload: Buffer.alloc(0) }));
    await tcp.closed;
  });
});
