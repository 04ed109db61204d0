import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { connectEngineClient } from "../../src/clients.ts";
import type { EngineSocket } from "../../src/engine-api.ts";
import { eventsOf, nextEvent, turns, until } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

type Buffered = EngineSocket & { writeBuffer: { type: string; data?: unknown }[] };

describeEachServer("engine sessions", (target) => {
  test("polls over connections that close after each answer are a session all the same", async () => {
    const { port, connections } = await startEngine(target);
    const client = await PollingClient.connect(port);
    const [socket] = await connections.next();
    const close = { headers: { connection: "close" } };
    const once = (options: object) => request(port, client.target, { ...close, ...options });
    for (let i = 0; i < 5; i++) {
      const messages = eventsOf(socket, "message");
      socket.send(`down ${i}`);
      expect((await once({})).text).toBe(`4down ${i}`);
      expect((await once({ method: "POST", body: `4up ${i}` })).text).toBe("ok");
      expect(await messages.next()).toEqual([`up ${i}`]);
    }
    expect(socket.readyState).toBe("open");
  });

  describe("writeBuffer", () => {
    test("shows what was not sent, still when the socket closes, and is empty afterwards", async () => {
      const { port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const socket = (await connections.next())[0] as Buffered;
      expect(socket.writeBuffer).toEqual([]);
      socket.send("a");
      socket.send(Buffer.from([1]));
      await turns(3);
      expect(socket.writeBuffer).toMatchObject([
        { type: "message", data: "a" },
        { type: "message", data: Buffer.from([1]) },
      ]);
      const atClose = new Promise<number>((resolve) => {
        socket.once("close", () => resolve(socket.writeBuffer.length));
      });
      await client.send("1");
      expect(await atClose).toBe(2);
      await turns(3);
      expect(socket.writeBuffer).toEqual([]);
    });

    test("is empty once the client has polled", async () => {
      const { port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const socket = (await connections.next())[0] as Buffered;
      socket.send("a");
      expect(await client.next()).toBe("4a");
      expect(socket.writeBuffer).toEqual([]);
    });
  });

  describe("closing the engine", () => {
    test("discards what was written just before (polling)", async () => {
      const { engine, port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      socket.write("hello");
      engine.close();
      expect((await client.get()).status).toBe(400);
    });

    test("within the connection event", async () => {
      const { engine, port } = await startEngine(target);
      const closed = new Promise((resolve) => {
        engine.on("connection", (socket: EngineSocket) => {
          socket.on("close", (reason: string) => resolve(reason));
          socket.write("hello");
          engine.close();
        });
      });
      const client = await PollingClient.connect(port);
      expect(await closed).toBe("forced close");
      expect((await client.get()).status).toBe(400);
    });

    test("lets the HTTP server close, with polls pending", async () => {
      const { engine, httpServer, port } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const poll = client.get({ headers: { connection: "close" } });
      await nextEvent(httpServer, "request");
      engine.close();
      expect((await poll).text).toBe("1");
      const closed = nextEvent(httpServer, "close");
      httpServer.close();
      httpServer.closeIdleConnections();
      await closed;
    });
  });

  test("members that others add to Object.prototype disturb nothing", async () => {
    const prototype = Object.prototype as { foreign?: string };
    prototype.foreign = "bar";
    cleanUpLater(() => delete prototype.foreign);
    const { engine, port, connections } = await startEngine(target, {
      cookie: true,
      perMessageDeflate: true,
    });
    const polling = await PollingClient.connect(port);
    const ws = await WsClient.handshake(port);
    for (const [socket] of await connections.take(2)) socket.send("hi");
    expect(await polling.next()).toBe("4hi");
    expect(await ws.next()).toBe("4hi");
    engine.close();
    await ws.closed;
    expect(engine.clientsCount).toBe(0);
  });

  test("callbacks of messages sent before an upgrade are called after it", async () => {
    const { port, connections } = await startEngine(target);
    const client = await PollingClient.connect(port);
    const [socket] = await connections.next();
    const ws = await WsClient.connect(port, { query: { sid: client.sid } });
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    const called = new Promise<{ name: string }>((resolve) => socket.send("a", resolve));
    ws.send("5");
    expect(await ws.next()).toBe("4a");
    expect((await called).name).toBe("websocket");
  });

  describe("maxHttpBufferSize with the stock client", () => {
    test.each([
      ["polling", "transport error"],
      ["websocket", "transport close"],
    ])("a message that is too large ends the client's connection (%s)", async (transport, reason) => {
      const { url, connections } = await startEngine(target, { maxHttpBufferSize: 5, allowUpgrades: false });
      const client = await connectEngineClient(url, { transports: [transport] });
      client.on("error", () => {});
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      const closed = nextEvent(client, "close");
      await until(() => client.readyState === "open", "the client to open");
      client.send("a".repeat(100));
      expect((await closed)[0]).toBe(reason);
      expect(messages.size).toBe(0);
    });

    test.each(["polling", "websocket"])("a message that fits passes (%s)", async (transport) => {
      const { url, connections } = await startEngine(target, { maxHttpBufferSize: 5, allowUpgrades: false });
      const client = await connectEngineClient(url, { transports: [transport] });
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      client.send("abcd");
      expect(await messages.next()).toEqual(["abcd"]);
    });
  });

  test("a hundred stock clients connect, upgrade and talk at once", async () => {
    const { engine, url, connections } = await startEngine(target);
    engine.on("connection", (socket: EngineSocket) => {
      socket.on("message", (data) => socket.send(`echo ${data}`));
    });
    const clients = await Promise.all(Array.from({ length: 100 }, () => connectEngineClient(url)));
    await Promise.all(
      clients.map(async (client, i) => {
        const received = eventsOf<[string]>(client, "message");
        const upgraded = nextEvent(client, "upgrade");
        for (let j = 0; j < 5; j++) client.send(`${i}.${j}`);
        for (let j = 0; j < 5; j++) expect(await received.next()).toEqual([`echo ${i}.${j}`]);
        await upgraded;
        client.send("end");
        expect(await received.next()).toEqual(["echo end"]);
      }),
    );
    expect(engine.clientsCount).toBe(100);
    for (const [socket] of await connections.take(100)) expect(socket.transport.name).toBe("websocket");
  });

  test("the stock client's extra headers are in the request", async () => {
    const { url, connections } = await startEngine(target);
    for (const transports of [["polling"], ["websocket"]]) {
      await connectEngineClient(url, { transports, extraHeaders: { authorization: "Bearer abc" } });
      const [socket] = await connections.next();
      expect(socket.request.headers.authorization).toBe("Bearer abc");
    }
  });
});
