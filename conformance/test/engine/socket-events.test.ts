import { describe, expect, test } from "vitest";
import type { EnginePacket, EngineSocket } from "../../src/engine-api.ts";
import { eventsOf, nextEvent, turns } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

const transports = ["polling", "websocket"] as const;

describeEachServer("engine socket events", (target) => {
  async function open(transport: (typeof transports)[number], options = {}) {
    const server = await startEngine(target, options);
    const client =
      transport === "polling"
        ? await PollingClient.connect(server.port)
        : await WsClient.handshake(server.port);
    const [socket] = await server.connections.next();
    return { ...server, client, socket };
  }

  describe.each(transports)("over %s", (transport) => {
    test("packetCreate tells each packet to be sent, with its options", async () => {
      const { socket, client } = await open(transport);
      const created = eventsOf<[EnginePacket]>(socket, "packetCreate");
      socket.send("a");
      socket.send("b", { compress: false });
      socket.send("c", { compress: true });
      const packets = (await created.take(3)).map(([packet]) => packet);
      expect(packets).toMatchObject([
        { type: "message", data: "a", options: { compress: true } },
        { type: "message", data: "b", options: { compress: false } },
        { type: "message", data: "c", options: { compress: true } },
      ]);
      for (const text of ["4a", "4b", "4c"]) expect(await client.next()).toBe(text);
    });

    test("flush and drain surround a write, on the socket and on the server", async () => {
      const { engine, socket, client } = await open(transport);
      const flushed = nextEvent<[EnginePacket[]]>(socket, "flush");
      const serverFlushed = nextEvent<[EngineSocket, EnginePacket[]]>(engine, "flush");
      const drained = nextEvent(socket, "drain");
      const serverDrained = nextEvent<[EngineSocket]>(engine, "drain");
      const order: string[] = [];
      socket.once("flush", () => order.push("flush"));
      engine.once("flush", () => order.push("server flush"));
      socket.once("drain", () => order.push("drain"));
      engine.once("drain", () => order.push("server drain"));
      socket.send("hello");
      expect(await client.next()).toBe("4hello");
      expect((await flushed)[0]).toMatchObject([{ type: "message", data: "hello" }]);
      const [flushedSocket, packets] = await serverFlushed;
      expect(flushedSocket).toBe(socket);
      expect(packets).toMatchObject([{ type: "message", data: "hello" }]);
      await drained;
      expect((await serverDrained)[0]).toBe(socket);
      expect(order).toEqual(["flush", "server flush", "drain", "server drain"]);
    });

    test("the callback of send is called with the transport once the packet is written", async () => {
      const { socket, client } = await open(transport);
      const sent = new Promise((resolve) => socket.send("a", resolve));
      expect(await client.next()).toBe("4a");
      expect(await sent).toBe(socket.transport);
    });

    test("the callback may follow options", async () => {
      const { socket, client } = await open(transport);
      const sent = new Promise((resolve) => socket.send("a", { compress: true }, resolve));
      expect(await client.next()).toBe("4a");
      await sent;
      const written = new Promise((resolve) => socket.write("b", {}, resolve));
      expect(await client.next()).toBe("4b");
      await written;
    });

    test("callbacks come in the order of their sends, each once", async () => {
      const { socket, client } = await open(transport);
      const calls: number[] = [];
      const all = new Promise<void>((resolve) => {
        for (let i = 0; i < 50; i++) {
          socket.send(`m${i}`, () => {
            calls.push(i);
            if (i === 49) resolve();
          });
        }
      });
      for (let i = 0; i < 50; i++) expect(await client.next()).toBe(`4m${i}`);
      await all;
      await turns(5);
      expect(calls).toEqual(Array.from({ length: 50 }, (_, i) => i));
    });

    test("a callback may send and get the next callback", async () => {
      const { socket, client } = await open(transport);
      const second = new Promise((resolve) => socket.send("a", () => socket.send("b", resolve)));
      expect(await client.next()).toBe("4a");
      expect(await client.next()).toBe("4b");
      await second;
    });

    test("sends without a callback between those with one do not mix them up", async () => {
      const { socket, client } = await open(transport);
      const calls: string[] = [];
      socket.send("a", () => calls.push("a"));
      socket.send("b");
      const done = new Promise<void>((resolve) => {
        socket.send("c", () => {
          calls.push("c");
          resolve();
        });
      });
      for (const text of ["4a", "4b", "4c"]) expect(await client.next()).toBe(text);
      await done;
      expect(calls).toEqual(["a", "c"]);
    });

    test("callbacks work for binary", async () => {
      const { socket, client } = await open(transport);
      const sent = new Promise((resolve) => socket.send(Buffer.from([1, 2, 3, 4]), resolve));
      if (client instanceof PollingClient) expect(await client.next()).toBe("bAQIDBA==");
      else expect(await client.nextBinary()).toEqual(Buffer.from([1, 2, 3, 4]));
      await sent;
    });

    test("readyState goes open, closing, closed", async () => {
      const { socket, client } = await open(transport);
      expect(socket.readyState).toBe("open");
      socket.send("last");
      const closed = nextEvent(socket, "close");
      if (transport === "polling") {
        socket.close();
        expect(socket.readyState).toBe("closing");
        (client as PollingClient).next().catch(() => {});
        (client as PollingClient).next().catch(() => {});
      } else {
        socket.close();
        expect(socket.readyState).toMatch(/^(closing|closed)$/);
      }
      await closed;
      expect(socket.readyState).toBe("closed");
    });
  });

  test("over polling nothing is flushed before the poll is there", async () => {
    const { httpServer, socket, client } = await open("polling");
    const flushes = eventsOf(socket, "flush");
    let called = false;
    socket.send("a", () => {
      called = true;
    });
    await turns(5);
    expect(flushes.size).toBe(0);
    expect(called).toBe(false);
    const { response } = await pending(httpServer, () => client.next() as Promise<string>);
    expect(await response).toBe("4a");
    await flushes.next();
    expect(called).toBe(true);
  });

  test("a callback whose packet was discarded is not called", async () => {
    const { socket } = await open("polling");
    let called = false;
    socket.send("a", () => {
      called = true;
    });
    const closed = nextEvent(socket, "close");
    socket.close(true);
    await closed;
    await turns(5);
    expect(called).toBe(false);
  });

  test("the open event has been emitted when the connection event comes: it is too late to hear it", async () => {
    const { engine, port } = await startEngine(target);
    let opened = false;
    engine.on("connection", (socket: EngineSocket) => {
      socket.on("open", () => {
        opened = true;
      });
    });
    await WsClient.handshake(port);
    await turns(5);
    expect(opened).toBe(false);
  });

  test("the server's flush event shows the open packet", async () => {
    const { engine, port } = await startEngine(target);
    const flushes = eventsOf<[EngineSocket, EnginePacket[]]>(engine, "flush");
    const client = await WsClient.handshake(port);
    const [socket, packets] = await flushes.next();
    expect(socket.id).toBe(client.open.sid);
    expect(packets[0]?.type).toBe("open");
  });

  test("an exception in a listener is the program's, and reaches it", async () => {
    const { socket } = await open("websocket");
    socket.on("message", () => {
      throw new Error("from the listener");
    });
    expect(() => socket.emit("message", "x")).toThrow("from the listener");
  });
});
