import { describe, expect, test } from "vitest";
import { nextEvent } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { type OpenData, PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";

describeEachServer("engine handshake", (target) => {
  test("a GET over polling answers with an open packet as plain text that no cache keeps", async () => {
    const { port } = await startEngine(target);
    const response = await request(port, "/engine.io/?EIO=4&transport=polling");
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.headers["content-length"]).toBe(String(response.bytes.length));
    expect(response.text[0]).toBe("0");
    const open = JSON.parse(response.text.slice(1)) as OpenData;
    expect(open).toEqual({
      sid: expect.any(String),
      upgrades: ["websocket"],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
  });

  test("the open packet's members come in the order that Socket.IO sends them", async () => {
    const { port } = await startEngine(target);
    const { open } = await PollingClient.connect(port);
    expect(Object.keys(open)).toEqual(["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  });

  test("a WebSocket is answered with an open packet that offers no upgrades", async () => {
    const { port } = await startEngine(target);
    const { open } = await WsClient.handshake(port);
    expect(open).toEqual({
      sid: expect.any(String),
      upgrades: [],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
  });

  test("the open packet tells the configured intervals and limit", async () => {
    const { port } = await startEngine(target, {
      pingInterval: 11_000,
      pingTimeout: 7000,
      maxHttpBufferSize: 12_345,
    });
    const { open } = await PollingClient.connect(port);
    expect(open).toMatchObject({ pingInterval: 11_000, pingTimeout: 7000, maxPayload: 12_345 });
  });

  test("allowUpgrades: false offers no upgrades", async () => {
    const { port } = await startEngine(target, { allowUpgrades: false });
    expect((await PollingClient.connect(port)).open.upgrades).toEqual([]);
  });

  test("only enabled transports are offered as upgrades", async () => {
    const { port } = await startEngine(target, { transports: ["polling"] });
    expect((await PollingClient.connect(port)).open.upgrades).toEqual([]);
  });

  test("ids are 20 characters of the URL-safe alphabet and differ", async () => {
    const { port } = await startEngine(target);
    const clients = await Promise.all(Array.from({ length: 20 }, () => PollingClient.connect(port)));
    const ids = clients.map((client) => client.sid);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{20}$/);
    expect(new Set(ids).size).toBe(20);
  });

  test("an empty sid is a handshake", async () => {
    const { port } = await startEngine(target);
    const response = await request(port, "/engine.io/?EIO=4&transport=polling&sid=");
    expect(response.text).toMatch(/^0\{"sid"/);
  });

  test("further query parameters are kept for the application", async () => {
    const { port, connections } = await startEngine(target);
    await PollingClient.connect(port, { query: { token: "a b&c", ünï: "code" } });
    const [socket] = await connections.next();
    expect(socket.request._query).toEqual({
      EIO: "4",
      transport: "polling",
      token: "a b&c",
      ünï: "code",
    });
  });

  test("the last of a repeated query parameter counts", async () => {
    const { port } = await startEngine(target);
    const response = await request(port, "/engine.io/?EIO=3&EIO=4&transport=nope&transport=polling");
    expect(response.status).toBe(200);
  });

  describe("generateId", () => {
    test("may return a string, which is then the session's id", async () => {
      const { engine, port, connections } = await startEngine(target);
      engine.generateId = (req) => `id for ${new URL(req.url ?? "", "http://x").searchParams.get("name")}`;
      const client = await PollingClient.connect(port, { query: { name: "ann" } });
      const [socket] = await connections.next();
      expect(client.sid).toBe("id for ann");
      expect(socket.id).toBe("id for ann");
      expect(engine.clients["id for ann"]).toBe(socket);
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("may give an id twice: each connection counts once", async () => {
      const { engine, port, connections } = await startEngine(target);
      engine.generateId = () => "the same";
      const clients = [await WsClient.handshake(port), await WsClient.handshake(port)];
      const sockets = (await connections.take(2)).map(([socket]) => socket);
      expect(engine.clientsCount).toBe(2);
      const closes = sockets.map((socket) => nextEvent(socket, "close"));
      for (const client of clients) client.socket.terminate();
      await Promise.all(closes);
      expect(engine.clientsCount).toBe(0);
    });

    test("may return a promise", async () => {
      const { engine, port } = await startEngine(target);
      engine.generateId = async () => "later";
      expect((await PollingClient.connect(port)).sid).toBe("later");
      engine.generateId = async () => "later-ws";
      expect((await WsClient.handshake(port)).open.sid).toBe("later-ws");
    });

    test.each([
      [
        "throws",
        () => {
          throw new Error("no id today");
        },
      ],
      ["rejects", () => Promise.reject(new Error("no id today"))],
    ])("that %s refuses a poll with code 3", async (_, generateId) => {
      const { engine, port } = await startEngine(target);
      engine.generateId = generateId;
      const failed = nextEvent(engine, "connection_error");
      const response = await request(port, "/engine.io/?EIO=4&transport=polling");
      expect(response.status).toBe(400);
      expect(JSON.parse(response.text)).toEqual({ code: 3, message: "Bad request" });
      const [error] = await failed;
      expect(error).toMatchObject({
        code: 3,
        message: "Bad request",
        context: { name: "ID_GENERATION_ERROR", error: new Error("no id today") },
      });
      expect(engine.clientsCount).toBe(0);
    });

    test("that throws refuses a WebSocket", async () => {
      const { engine, port } = await startEngine(target);
      engine.generateId = () => {
        throw new Error("no id today");
      };
      const failed = nextEvent(engine, "connection_error");
      const client = WsClient.begin(port);
      expect((await failed)[0]).toMatchObject({ code: 3, context: { name: "ID_GENERATION_ERROR" } });
      await client.closed;
      expect(client.messages.size).toBe(0);
      expect(engine.clientsCount).toBe(0);
    });
  });

  describe("initialPacket", () => {
    test("follows the open packet in the same poll", async () => {
      const { port } = await startEngine(target, { initialPacket: "welcome" });
      const { handshake } = await PollingClient.connect(port);
      expect(handshake.text.split("\x1e")).toEqual([expect.stringMatching(/^0\{.*\}$/), "4welcome"]);
    });

    test("may be binary", async () => {
      const { port } = await startEngine(target, { initialPacket: Buffer.from([1, 2, 3, 4]) });
      const { handshake } = await PollingClient.connect(port);
      expect(handshake.text.split("\x1e")[1]).toBe("bAQIDBA==");
      const ws = await WsClient.handshake(port);
      expect(await ws.nextBinary()).toEqual(Buffer.from([1, 2, 3, 4]));
    });

    test("is the second message of a WebSocket", async () => {
      const { port } = await startEngine(target, { initialPacket: "welcome" });
      const client = await WsClient.handshake(port);
      expect(await client.next()).toBe("4welcome");
    });
  });

  describe("the connection event", () => {
    test.each(["polling", "websocket"])("hands over an open socket (%s)", async (transport) => {
      const { engine, port } = await startEngine(target);
      const connected = new Promise<void>((resolve, reject) => {
        engine.on("connection", (socket) => {
          try {
            expect(socket).toBeInstanceOf(target.engine.Socket);
            expect(socket.readyState).toBe("open");
            expect(socket.protocol).toBe(4);
            expect(socket.transport.name).toBe(transport);
            expect(socket.server).toBe(engine);
            expect(socket.upgraded).toBe(false);
            expect(socket.upgrading).toBe(false);
            expect(socket.remoteAddress).toMatch(/^(::1|(::ffff:)?127\.0\.0\.1)$/);
            expect(socket.request.url).toContain(`transport=${transport}`);
            expect(socket.request.headers["x-name"]).toBe("ann");
            expect(engine.clients[socket.id]).toBe(socket);
            expect(engine.clientsCount).toBe(1);
            resolve();
          } catch (error) {
            reject(error);
          }
        });
      });
      const headers = { "x-name": "ann" };
      if (transport === "polling") await PollingClient.connect(port, { headers });
      else await WsClient.handshake(port, { headers });
      await connected;
    });

    test("sending from within it reaches the client after the open packet", async () => {
      const { engine, port } = await startEngine(target);
      engine.on("connection", (socket) => socket.send("first"));
      const polling = await PollingClient.connect(port);
      expect(polling.handshake.text).not.toContain("first");
      expect(await polling.next()).toBe("4first");
      const ws = await WsClient.handshake(port);
      expect(await ws.next()).toBe("4first");
    });

    test("clients and clientsCount follow connections and their ends", async () => {
      const { engine, port, connections } = await startEngine(target);
      const polling = await PollingClient.connect(port);
      const ws = await WsClient.handshake(port);
      expect(engine.clientsCount).toBe(2);
      expect(Object.keys(engine.clients).sort()).toEqual([polling.sid, ws.open.sid].sort());
      const [[first], [second]] = [await connections.next(), await connections.next()];
      const closed = Promise.all([nextEvent(first, "close"), nextEvent(second, "close")]);
      ws.socket.close();
      await polling.send("1");
      await closed;
      expect(engine.clientsCount).toBe(0);
      expect(Object.keys(engine.clients)).toEqual([]);
    });
  });

  test("a WebSocket handshake in raw bytes is answered as RFC 6455 says", async () => {
    const { port } = await startEngine(target);
    const client = await TcpClient.connect(port);
    client.write(
      "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n" +
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const { status, head } = await client.response();
    expect(status).toBe(101);
    expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
    const frame = await client.frame();
    expect(frame).toMatchObject({ fin: true, rsv1: false, opcode: 1 });
    expect(frame.payload.toString()).toMatch(/^0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\[\],/);
  });
});
