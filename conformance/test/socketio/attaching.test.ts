import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as EngineServer } from "engine.io";
import { describe, expect, it } from "vitest";
import { conformance, type HttpServer, httpServerOf, once, type Server } from "./support.ts";

const portOf = (io: Server) => (httpServerOf(io).address() as AddressInfo).port;

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

conformance("attaching", (kit) => {
  describe("the constructor", () => {
    it("takes an HTTP server", async () => {
      const http = createServer();
      const running = await kit.listen(new kit.Server(http), http);
      await kit.connected(running);
    });

    it("takes an HTTP server and options", async () => {
      const http = createServer();
      const running = await kit.listen(new kit.Server(http, { path: "/chat" }), http);
      await kit.connected(running, "/", { path: "/chat" });
    });

    it("takes an HTTP server that already listens", async () => {
      const http = createServer();
      const port = await kit.listenHttp(http);
      kit.track(new kit.Server(http));
      await kit.connected(`http://localhost:${port}`);
    });

    it("takes a port and makes an HTTP server that answers 404 elsewhere", async () => {
      const io = kit.track(new kit.Server(0));
      await once(httpServerOf(io), "listening");
      const url = `http://localhost:${portOf(io)}`;
      await kit.connected(url);
      expect(await status(`${url}/elsewhere`)).toBe(404);
    });

    it("takes a port as a string", async () => {
      const port = await freePort();
      kit.track(new kit.Server(String(port) as unknown as number));
      await kit.connected(`http://localhost:${port}`, "/", { reconnectionDelay: 5 });
    });

    it("takes options only, and is attached later", async () => {
      const http = createServer();
      const io = new kit.Server({ path: "/late" });
      io.attach(http);
      const running = await kit.listen(io, http);
      await kit.connected(running, "/", { path: "/late" });
    });

    it("takes nothing, and listens later on a port", async () => {
      const io = kit.track(new kit.Server());
      expect(io.listen(0)).toBe(io);
      await kit.connected(`http://localhost:${portOf(io)}`);
    });

    it("keeps the options that attach() does not override", async () => {
      const http = createServer();
      const io = new kit.Server({ pingInterval: 12_345 });
      io.attach(http, { pingTimeout: 6_789 });
      const running = await kit.listen(io, http);
      const body = await (await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`)).text();
      expect(JSON.parse(body.slice(1))).toMatchObject({ pingInterval: 12_345, pingTimeout: 6_789 });
    });

    it("lets its own options win over those of attach()", async () => {
      const http = createServer();
      const io = new kit.Server({ pingInterval: 11_111 });
      io.attach(http, { pingInterval: 22_222 });
      const running = await kit.listen(io, http);
      const body = await (await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`)).text();
      expect(JSON.parse(body.slice(1))).toMatchObject({ pingInterval: 11_111 });
    });
  });

  describe("attach() and listen()", () => {
    it("return the server, for chaining", () => {
      const io = new kit.Server();
      const http = createServer();
      expect(io.attach(http)).toBe(io);
      kit.track(io);
      const other = new kit.Server();
      expect(other.listen(createServer())).toBe(other);
    });

    it("refuse an Express request handler with the reason", () => {
      const io = new kit.Server();
      expect(() => io.attach((() => {}) as unknown as HttpServer)).toThrow(
        "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
      );
    });

    it("refuse an Express request handler in the constructor too", () => {
      expect(() => new kit.Server((() => {}) as unknown as HttpServer)).toThrow(
        "express request handler function",
      );
    });

    it("take a port as a string", async () => {
      const port = await freePort();
      const io = kit.track(new kit.Server());
      io.attach(String(port) as unknown as number);
      await kit.connected(`http://localhost:${port}`, "/", { reconnectionDelay: 5 });
    });

    it("expose the HTTP server they were given", () => {
      const http = createServer();
      const io = new kit.Server().attach(http);
      expect(httpServerOf(io)).toBe(http);
      kit.track(io);
    });

    it("leave other request handlers in place", async () => {
      const http = createServer((_request, response) => response.end("the application"));
      const running = await kit.listen(new kit.Server(http), http);
      const body = await (await fetch(`${running.url}/`)).text();
      expect(body).toBe("the application");
      await kit.connected(running, "/", { transports: ["polling"] });
    });

    it("answer for themselves when a handler was added after", async () => {
      const http = createServer();
      const io = new kit.Server(http);
      let calls = 0;
      http.on("request", (request, response) => {
        if (request.url === "/own") response.end("own");
        calls++;
      });
      const running = await kit.listen(io, http);
      expect(await (await fetch(`${running.url}/own`)).text()).toBe("own");
      await kit.connected(running);
      expect(calls).toBe(1);
    });

    it("can share one HTTP server between two servers with different paths", async () => {
      const http = createServer();
      const one = new kit.Server(http, { path: "/one", serveClient: false });
      const two = new kit.Server(http, { path: "/two", serveClient: false });
      const running = await kit.listen(one, http);
      kit.track(two);
      const first = once(one, "connection");
      await kit.connected(running, "/", { path: "/one", transports: ["polling"] });
      await first;
      const second = once(two, "connection");
      await kit.connected(running, "/", { path: "/two", transports: ["polling"] });
      await second;
      expect(one.engine.clientsCount).toBe(1);
      expect(two.engine.clientsCount).toBe(1);
    });
  });

  // stock attaches to uWebSockets.js here; ours says that it does not
  it.runIf(!kit.isStock)("refuses uWebSockets.js with a code and a way out", () => {
    const io = new kit.Server();
    let failure: unknown;
    try {
      io.attachApp({});
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("attach") });
  });

  describe("bind()", () => {
    it("serves the connections of an Engine.IO server made elsewhere", async () => {
      const http = createServer();
      const engine = new EngineServer();
      engine.attach(http, { path: "/socket.io" });
      const io = new kit.Server();
      expect(io.bind(engine)).toBe(io);
      expect(io.engine).toBe(engine);
      kit.track(io);
      const port = await kit.listenHttp(http);
      const arrival = once(io, "connection");
      const client = await kit.connected(`http://localhost:${port}`);
      await arrival;
      io.on("connection", () => {});
      const heard = once(client, "hello");
      io.emit("hello", 1);
      expect(await heard).toEqual([1]);
    });
  });

  describe("the path", () => {
    it("is /socket.io unless told otherwise", async () => {
      const io = new kit.Server();
      expect(io.path()).toBe("/socket.io");
    });

    it("loses its trailing slash", () => {
      expect(new kit.Server({ path: "/chat/" }).path()).toBe("/chat");
    });

    it("can be set after construction", async () => {
      const http = createServer();
      const io = new kit.Server();
      expect(io.path("/elsewhere")).toBe(io);
      io.attach(http);
      const running = await kit.listen(io, http);
      await kit.connected(running, "/", { path: "/elsewhere" });
    });

    it("is asked for with a trailing slash unless addTrailingSlash is off", async () => {
      const withSlash = await kit.serve();
      expect(await status(`${withSlash.url}/socket.io/?EIO=4&transport=polling`)).toBe(200);
      const without = await kit.serve({ addTrailingSlash: false });
      expect(await status(`${without.url}/socket.io?EIO=4&transport=polling`)).toBe(200);
      await kit.connected(without, "/", { addTrailingSlash: false, transports: ["polling"] });
    });
  });

  describe("settings", () => {
    it("have getters and setters that chain", () => {
      const io = new kit.Server();
      expect(io.serveClient()).toBe(true);
      expect(io.serveClient(false)).toBe(io);
      expect(io.serveClient()).toBe(false);
      expect(io.connectTimeout()).toBe(45_000);
      expect(io.connectTimeout(1_000)).toBe(io);
      expect(io.connectTimeout()).toBe(1_000);
    });

    it("take serveClient and connectTimeout from the options", () => {
      const io = new kit.Server({ serveClient: false, connectTimeout: 123 });
      expect(io.serveClient()).toBe(false);
      expect(io.connectTimeout()).toBe(123);
    });
  });

  describe("io.engine", () => {
    it("counts its clients and knows them by id", async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running);
      const { engine } = running.io as unknown as {
        engine: { clientsCount: number; clients: Record<string, unknown> };
      };
      expect(engine.clientsCount).toBe(1);
      expect(Object.values(engine.clients)).toEqual([socket.conn]);
      const gone = once(socket.conn, "close");
      socket.disconnect(true);
      await gone;
      expect(engine.clientsCount).toBe(0);
      expect(engine.clients).toEqual({});
    });

    it("is also reachable as io.eio", async () => {
      const running = await kit.serve();
      expect((running.io as unknown as { eio: unknown }).eio).toBe(running.io.engine);
    });

    it("announces each connection and lets headers be changed", async () => {
      const running = await kit.serve();
      const seen: string[] = [];
      running.io.engine.on("initial_headers", (headers: Record<string, string>) => {
        headers["x-first"] = "1";
        seen.push("initial_headers");
      });
      running.io.engine.on("headers", (headers: Record<string, string>) => {
        headers["x-every"] = "2";
        seen.push("headers");
      });
      running.io.engine.on("connection", () => seen.push("connection"));
      const first = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
      const { sid } = JSON.parse((await first.text()).slice(1));
      expect(first.headers.get("x-first")).toBe("1");
      expect(first.headers.get("x-every")).toBe("2");
      const post = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
        method: "POST",
        body: "40",
      });
      expect(post.headers.get("x-first")).toBeNull();
      expect(post.headers.get("x-every")).toBe("2");
      expect(seen).toEqual(["initial_headers", "headers", "connection", "headers"]);
    });

    it("announces refused connections with code, message and context", async () => {
      const running = await kit.serve();
      const refused = once<[{ code: number; message: string; context: unknown; req: { url: string } }]>(
        running.io.engine,
        "connection_error",
      );
      const response = await fetch(`${running.url}/socket.io/?EIO=4&transport=carrier-pigeon`);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ code: 0, message: "Transport unknown" });
      const [error] = await refused;
      expect(error).toMatchObject({
        code: 0,
        message: "Transport unknown",
        context: { transport: "carrier-pigeon" },
      });
      expect(error.req.url).toContain("carrier-pigeon");
    });

    it("lets allowRequest refuse with a reason", async () => {
      const running = await kit.serve({
        allowRequest: (_request, decide) => decide("not today", false),
      });
      const refused = once<[{ code: number; message: string; context: unknown }]>(
        running.io.engine,
        "connection_error",
      );
      const response = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual({ code: 4, message: "not today" });
      expect((await refused)[0]).toMatchObject({
        code: 4,
        message: "Forbidden",
        context: { message: "not today" },
      });
    });

    it("sends CORS headers as the cors option says", async () => {
      const running = await kit.serve({ cors: { origin: "https://example.com", credentials: true } });
      const response = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`, {
        headers: { origin: "https://example.com" },
      });
      expect(response.headers.get("access-control-allow-origin")).toBe("https://example.com");
      expect(response.headers.get("access-control-allow-credentials")).toBe("true");
      const preflight = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`, {
        method: "OPTIONS",
        headers: { origin: "https://example.com", "access-control-request-method": "POST" },
      });
      expect(preflight.status).toBe(204);
    });

    it("sends no CORS headers unless asked to", async () => {
      const running = await kit.serve();
      const response = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`, {
        headers: { origin: "https://example.com" },
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    });

    it("uses generateId for connections, never for sockets", async () => {
      const running = await kit.serve();
      running.io.engine.generateId = () => "my-connection";
      const [socket, client] = await kit.pair(running);
      expect(socket.conn).toMatchObject({ id: "my-connection" });
      expect(client.io.engine).toMatchObject({ id: "my-connection" });
      expect(socket.id).not.toBe("my-connection");
    });
  });
});
