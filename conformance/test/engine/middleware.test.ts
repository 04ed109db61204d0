import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import session from "express-session";
import helmet from "helmet";
import { describe, expect, test } from "vitest";
import type { ConnectionError, EngineRequest } from "../../src/engine-api.ts";
import { nextEvent } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { listen, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

type Next = (error?: unknown) => void;
const handshake = "/engine.io/?EIO=4&transport=polling";

describeEachServer("engine middleware", (target) => {
  test("runs in order before the handshake, over both transports", async () => {
    const { engine, port, connections } = await startEngine(target);
    const calls: string[] = [];
    engine.use((req: EngineRequest, res: ServerResponse, next: Next) => {
      calls.push(`first ${req._query.transport}`);
      res.setHeader("x-first", "1");
      Object.assign(req, { seen: "by first" });
      setImmediate(next);
    });
    engine.use((req: EngineRequest & { seen: string }, _: ServerResponse, next: Next) => {
      calls.push(`second, seen ${req.seen}`);
      next();
    });
    const client = await PollingClient.connect(port);
    expect(client.handshake.headers["x-first"]).toBe("1");
    const ws = await WsClient.handshake(port);
    expect(ws.headers["x-first"]).toBe("1");
    expect(calls).toEqual([
      "first polling",
      "second, seen by first",
      "first websocket",
      "second, seen by first",
    ]);
    const [socket] = await connections.next();
    expect(socket.request).toMatchObject({ seen: "by first" });
  });

  test("runs for every request of a session", async () => {
    const { engine, port } = await startEngine(target);
    const methods: string[] = [];
    engine.use((req: IncomingMessage, _: ServerResponse, next: Next) => {
      methods.push(`${req.method}${req.headers.upgrade ? " upgrade" : ""}`);
      next();
    });
    const client = await PollingClient.connect(port);
    await client.send("4hi");
    await WsClient.connect(port, { query: { sid: client.sid } });
    expect(methods).toEqual(["GET", "POST", "GET upgrade"]);
  });

  test("may be asynchronous", async () => {
    const { engine, port } = await startEngine(target);
    engine.use(async (_: IncomingMessage, res: ServerResponse, next: Next) => {
      await new Promise(setImmediate);
      res.setHeader("x-async", "yes");
      next();
    });
    expect((await PollingClient.connect(port)).handshake.headers["x-async"]).toBe("yes");
  });

  test("reads, replaces and removes headers on a WebSocket handshake", async () => {
    const { engine, port } = await startEngine(target);
    engine.use((_: IncomingMessage, res: ServerResponse, next: Next) => {
      res.setHeader("x-kept", "a");
      res.setHeader("x-removed", "b");
      next();
    });
    engine.use((_: IncomingMessage, res: ServerResponse, next: Next) => {
      res.setHeader("x-kept", `${res.getHeader("x-kept")}!`);
      res.removeHeader("x-removed");
      next();
    });
    const { headers } = await WsClient.connect(port);
    expect(headers["x-kept"]).toBe("a!");
    expect(headers["x-removed"]).toBeUndefined();
  });

  describe("that fails", () => {
    const failures: [string, (req: IncomingMessage, res: ServerResponse, next: Next) => unknown][] = [
      ["calls next with an error", (_req, _res, next) => next(new Error("will always fail"))],
      [
        "throws",
        () => {
          throw new Error("will always fail");
        },
      ],
      ["rejects", () => Promise.reject(new Error("will always fail"))],
    ];

    test.each(failures)("(%s) refuses a poll with code 3", async (_, middleware) => {
      const { engine, port } = await startEngine(target);
      engine.use(middleware as never);
      const failed = nextEvent<[ConnectionError]>(engine, "connection_error");
      const response = await request(port, handshake);
      expect(response.status).toBe(400);
      expect(JSON.parse(response.text)).toEqual({ code: 3, message: "Bad request" });
      const [error] = await failed;
      expect(error).toMatchObject({
        code: 3,
        message: "Bad request",
        context: { name: "MIDDLEWARE_FAILURE" },
      });
      expect(engine.clientsCount).toBe(0);
    });

    test.each(failures)("(%s) refuses a WebSocket", async (_, middleware) => {
      const { engine, port } = await startEngine(target);
      engine.use(middleware as never);
      const failed = nextEvent<[ConnectionError]>(engine, "connection_error");
      expect(await WsClient.refused(port)).toEqual({ status: 400, text: "Bad request" });
      expect((await failed)[0]).toMatchObject({ code: 3, context: { name: "MIDDLEWARE_FAILURE" } });
    });

    test("keeps later middleware from running", async () => {
      const { engine, port } = await startEngine(target);
      engine.use((_: IncomingMessage, __: ServerResponse, next: Next) => next(new Error("no")));
      let later = false;
      engine.use((_: IncomingMessage, __: ServerResponse, next: Next) => {
        later = true;
        next();
      });
      expect((await request(port, handshake)).status).toBe(400);
      expect(later).toBe(false);
    });

    test("after it has begun the response ends that response", async () => {
      const { engine, port } = await startEngine(target);
      engine.use((_: IncomingMessage, res: ServerResponse, next: Next) => {
        res.writeHead(503);
        next(new Error("failed afterwards"));
      });
      const response = await request(port, handshake);
      expect(response.status).toBe(503);
      expect(response.text).toBe("");
    });

    test("is heard only once however often it calls next", async () => {
      const { engine, port, connections } = await startEngine(target);
      engine.use((_: IncomingMessage, __: ServerResponse, next: Next) => {
        next();
        next(new Error("too late"));
        next();
      });
      await PollingClient.connect(port);
      await connections.next();
      expect(connections.size).toBe(0);
      expect(engine.clientsCount).toBe(1);
    });
  });

  test("may answer a poll by itself", async () => {
    const { engine, port } = await startEngine(target);
    engine.use((_: IncomingMessage, res: ServerResponse) => {
      res.writeHead(503, { "x-why": "busy" });
      res.end("come back later");
    });
    const response = await request(port, handshake);
    expect(response).toMatchObject({ status: 503, text: "come back later" });
    expect(response.headers["x-why"]).toBe("busy");
    expect(engine.clientsCount).toBe(0);
  });

  test("that ends the response of a WebSocket handshake ends the connection", async () => {
    const { engine, port } = await startEngine(target);
    engine.use((_: IncomingMessage, res: ServerResponse) => {
      res.writeHead(503);
      res.end();
    });
    const client = WsClient.begin(port);
    const [error] = await nextEvent<[Error]>(client.socket, "error");
    expect(error.message).toBe("socket hang up");
    await client.closed;
    expect(engine.clientsCount).toBe(0);
  });

  test("hears finish or close on the response, so that request loggers work", async () => {
    const { engine, port } = await startEngine(target);
    const closed: Promise<unknown>[] = [];
    engine.use((_: IncomingMessage, res: ServerResponse, next: Next) => {
      closed.push(nextEvent(res, "close"));
      next();
    });
    await request(port, handshake);
    const ws = await WsClient.handshake(port);
    ws.socket.terminate();
    await Promise.all(closed);
    expect(closed.length).toBe(2);
  });

  test("express-session gives the same session to polls, posts and the upgrade", async () => {
    const { engine, port, connections } = await startEngine(target);
    engine.use(session({ secret: "keyboard cat", resave: false, saveUninitialized: true }) as never);
    const first = await PollingClient.connect(port);
    const cookie = first.handshake.headers["set-cookie"]?.[0] ?? "";
    expect(cookie).toMatch(/^connect\.sid=/);
    const [socket] = await connections.next();
    const req = socket.request as EngineRequest & {
      session: { name?: string; save(callback: () => void): void };
      sessionID: string;
    };
    req.session.name = "ann";
    await new Promise<void>((resolve) => req.session.save(resolve));

    await PollingClient.connect(port, { headers: { cookie: cookie.split(";")[0] ?? "" } });
    await WsClient.handshake(port, { headers: { cookie: cookie.split(";")[0] ?? "" } });
    for (const [next] of await connections.take(2)) {
      const again = next.request as typeof req;
      expect(again.sessionID).toBe(req.sessionID);
      expect(again.session.name).toBe("ann");
    }
  });

  test("express-session sets its cookie on a WebSocket handshake", async () => {
    const { engine, port } = await startEngine(target);
    engine.use(session({ secret: "keyboard cat", resave: false, saveUninitialized: true }) as never);
    const { headers } = await WsClient.connect(port);
    expect(String(headers["set-cookie"])).toMatch(/^connect\.sid=/);
  });

  test("helmet's headers are on both transports", async () => {
    const { engine, port } = await startEngine(target);
    engine.use(helmet() as never);
    const { handshake: response } = await PollingClient.connect(port);
    expect(response.headers["x-download-options"]).toBe("noopen");
    expect(response.headers["x-content-type-options"]).toBe("nosniff");
    const { headers } = await WsClient.connect(port);
    expect(headers["x-download-options"]).toBe("noopen");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  test("a query that was parsed before, as connect does, is used", async () => {
    const { engine, connections } = await startEngine(target);
    const port = await listen(
      createServer((req, res) => {
        Object.assign(req, { _query: { EIO: "4", transport: "polling", from: "outside" } });
        engine.handleRequest(req, res);
      }),
    );
    const response = await request(port, "/whatever");
    expect(response.text).toMatch(/^0\{/);
    const [socket] = await connections.next();
    expect(socket.request._query.from).toBe("outside");
  });
});
