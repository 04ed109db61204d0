import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import type { Headers } from "../../src/engine-api.ts";
import { eventsOf } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

const handshake = "/engine.io/?EIO=4&transport=polling";

describeEachServer("engine headers", (target) => {
  describe("cookie", () => {
    test.each([
      ["true means Socket.IO's defaults", true, (sid: string) => `io=${sid}; Path=/; HttpOnly; SameSite=Lax`],
      ["may be renamed", { name: "woot" }, (sid: string) => `woot=${sid}; Path=/; HttpOnly; SameSite=Lax`],
      [
        "may have another path",
        { name: "io", path: "/custom" },
        (sid: string) => `io=${sid}; Path=/custom; HttpOnly; SameSite=Lax`,
      ],
      ["may have no path", { name: "io", path: "" }, (sid: string) => `io=${sid}; HttpOnly; SameSite=Lax`],
      [
        "may have no path (false)",
        { name: "io", path: false },
        (sid: string) => `io=${sid}; HttpOnly; SameSite=Lax`,
      ],
      [
        "may be readable by scripts",
        { name: "io", httpOnly: false },
        (sid: string) => `io=${sid}; Path=/; SameSite=Lax`,
      ],
      [
        "may be strict",
        { name: "io", sameSite: "strict" },
        (sid: string) => `io=${sid}; Path=/; HttpOnly; SameSite=Strict`,
      ],
      [
        "may have the cookie package's other options",
        { name: "io", maxAge: 86_400, domain: "example.com", secure: true },
        (sid: string) =>
          `io=${sid}; Max-Age=86400; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax`,
      ],
    ])("%s", async (_, cookie, expected) => {
      const { port } = await startEngine(target, { cookie });
      const client = await PollingClient.connect(port);
      expect(client.handshake.headers["set-cookie"]).toEqual([expected(client.sid)]);
    });

    test.each([undefined, false])("is not sent when the option is %s", async (cookie) => {
      const { port } = await startEngine(target, { cookie });
      const client = await PollingClient.connect(port);
      expect(client.handshake.headers["set-cookie"]).toBeUndefined();
    });

    test("is sent with the handshake only", async () => {
      const { port, connections } = await startEngine(target, { cookie: true });
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      socket.send("hi");
      expect((await client.get()).headers["set-cookie"]).toBeUndefined();
      expect((await client.post("4hi")).headers["set-cookie"]).toBeUndefined();
    });
  });

  describe("cors", () => {
    test("is silent unless configured", async () => {
      const { port } = await startEngine(target);
      const { headers } = await request(port, handshake, { headers: { origin: "http://example.com" } });
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    });

    test("answers a preflight request without a handshake", async () => {
      const { engine, port } = await startEngine(target, {
        cors: {
          origin: "http://example.com",
          methods: ["GET", "HEAD", "POST"],
          allowedHeaders: ["my-header"],
          exposedHeaders: ["Some-Header"],
          credentials: true,
          maxAge: 123,
        },
      });
      const response = await request(port, handshake, {
        method: "OPTIONS",
        headers: { origin: "http://example.com", "access-control-request-method": "GET" },
      });
      expect(response.status).toBe(204);
      expect(response.bytes.length).toBe(0);
      expect(response.headers).toMatchObject({
        "access-control-allow-origin": "http://example.com",
        "access-control-allow-methods": "GET,HEAD,POST",
        "access-control-allow-headers": "my-header",
        "access-control-expose-headers": "Some-Header",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "123",
        vary: "Origin",
      });
      expect(engine.clientsCount).toBe(0);
    });

    test("marks polls and posts", async () => {
      const { port, connections } = await startEngine(target, {
        cors: { origin: "http://example.com", credentials: true },
      });
      const client = await PollingClient.connect(port, { headers: { origin: "http://example.com" } });
      const [socket] = await connections.next();
      socket.send("hi");
      const expected = {
        "access-control-allow-origin": "http://example.com",
        "access-control-allow-credentials": "true",
        vary: "Origin",
      };
      expect(client.handshake.headers).toMatchObject(expected);
      expect((await client.get()).headers).toMatchObject(expected);
      expect((await client.post("4hi")).headers).toMatchObject(expected);
    });

    test("marks refusals too, so that a browser can read why", async () => {
      const { port } = await startEngine(target, { cors: { origin: "http://example.com" } });
      const response = await request(port, "/engine.io/?EIO=4&transport=polling&sid=unknown");
      expect(response.status).toBe(400);
      expect(response.headers["access-control-allow-origin"]).toBe("http://example.com");
    });

    test("allows any origin with *", async () => {
      const { port } = await startEngine(target, { cors: { origin: "*" } });
      const { headers } = await request(port, handshake, { headers: { origin: "http://example.com" } });
      expect(headers["access-control-allow-origin"]).toBe("*");
    });

    test("reflects origins of a list or pattern and no others", async () => {
      const { port } = await startEngine(target, { cors: { origin: ["http://good.com", /\.friend\.com$/] } });
      const allowed = async (origin: string) =>
        (await request(port, handshake, { headers: { origin } })).headers["access-control-allow-origin"];
      expect(await allowed("http://good.com")).toBe("http://good.com");
      expect(await allowed("http://a.friend.com")).toBe("http://a.friend.com");
      expect(await allowed("http://bad.com")).toBeUndefined();
    });

    test("may be decided per request by a function", async () => {
      const { port } = await startEngine(target, {
        cors: (req: IncomingMessage, callback: (error: null, options: object) => void) =>
          callback(null, { origin: `http://${req.headers["x-name"]}.com` }),
      });
      const { headers } = await request(port, handshake, { headers: { "x-name": "ann" } });
      expect(headers["access-control-allow-origin"]).toBe("http://ann.com");
    });

    test("marks the WebSocket handshake", async () => {
      const { port } = await startEngine(target, { cors: { origin: "http://example.com" } });
      const client = await WsClient.connect(port);
      expect(client.headers["access-control-allow-origin"]).toBe("http://example.com");
    });
  });

  describe("initial_headers and headers events", () => {
    test("may add headers to polling responses: initial_headers to the first, headers to each", async () => {
      const { engine, port, connections } = await startEngine(target);
      const initial = eventsOf<[Headers, IncomingMessage]>(engine, "initial_headers");
      engine.on("initial_headers", (headers: Headers) => {
        headers.test = "123";
        headers["set-cookie"] = ["mycookie=456", "other=789"];
      });
      engine.on("headers", (headers: Headers, req: IncomingMessage) => {
        headers["x-each"] = `${req.method}`;
      });
      const client = await PollingClient.connect(port);
      expect(client.handshake.headers).toMatchObject({
        test: "123",
        "set-cookie": ["mycookie=456", "other=789"],
        "x-each": "GET",
      });
      const [, req] = await initial.next();
      expect(req.url).toBe(handshake);
      const [socket] = await connections.next();
      socket.send("hi");
      const poll = await client.get();
      expect(poll.headers["x-each"]).toBe("GET");
      expect(poll.headers.test).toBeUndefined();
      expect((await client.post("4hi")).headers["x-each"]).toBe("POST");
      expect(initial.size).toBe(0);
    });

    test("see the session's cookie among the headers", async () => {
      const { engine, port } = await startEngine(target, { cookie: true });
      const initial = eventsOf<[Headers]>(engine, "initial_headers");
      const client = await PollingClient.connect(port);
      const [headers] = await initial.next();
      expect(headers["Set-Cookie"]).toEqual([`io=${client.sid}; Path=/; HttpOnly; SameSite=Lax`]);
    });

    test("may add headers to a WebSocket handshake", async () => {
      const { engine, port } = await startEngine(target);
      engine.on("initial_headers", (headers: Headers, req: IncomingMessage) => {
        headers.test = "123";
        headers["x-url"] = req.url ?? "";
      });
      engine.on("headers", (headers: Headers) => {
        headers["x-each"] = "yes";
      });
      const client = await WsClient.connect(port);
      expect(client.headers).toMatchObject({
        test: "123",
        "x-url": "/engine.io/?EIO=4&transport=websocket",
        "x-each": "yes",
      });
    });

    test("an upgrade is no initial request", async () => {
      const { engine, port } = await startEngine(target);
      const client = await PollingClient.connect(port);
      engine.on("initial_headers", (headers: Headers) => {
        headers["x-initial"] = "yes";
      });
      engine.on("headers", (headers: Headers) => {
        headers["x-each"] = "yes";
      });
      const ws = await WsClient.connect(port, { query: { sid: client.sid } });
      expect(ws.headers["x-each"]).toBe("yes");
      expect(ws.headers["x-initial"]).toBeUndefined();
    });

    test("are not emitted for refusals", async () => {
      const { engine, port } = await startEngine(target);
      const headers = eventsOf(engine, "headers");
      await request(port, "/engine.io/?EIO=4&transport=tobi");
      await WsClient.refused(port, { query: { sid: "tobi" } });
      expect(headers.size).toBe(0);
    });
  });

  test("old Internet Explorers are told not to look for XSS in the answer", async () => {
    const { port } = await startEngine(target);
    const msie = await request(port, handshake, {
      headers: { "user-agent": "Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)" },
    });
    expect(msie.headers["x-xss-protection"]).toBe("0");
    const trident = await request(port, handshake, {
      headers: { "user-agent": "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko" },
    });
    expect(trident.headers["x-xss-protection"]).toBe("0");
    const firefox = await request(port, handshake, {
      headers: { "user-agent": "Mozilla/5.0 Firefox/130.0" },
    });
    expect(firefox.headers["x-xss-protection"]).toBeUndefined();
  });
});
