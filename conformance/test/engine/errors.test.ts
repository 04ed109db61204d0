import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import type { ConnectionError, EngineServer } from "../../src/engine-api.ts";
import { nextEvent } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { listen, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";

const nextError = async (engine: EngineServer) =>
  (await nextEvent<[ConnectionError]>(engine, "connection_error"))[0];

/** What a handshake that must fail over polling answers and reports. */
async function refusedPoll(engine: EngineServer, port: number, query: string, options = {}) {
  const failed = nextError(engine);
  const response = await request(port, `/engine.io/?${query}`, options);
  return { status: response.status, body: JSON.parse(response.text), error: await failed, response };
}

async function refusedWs(engine: EngineServer, port: number, query: Record<string, string | undefined>) {
  const failed = nextError(engine);
  const { status, text } = await WsClient.refused(port, { query });
  return { status, text, error: await failed };
}

describeEachServer("engine errors", (target) => {
  test("the codes and messages can be read from the Server class", () => {
    expect(target.engine.Server.errors).toEqual({
      UNKNOWN_TRANSPORT: 0,
      UNKNOWN_SID: 1,
      BAD_HANDSHAKE_METHOD: 2,
      BAD_REQUEST: 3,
      FORBIDDEN: 4,
      UNSUPPORTED_PROTOCOL_VERSION: 5,
    });
    expect(target.engine.Server.errorMessages).toEqual({
      0: "Transport unknown",
      1: "Session ID unknown",
      2: "Bad handshake method",
      3: "Bad request",
      4: "Forbidden",
      5: "Unsupported protocol version",
    });
  });

  describe("0, transport unknown", () => {
    test.each(["tobi", "__proto__", "constructor", "toString", "hasOwnProperty", "POLLING", "webtransport"])(
      "for transport=%s over HTTP",
      async (transport) => {
        const { engine, port } = await startEngine(target);
        const { status, body, error, response } = await refusedPoll(
          engine,
          port,
          `EIO=4&transport=${transport}`,
        );
        expect(status).toBe(400);
        expect(response.headers["content-type"]).toBe("application/json");
        expect(body).toEqual({ code: 0, message: "Transport unknown" });
        expect(error).toMatchObject({ code: 0, message: "Transport unknown", context: { transport } });
        expect(error.req.url).toContain(transport);
      },
    );

    test("for a missing transport, also when there is no query at all", async () => {
      const { engine, port } = await startEngine(target);
      expect((await refusedPoll(engine, port, "EIO=4")).body).toEqual({
        code: 0,
        message: "Transport unknown",
      });
      const failed = nextError(engine);
      expect((await request(port, "/engine.io/")).status).toBe(400);
      expect((await failed).context).toEqual({ transport: undefined });
    });

    test("for a transport that is not enabled", async () => {
      const { engine, port } = await startEngine(target, { transports: ["websocket"] });
      expect((await refusedPoll(engine, port, "EIO=4&transport=polling")).body.code).toBe(0);
    });

    test("over WebSocket, as status 400 with the message as body", async () => {
      const { engine, port } = await startEngine(target);
      const { status, text, error } = await refusedWs(engine, port, { transport: "tobi" });
      expect({ status, text }).toEqual({ status: 400, text: "Transport unknown" });
      expect(error).toMatchObject({ code: 0, context: { transport: "tobi" } });
    });
  });

  describe("1, session id unknown", () => {
    test.each(["tobi", "__proto__", "constructor", "toString", "valueOf", "null", "undefined", " "])(
      "for sid=%s over HTTP",
      async (sid) => {
        const { engine, port } = await startEngine(target);
        const refused = await refusedPoll(
          engine,
          port,
          `EIO=4&transport=polling&sid=${encodeURIComponent(sid)}`,
        );
        expect(refused.status).toBe(400);
        expect(refused.body).toEqual({ code: 1, message: "Session ID unknown" });
        expect(refused.error).toMatchObject({ code: 1, message: "Session ID unknown", context: { sid } });
      },
    );

    test.each(["tobi", "__proto__", "constructor"])("for sid=%s over WebSocket", async (sid) => {
      const { engine, port } = await startEngine(target);
      const { status, text, error } = await refusedWs(engine, port, { sid });
      expect({ status, text }).toEqual({ status: 400, text: "Session ID unknown" });
      expect(error).toMatchObject({ code: 1, context: { sid } });
    });

    test("for a POST of an unknown session", async () => {
      const { engine, port } = await startEngine(target);
      const { body } = await refusedPoll(engine, port, "EIO=4&transport=polling&sid=nope", {
        method: "POST",
        body: "4hello",
      });
      expect(body.code).toBe(1);
    });

    test("for a session that has ended", async () => {
      const { port } = await startEngine(target);
      const client = await PollingClient.connect(port);
      await client.send("1");
      const response = await client.get();
      expect(response.status).toBe(400);
      expect(JSON.parse(response.text)).toEqual({ code: 1, message: "Session ID unknown" });
    });
  });

  describe("2, bad handshake method", () => {
    test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("for %s without a session", async (method) => {
      const { engine, port } = await startEngine(target);
      const { status, body, error } = await refusedPoll(engine, port, "EIO=4&transport=polling", { method });
      expect(status).toBe(400);
      expect(body).toEqual({ code: 2, message: "Bad handshake method" });
      expect(error).toMatchObject({ code: 2, message: "Bad handshake method", context: { method } });
    });

    test("for HEAD, whose answer has no body", async () => {
      const { engine, port } = await startEngine(target);
      const failed = nextError(engine);
      const response = await request(port, "/engine.io/?EIO=4&transport=polling", { method: "HEAD" });
      expect(response.status).toBe(400);
      expect(response.bytes.length).toBe(0);
      expect(await failed).toMatchObject({ code: 2, context: { method: "HEAD" } });
    });

    test("for an upgrade request that is not a GET", async () => {
      const { engine, port } = await startEngine(target);
      const failed = nextError(engine);
      const client = await TcpClient.connect(port);
      client.write(
        "POST /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      const { status, body } = await client.response();
      expect({ status, body: body.toString() }).toEqual({ status: 400, body: "Bad handshake method" });
      expect((await failed).context).toEqual({ method: "POST" });
    });
  });

  describe("3, bad request", () => {
    test("for transport=websocket without an upgrade", async () => {
      const { engine, port } = await startEngine(target);
      const { status, body, error } = await refusedPoll(engine, port, "EIO=4&transport=websocket");
      expect(status).toBe(400);
      expect(body).toEqual({ code: 3, message: "Bad request" });
      expect(error).toMatchObject({
        code: 3,
        message: "Bad request",
        context: { name: "TRANSPORT_HANDSHAKE_ERROR" },
      });
    });

    test("for an origin header with control characters", async () => {
      // Node's parser refuses such headers on the wire, so the request is handed over as a proxy or a test would
      const { engine } = await startEngine(target);
      const failed = nextError(engine);
      const httpServer = createServer((req, res) => {
        req.headers.origin = "http://evil\u0001.example";
        engine.handleRequest(req, res);
      });
      const port = await listen(httpServer);
      const response = await request(port, "/engine.io/?EIO=4&transport=polling");
      expect(response.status).toBe(400);
      expect(JSON.parse(response.text)).toEqual({ code: 3, message: "Bad request" });
      expect(await failed).toMatchObject({
        code: 3,
        context: { name: "INVALID_ORIGIN", origin: "http://evil\u0001.example" },
      });
    });

    test("for an HTTP request to a session that lives on a WebSocket", async () => {
      const { engine, port } = await startEngine(target);
      const { open } = await WsClient.handshake(port);
      const refused = await refusedPoll(engine, port, `EIO=4&transport=polling&sid=${open.sid}`);
      expect(refused.body).toEqual({ code: 3, message: "Bad request" });
      expect(refused.error.context).toEqual({
        name: "TRANSPORT_MISMATCH",
        transport: "polling",
        previousTransport: "websocket",
      });
    });

    test("for transport=websocket without an upgrade in a polling session", async () => {
      const { engine, port } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const refused = await refusedPoll(engine, port, `EIO=4&transport=websocket&sid=${client.sid}`);
      expect(refused.error.context).toEqual({
        name: "TRANSPORT_MISMATCH",
        transport: "websocket",
        previousTransport: "polling",
      });
    });

    test("for another protocol version than the session's", async () => {
      const { engine, port } = await startEngine(target, { allowEIO3: true });
      const client = await PollingClient.connect(port);
      const refused = await refusedPoll(engine, port, `EIO=3&transport=polling&sid=${client.sid}`);
      expect(refused.body).toEqual({ code: 3, message: "Bad request" });
      expect(refused.error.context).toEqual({ name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 });
      const ws = await refusedWs(engine, port, { sid: client.sid, EIO: "3" });
      expect(ws.text).toBe("Bad request");
      expect(ws.error.context).toMatchObject({ name: "PROTOCOL_MISMATCH" });
    });

    test("leaves the session as it was", async () => {
      const { engine, port, connections } = await startEngine(target, { allowEIO3: true });
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      await refusedPoll(engine, port, `EIO=3&transport=polling&sid=${client.sid}`);
      await refusedPoll(engine, port, `EIO=4&transport=websocket&sid=${client.sid}`);
      socket.send("still here");
      expect(await client.next()).toBe("4still here");
    });
  });

  describe("4, forbidden: allowRequest", () => {
    test("refuses a poll with status 403 and its own message", async () => {
      const { engine, port } = await startEngine(target, {
        allowRequest: (_: unknown, callback: (message: string, ok: boolean) => void) =>
          callback("Thou shall not pass", false),
      });
      const { status, body, error } = await refusedPoll(engine, port, "EIO=4&transport=polling");
      expect(status).toBe(403);
      expect(body).toEqual({ code: 4, message: "Thou shall not pass" });
      expect(error).toMatchObject({
        code: 4,
        message: "Forbidden",
        context: { message: "Thou shall not pass" },
      });
    });

    test("refuses with the default message when it gives none", async () => {
      const { engine, port } = await startEngine(target, {
        allowRequest: (_: unknown, callback: (message: null, ok: boolean) => void) => callback(null, false),
      });
      expect((await refusedPoll(engine, port, "EIO=4&transport=polling")).body).toEqual({
        code: 4,
        message: "Forbidden",
      });
      expect((await refusedWs(engine, port, {})).text).toBe("Forbidden");
    });

    test("refuses a WebSocket with its own message", async () => {
      const { engine, port } = await startEngine(target, {
        allowRequest: (_: unknown, callback: (message: string, ok: boolean) => void) =>
          callback("Thou shall not pass — é", false),
      });
      const { status, text, error } = await refusedWs(engine, port, {});
      expect({ status, text }).toEqual({ status: 400, text: "Thou shall not pass — é" });
      expect(error).toMatchObject({
        code: 4,
        message: "Forbidden",
        context: { message: "Thou shall not pass — é" },
      });
    });

    test("may answer later, sees the request, and is asked once per session", async () => {
      const seen: unknown[] = [];
      const { port, connections } = await startEngine(target, {
        allowRequest: (
          req: { headers: Record<string, string> },
          callback: (message: null, ok: boolean) => void,
        ) => {
          seen.push(req.headers["x-name"]);
          setImmediate(() => callback(null, true));
        },
      });
      const client = await PollingClient.connect(port, { headers: { "x-name": "ann" } });
      const [socket] = await connections.next();
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
      await client.send("4hello");
      const ws = await WsClient.connect(port, { query: { sid: client.sid } });
      ws.send("2probe");
      expect(await ws.next()).toBe("3probe");
      expect(seen).toEqual(["ann"]);
    });
  });

  describe("5, unsupported protocol version", () => {
    test.each(["3", "2", "5", "", undefined])("for EIO=%s over HTTP", async (EIO) => {
      const { engine, port } = await startEngine(target);
      const query = EIO === undefined ? "transport=polling" : `EIO=${EIO}&transport=polling`;
      const { status, body, error } = await refusedPoll(engine, port, query);
      expect(status).toBe(400);
      expect(body).toEqual({ code: 5, message: "Unsupported protocol version" });
      expect(error).toMatchObject({
        code: 5,
        message: "Unsupported protocol version",
        context: { protocol: 3 },
      });
    });

    test("over WebSocket: the connection ends without an open packet", async () => {
      const { engine, port } = await startEngine(target);
      const failed = nextError(engine);
      const client = WsClient.begin(port, { query: { EIO: "3" } });
      expect(await failed).toMatchObject({ code: 5, context: { protocol: 3 } });
      await client.closed;
      expect(client.messages.size).toBe(0);
      expect(engine.clientsCount).toBe(0);
    });
  });

  test("the server goes on after every kind of refusal", async () => {
    const { port } = await startEngine(target);
    for (const query of ["", "transport=x", "EIO=4&transport=polling&sid=x", "EIO=3&transport=polling"]) {
      expect((await request(port, `/engine.io/?${query}`)).status).toBe(400);
    }
    expect((await PollingClient.connect(port)).sid).toBeTypeOf("string");
  });
});
