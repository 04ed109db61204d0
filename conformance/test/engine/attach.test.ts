import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect as connectHttp2, createSecureServer } from "node:http2";
import { createServer as createHttpsServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { cleanUpLater } from "../../src/cleanup.ts";
import type { EngineSocket, HttpServer } from "../../src/engine-api.ts";
import { eventsOf, nextEvent, pause } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { listen, startEngine, startHttp, startIo } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient, upgradeRequest } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";

const query = "EIO=4&transport=polling";
const pem = (name: string) => readFileSync(new URL(`./fixtures/${name}.pem`, import.meta.url));
const tls = { key: pem("key"), cert: pem("cert") };

describeEachServer("engine attach and listen", (target) => {
  test("protocol is 4, and the transports and the parser are exported", () => {
    expect(target.engine.protocol).toBe(4);
    expect(Object.keys(target.engine.transports)).toEqual(expect.arrayContaining(["polling", "websocket"]));
    expect(target.engine.parser.protocol).toBe(4);
    let encoded: unknown;
    target.engine.parser.encodePayload(
      [
        { type: "message", data: "a" },
        { type: "message", data: Buffer.from([1, 2, 3, 4]) },
      ],
      (payload) => {
        encoded = payload;
      },
    );
    expect(encoded).toBe("4a\x1ebAQIDBA==");
    expect(target.engine.parser.decodePacket("4hello")).toEqual({ type: "message", data: "hello" });
    expect(target.engine.parser.decodePayload("4a\x1e2")).toEqual([
      { type: "message", data: "a" },
      { type: "ping" },
    ]);
  });

  describe("listen", () => {
    test("opens a port by itself and answers 501 to everything else", async () => {
      const engine = target.engine.listen(0);
      const httpServer = engine.httpServer as HttpServer;
      cleanUpLater(() => httpServer.close());
      await nextEvent(httpServer, "listening");
      const { port } = httpServer.address() as AddressInfo;
      expect(await request(port, "/")).toMatchObject({ status: 501, text: "Not Implemented" });
      const client = await WsClient.handshake(port);
      client.socket.terminate();
    });

    test.each([
      [
        "options and a callback",
        (callback: () => void) => target.engine.listen(0, { transports: ["polling"] }, callback),
      ],
      ["a callback alone", (callback: () => void) => target.engine.listen(0, callback)],
    ])("takes %s", async (_, start) => {
      await new Promise<void>((resolve) => {
        const engine = start(resolve);
        cleanUpLater(() => engine.httpServer?.close());
      });
    });
  });

  describe("the path", () => {
    const answers = async (port: number, path: string) =>
      (await request(port, `${path}?${query}`)).text.startsWith("0{");

    test("is /engine.io/ unless given", async () => {
      const { port } = await startEngine(
        target,
        {},
        createServer((_, res) => res.writeHead(404).end()),
      );
      expect(await answers(port, "/engine.io/")).toBe(true);
      expect(await answers(port, "/engine.io/anything")).toBe(true);
      expect((await request(port, `/engine.io?${query}`)).status).toBe(404);
      expect((await request(port, `/engine.iox/?${query}`)).status).toBe(404);
      expect((await request(port, `/x/engine.io/?${query}`)).status).toBe(404);
      expect((await request(port, `/Engine.IO/?${query}`)).status).toBe(404);
    });

    test.each(["/custom", "/custom/"])("%s is matched with a slash at its end", async (path) => {
      const { port } = await startEngine(
        target,
        { path },
        createServer((_, res) => res.writeHead(404).end()),
      );
      expect(await answers(port, "/custom/")).toBe(true);
      expect((await request(port, `/custom?${query}`)).status).toBe(404);
      expect((await request(port, `/engine.io/?${query}`)).status).toBe(404);
      await WsClient.handshake(port, { path: "/custom/" });
    });

    test("may go without the slash", async () => {
      const { port } = await startEngine(target, { addTrailingSlash: false });
      expect(await answers(port, "/engine.io")).toBe(true);
      expect(await answers(port, "/engine.io/")).toBe(true);
      await WsClient.handshake(port, { path: "/engine.io" });
    });
  });

  describe("beside other handlers", () => {
    test("requests elsewhere go to the listeners that were there before, all of them", async () => {
      const { httpServer, port } = await startHttp((_, res) => res.write("first "));
      httpServer.on("request", (_, res) => res.end("second"));
      cleanUpLater(() => engine.close());
      const engine = target.engine.attach(httpServer);
      expect((await request(port, "/hello")).text).toBe("first second");
      expect((await request(port, `/engine.io/?${query}`)).text).toMatch(/^0\{/);
    });

    test("listeners that come later see Engine.IO's requests too", async () => {
      const { httpServer, port } = await startEngine(target);
      const urls = eventsOf<[{ url: string }]>(httpServer, "request");
      await request(port, `/engine.io/?${query}`);
      expect((await urls.next())[0].url).toBe(`/engine.io/?${query}`);
    });

    test("two engines share a server by their paths", async () => {
      const { httpServer, port } = await startHttp((_, res) => res.writeHead(404).end());
      const engines = ["/one", "/two"].map((path) => target.engine.attach(httpServer, { path }));
      cleanUpLater(() => engines.map((engine) => engine.close()));
      const first = await PollingClient.connect(port, { path: "/one/" });
      const second = await WsClient.handshake(port, { path: "/two/" });
      expect(Object.keys(engines[0]?.clients ?? {})).toEqual([first.sid]);
      expect(Object.keys(engines[1]?.clients ?? {})).toEqual([second.open.sid]);
      expect((await request(port, "/three/")).status).toBe(404);
    });

    test("another WebSocket server keeps its own path, also past the time-out", async () => {
      const { httpServer, port } = await startEngine(target, { destroyUpgradeTimeout: 50 });
      const other = new WebSocketServer({ noServer: true });
      httpServer.on("upgrade", (req, socket, head) => {
        if (req.url === "/other")
          other.handleUpgrade(req, socket, head, (ws) => ws.on("message", (m) => ws.send(m)));
      });
      const foreign = new WebSocket(`ws://localhost:${port}/other`);
      cleanUpLater(() => foreign.terminate());
      await nextEvent(foreign, "open");
      await pause(100);
      foreign.send("hello");
      expect(String((await nextEvent(foreign, "message"))[0])).toBe("hello");
      await WsClient.handshake(port);
    });
  });

  describe("upgrade requests that nobody answers", () => {
    test("are closed after destroyUpgradeTimeout", async () => {
      const { port } = await startEngine(target, { destroyUpgradeTimeout: 80 });
      const client = await TcpClient.connect(port);
      const began = performance.now();
      client.write(upgradeRequest("/elsewhere"));
      await client.closed;
      expect(performance.now() - began).toBeGreaterThan(70);
      expect(client.unread.length).toBe(0);
    });

    test("are closed after a second by default", async () => {
      const { port } = await startEngine(target);
      const client = await TcpClient.connect(port);
      const began = performance.now();
      client.write(upgradeRequest("/elsewhere"));
      await client.closed;
      expect(performance.now() - began).toBeGreaterThan(900);
    });

    test("are left alone with destroyUpgrade: false", async () => {
      const { port } = await startEngine(target, { destroyUpgrade: false, destroyUpgradeTimeout: 30 });
      const client = await TcpClient.connect(port);
      let closed = false;
      client.socket.once("close", () => {
        closed = true;
      });
      client.write(upgradeRequest("/elsewhere"));
      await pause(120);
      expect(closed).toBe(false);
    });

    test("may end in a reset without harm", async () => {
      const { httpServer, port } = await startEngine(target, { destroyUpgradeTimeout: 30 });
      const upgrading = nextEvent(httpServer, "upgrade");
      const client = await TcpClient.connect(port);
      client.write(upgradeRequest("/elsewhere"));
      await upgrading;
      client.socket.resetAndDestroy();
      await client.closed;
      await pause(50);
      await PollingClient.connect(port);
    });
  });

  test("without the websocket transport, upgrades are not listened for", async () => {
    const { httpServer, port } = await startEngine(target, { transports: ["polling"] });
    expect(httpServer.listenerCount("upgrade")).toBe(0);
    await PollingClient.connect(port);
  });

  describe("close()", () => {
    test("closes every client", async () => {
      const { engine, httpServer, port, connections } = await startEngine(target);
      const polling = await PollingClient.connect(port);
      const ws = await WsClient.handshake(port);
      const sockets = await connections.take(2);
      const closes = sockets.map(([socket]) => nextEvent(socket, "close"));
      expect(engine.close()).toBe(engine);
      for (const closed of closes) expect((await closed)[0]).toBe("forced close");
      expect((await ws.closed).code).toBe(1005);
      expect((await polling.get()).status).toBe(400);
      expect(engine.clientsCount).toBe(0);
      expect(httpServer.listening).toBe(true);
    });

    test("ends a pending poll with a close packet", async () => {
      const { engine, httpServer, port } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const arrived = nextEvent(httpServer, "request");
      const poll = client.poll();
      await arrived;
      engine.close();
      expect(await poll).toEqual(["1"]);
    });

    test("happens when the HTTP server closes", async () => {
      const { httpServer, port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const [[socket], closedHttp] = [await connections.next(), nextEvent(httpServer, "close")];
      expect(client.sid).toBe(socket.id);
      const closed = nextEvent(socket, "close");
      httpServer.close();
      httpServer.closeAllConnections();
      await closedHttp;
      expect((await closed)[0]).toBe("forced close");
    });

    test("is undone when the HTTP server listens again", async () => {
      const { httpServer, port, engine } = await startEngine(target);
      const closed = nextEvent(httpServer, "close");
      httpServer.close();
      await closed;
      await new Promise<void>((resolve) => httpServer.listen(port, resolve));
      await WsClient.handshake(port);
      await PollingClient.connect(port);
      expect(engine.clientsCount).toBe(2);
    });

    test("is fine on an engine without clients, twice", async () => {
      const engine = new target.engine.Server();
      engine.close();
      engine.close();
    });
  });

  test("handleRequest and handleUpgrade serve without attach", async () => {
    const engine = new target.engine.Server();
    cleanUpLater(() => engine.close());
    const { httpServer, port } = await startHttp((req, res) => engine.handleRequest(req, res));
    httpServer.on("upgrade", (req, socket, head) => engine.handleUpgrade(req, socket, head));
    const connections = eventsOf<[EngineSocket]>(engine, "connection");
    for (const client of [await PollingClient.connect(port), await WsClient.handshake(port)]) {
      const [socket] = await connections.next();
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    }
  });

  test("Socket.IO offers the engine as io.engine and io.eio", async () => {
    const { io, port } = await startIo(target);
    const connections = eventsOf<[EngineSocket]>(io.engine, "connection");
    const client = await PollingClient.connect(port, { path: "/socket.io/" });
    const [socket] = await connections.next();
    expect(socket.id).toBe(client.sid);
    expect(io.engine.clientsCount).toBe(1);
    expect((io as unknown as { eio: unknown }).eio).toBe(io.engine);
    expect(io.engine).toBeInstanceOf(target.engine.Server);
    io.engine.once("connection_error", () => {});
    const failed = nextEvent(io.engine, "connection_error");
    await request(port, "/socket.io/?EIO=4&transport=tobi");
    expect((await failed)[0]).toMatchObject({ code: 0 });
  });

  describe("on other servers", () => {
    test("https carries both transports", async () => {
      const httpServer = createHttpsServer(tls);
      const { port } = await startEngine(target, {}, httpServer);
      const text = await new Promise<string>((resolve, reject) => {
        httpsRequest(
          { port, path: `/engine.io/?${query}`, rejectUnauthorized: false, agent: false },
          (res) => {
            res.once("data", (chunk) => resolve(String(chunk)));
          },
        )
          .on("error", reject)
          .end();
      });
      expect(text).toMatch(/^0\{/);
      const ws = new WsClient(
        new WebSocket(`wss://localhost:${port}/engine.io/?EIO=4&transport=websocket`, {
          rejectUnauthorized: false,
        }),
      );
      expect(await ws.next()).toMatch(/^0\{/);
    });

    test("https keeps large messages whole while pings and pongs are written between them", async () => {
      const options = { pingInterval: 5, pingTimeout: 60_000 };
      const { port, connections } = await startEngine(target, options, createHttpsServer(tls));
      const ws = new WsClient(
        new WebSocket(`wss://localhost:${port}/engine.io/?EIO=4&transport=websocket`, {
          rejectUnauthorized: false,
        }),
      );
      expect(await ws.next()).toMatch(/^0\{/);
      const [socket] = await connections.next();
      for (let i = 0; i < 20; i++) {
        socket.send(Buffer.alloc(300_000, i));
        socket.send(`after ${i}`);
        ws.socket.ping();
        ws.send("3");
        await pause(2);
      }
      for (let i = 0; i < 20; ) {
        const message = await ws.messages.next();
        if (message === "2") continue;
        expect((message as Buffer).equals(Buffer.alloc(300_000, i))).toBe(true);
        let next = await ws.messages.next();
        while (next === "2") next = await ws.messages.next();
        expect(next).toBe(`4after ${i}`);
        i++;
      }
      expect(socket.readyState).toBe("open");
    });

    test("http2 carries polling, and WebSockets through HTTP/1.1", async () => {
      const httpServer = createSecureServer({ ...tls, allowHTTP1: true }) as unknown as HttpServer;
      const { port, connections } = await startEngine(target, {}, httpServer);
      const session = connectHttp2(`https://localhost:${port}`, { rejectUnauthorized: false });
      cleanUpLater(() => session.destroy());
      const get = (path: string) =>
        new Promise<{ status: unknown; text: string }>((resolve, reject) => {
          const stream = session.request({ ":path": path });
          let text = "";
          let status: unknown;
          stream.on("response", (headers) => {
            status = headers[":status"];
          });
          stream.on("data", (chunk) => {
            text += String(chunk);
          });
          stream.on("end", () => resolve({ status, text }));
          stream.on("error", reject);
          stream.end();
        });
      const opened = await get(`/engine.io/?${query}`);
      expect(opened.status).toBe(200);
      const { sid } = JSON.parse(opened.text.slice(1)) as { sid: string };
      const [socket] = await connections.next();
      socket.send("over http2");
      expect(await get(`/engine.io/?${query}&sid=${sid}`)).toEqual({ status: 200, text: "4over http2" });
      const ws = new WsClient(
        new WebSocket(`wss://localhost:${port}/engine.io/?EIO=4&transport=websocket`, {
          rejectUnauthorized: false,
        }),
      );
      expect(await ws.next()).toMatch(/^0\{/);
    });
  });

  test("listening twice on one port reports the HTTP server's error", async () => {
    const { port } = await startEngine(target);
    const second = createServer();
    target.engine.attach(second);
    const failed = nextEvent<[NodeJS.ErrnoException]>(second, "error");
    second.listen(port);
    expect((await failed)[0].code).toBe("EADDRINUSE");
  });

  test("a free port is found with listen(0) of the HTTP server", async () => {
    const httpServer = createServer();
    cleanUpLater(() => engine.close());
    const engine = new target.engine.Server();
    engine.attach(httpServer, { path: "/late" });
    const port = await listen(httpServer);
    expect((await request(port, `/late/?${query}`)).text).toMatch(/^0\{/);
  });
});
