import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2,
  createSecureServer,
} from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import express from "express";
import session from "express-session";
import fastify from "fastify";
import helmet from "helmet";
import passport from "passport";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { cleanUpLater } from "../../src/cleanup.ts";
import type { EngineServer } from "../../src/engine-api.ts";
import { WsClient } from "../../src/ws-client.ts";
import { conformance, type HttpServer, once, type Socket, transportCases } from "./support.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
// A certificate for localhost, made for these tests only.
const certificate = { key: fixture("localhost-key.pem"), cert: fixture("localhost-cert.pem") };

interface Http2Answer {
  status: number;
  body: string;
}

function http2Request(
  client: ClientHttp2Session,
  path: string,
  method = "GET",
  body?: string,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ":path": path, ":method": method });
    let status = 0;
    let text = "";
    stream.setEncoding("utf8");
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.on("data", (chunk) => {
      text += chunk;
    });
    stream.on("end", () => resolve({ status, body: text }));
    stream.on("error", reject);
    stream.end(body);
  });
}

conformance("living with other servers and frameworks", (kit) => {
  describe("https", () => {
    for (const { title, transports } of transportCases) {
      it(`carries ${title} clients, whose handshake is secure`, async () => {
        const https = createHttps(certificate);
        const io = kit.track(new kit.Server(https));
        const port = await kit.listenHttp(https as unknown as HttpServer);
        io.on("connection", (socket) => socket.on("echo", (value, reply) => reply(value)));
        const arrival = once<[Socket]>(io, "connection");
        const client = await kit.connected(`https://localhost:${port}`, "/", {
          transports,
          ca: certificate.cert.toString(),
        });
        const [socket] = await arrival;
        expect(socket.handshake.secure).toBe(true);
        expect(await client.emitWithAck("echo", "x")).toBe("x");
      });
    }
  });

  describe("http2", () => {
    it("carries the clients of HTTP/1.1 on a secure server", async () => {
      const http2 = createSecureServer({ ...certificate, allowHTTP1: true });
      const io = kit.track(new kit.Server(http2));
      const port = await kit.listenHttp(http2 as unknown as HttpServer);
      for (const { transports } of transportCases) {
        const arrival = once(io, "connection");
        await kit.connected(`https://localhost:${port}`, "/", {
          transports,
          ca: certificate.cert.toString(),
        });
        await arrival;
      }
    });

    it("carries long-polling in HTTP/2 streams", async () => {
      const http2 = createHttp2();
      const io = kit.track(new kit.Server(http2 as never));
      const port = await kit.listenHttp(http2 as unknown as HttpServer);
      const client = connectHttp2(`http://localhost:${port}`);
      cleanUpLater(() => client.destroy());
      const opened = await http2Request(client, "/socket.io/?EIO=4&transport=polling");
      expect(opened.status).toBe(200);
      const { sid } = JSON.parse(opened.body.slice(1));
      const session = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
      const arrival = once<[Socket]>(io, "connection");
      expect(await http2Request(client, session, "POST", "40")).toEqual({ status: 200, body: "ok" });
      const [socket] = await arrival;
      expect((await http2Request(client, session)).body).toMatch(/^40\{"sid":"/);
      socket.emit("hello");
      expect((await http2Request(client, session)).body).toBe('42["hello"]');
    });

    it("serves the client bundle in HTTP/2 streams", async () => {
      const http2 = createHttp2();
      kit.track(new kit.Server(http2 as never));
      const port = await kit.listenHttp(http2 as unknown as HttpServer);
      const client = connectHttp2(`http://localhost:${port}`);
      cleanUpLater(() => client.destroy());
      const { status, body } = await http2Request(client, "/socket.io/socket.io.js");
      expect(status).toBe(200);
      expect(body).toContain("Socket.IO");
    });
  });

  describe("Express", () => {
    it("shares its HTTP server", async () => {
      const app = express();
      app.get("/hello", (_request, response) => response.send("from express"));
      const http = createServer(app);
      const running = await kit.listen(new kit.Server(http), http);
      expect(await (await fetch(`${running.url}/hello`)).text()).toBe("from express");
      expect((await fetch(`${running.url}/nowhere`)).status).toBe(404);
      for (const { transports } of transportCases) {
        const [socket, client] = await kit.pair(running, "/", { transports });
        socket.on("echo", (value, reply) => reply(value));
        expect(await client.emitWithAck("echo", "x")).toBe("x");
      }
    });

    it("must be given as an HTTP server, not as the application", () => {
      expect(() => new kit.Server(express() as unknown as HttpServer)).toThrow(
        "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
      );
    });
  });

  describe("Fastify", () => {
    it("shares its HTTP server", async () => {
      const app = fastify();
      cleanUpLater(() => app.close());
      app.get("/hello", async () => ({ from: "fastify" }));
      const io = kit.track(new kit.Server(app.server));
      await app.listen({ port: 0 });
      const url = `http://localhost:${(app.server.address() as AddressInfo).port}`;
      expect(await (await fetch(`${url}/hello`)).json()).toEqual({ from: "fastify" });
      for (const { transports } of transportCases) {
        const arrival = once(io, "connection");
        const client = await kit.connected(url, "/", { transports });
        await arrival;
        client.disconnect();
      }
    });
  });

  describe("another upgrade handler", () => {
    it("gets the upgrades of its own path", async () => {
      const http = createServer();
      const running = await kit.listen(new kit.Server(http, { destroyUpgrade: false }), http);
      const others = new WebSocketServer({ noServer: true });
      http.on("upgrade", (request, socket, head) => {
        if (request.url === "/other/") {
          others.handleUpgrade(request, socket, head, (webSocket) => webSocket.send("from the other"));
        }
      });
      const plain = new WsClient(new WebSocket(`ws://localhost:${running.port}/other/`));
      expect(await plain.next()).toBe("from the other");
      await kit.connected(running);
    });

    it("finds foreign upgrades closed after destroyUpgradeTimeout", async () => {
      const running = await kit.serve({ destroyUpgradeTimeout: 20 });
      const foreign = new WsClient(new WebSocket(`ws://localhost:${running.port}/nobody/`));
      await foreign.closed;
    });
  });

  describe("io.engine.use()", () => {
    const engineOf = (io: { engine: unknown }) => io.engine as EngineServer;

    for (const { title, transports } of transportCases) {
      it(`lets express-session put the session on socket.request (${title})`, async () => {
        const sessions = session({ secret: "test only", resave: false, saveUninitialized: true });
        const app = express();
        app.use(sessions);
        app.get("/login", (request, response) => {
          request.session.views = 41;
          response.send("welcome");
        });
        const http = createServer(app);
        const running = await kit.listen(new kit.Server(http), http);
        engineOf(running.io).use(sessions);
        const login = await fetch(`${running.url}/login`);
        const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
        const [socket, client] = await kit.pair(running, "/", { transports, extraHeaders: { cookie } });
        const { session: seen, sessionID } = socket.request as unknown as {
          sessionID: string;
          session: { views: number; reload(done: () => void): void; save(done: () => void): void };
        };
        expect(seen.views).toBe(41);
        expect(sessionID).toBeTypeOf("string");
        // a program keeps the session as it handles events, and later requests see that
        socket.on("count", (reply) => {
          seen.reload(() => {
            (socket.request as unknown as { session: typeof seen }).session.views++;
            (socket.request as unknown as { session: typeof seen }).session.save(() => reply("saved"));
          });
        });
        expect(await client.emitWithAck("count")).toBe("saved");
        app.get("/views", (request, response) => response.send(String(request.session.views)));
        const views = await fetch(`${running.url}/views`, { headers: { cookie } });
        expect(await views.text()).toBe("42");
      });
    }

    it("lets passport put the user on socket.request", async () => {
      const sessions = session({ secret: "test only", resave: false, saveUninitialized: true });
      passport.serializeUser((_user, done) => done(null, "1"));
      passport.deserializeUser((id, done) => done(null, { id, name: "ada" }));
      const running = await kit.serve();
      const engine = engineOf(running.io);
      engine.use(sessions);
      engine.use((request: { session: Record<string, unknown> }, _response, next) => {
        request.session.passport = { user: "1" };
        next();
      });
      engine.use(passport.initialize());
      engine.use(passport.session());
      for (const { transports } of transportCases) {
        const [socket] = await kit.pair(running, "/", { transports });
        expect(socket.request).toMatchObject({ user: { id: "1", name: "ada" } });
        expect((socket.request as unknown as { isAuthenticated(): boolean }).isAuthenticated()).toBe(true);
      }
    });

    it("lets helmet set its headers on polling answers and the upgrade", async () => {
      const running = await kit.serve();
      engineOf(running.io).use(helmet());
      const answer = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-dns-prefetch-control")).toBe("off");
      expect(answer.headers.get("x-frame-options")).toBe("SAMEORIGIN");
      const webSocket = await kit.rawWebSocket(running);
      expect(webSocket.headers["x-frame-options"]).toBe("SAMEORIGIN");
      await kit.connected(running);
    });

    it("lets a middleware answer instead", async () => {
      const running = await kit.serve();
      engineOf(running.io).use(
        (_request, response: { writeHead(status: number): void; end(body?: string): void }, _next) => {
          response.writeHead(503);
          response.end("maintenance");
        },
      );
      const answer = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
      expect(answer.status).toBe(503);
      expect(await answer.text()).toBe("maintenance");
    });

    it("runs middleware in the order of registration, for each request", async () => {
      const running = await kit.serve();
      const order: string[] = [];
      for (const name of ["first", "second"]) {
        engineOf(running.io).use((_request, _response, next) => {
          order.push(name);
          next();
        });
      }
      await (await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`)).text();
      expect(order).toEqual(["first", "second"]);
    });

    it("refuses the request when a middleware fails", async () => {
      const running = await kit.serve();
      engineOf(running.io).use((_request, _response, next) => next(new Error("no")));
      const answer = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
      expect(answer.status).toBe(400);
      const refused = await WsClient.refused(running.port, { path: "/socket.io/" });
      expect(refused.status).toBe(400);
    });
  });
});
