import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { connectEngineClient } from "../../src/clients.ts";
import { eventsOf } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";

const long = "compressible ".repeat(200);

describeEachServer("engine compression", (target) => {
  describe("httpCompression", () => {
    async function poll(
      message: string | Buffer,
      accept: string | undefined,
      options = {},
      sendOptions = {},
    ) {
      const { port, connections } = await startEngine(target, options);
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      socket.send(message, sendOptions);
      const response = await client.get(accept ? { headers: { "accept-encoding": accept } } : {});
      // the session must be able to go on
      socket.send("end");
      expect(await client.next()).toBe("4end");
      return response;
    }

    test("gzip is preferred from 1024 bytes on", async () => {
      const { headers, bytes } = await poll(long, "gzip, deflate");
      expect(headers["content-encoding"]).toBe("gzip");
      expect(headers["content-type"]).toBe("text/plain; charset=UTF-8");
      expect(gunzipSync(bytes).toString()).toBe(`4${long}`);
    });

    test("deflate is used when only that is accepted", async () => {
      const { headers, bytes } = await poll(long, "deflate");
      expect(headers["content-encoding"]).toBe("deflate");
      expect(inflateSync(bytes).toString()).toBe(`4${long}`);
    });

    test("the client's weights decide", async () => {
      expect((await poll(long, "gzip;q=0.2, deflate;q=0.8")).headers["content-encoding"]).toBe("deflate");
      expect((await poll(long, "gzip;q=0, deflate;q=0")).headers["content-encoding"]).toBeUndefined();
    });

    test.each([undefined, "br", "identity"])("accept-encoding: %s gets plain text", async (accept) => {
      const { headers, text } = await poll(long, accept);
      expect(headers["content-encoding"]).toBeUndefined();
      expect(text).toBe(`4${long}`);
    });

    test("short answers are not compressed", async () => {
      expect((await poll("x".repeat(1022), "gzip")).headers["content-encoding"]).toBeUndefined();
      expect((await poll("x".repeat(1023), "gzip")).headers["content-encoding"]).toBe("gzip");
    });

    test("the threshold counts bytes and can be set", async () => {
      expect(
        (await poll("€€", "gzip", { httpCompression: { threshold: 7 } })).headers["content-encoding"],
      ).toBe("gzip");
      expect(
        (await poll("€€", "gzip", { httpCompression: { threshold: 8 } })).headers["content-encoding"],
      ).toBeUndefined();
      expect(
        (await poll("x", "gzip", { httpCompression: { threshold: 0 } })).headers["content-encoding"],
      ).toBe("gzip");
    });

    test("base64 of binary is compressed as well", async () => {
      const { headers, bytes } = await poll(Buffer.alloc(3000, 1), "gzip");
      expect(headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(bytes).toString()).toBe(`b${Buffer.alloc(3000, 1).toString("base64")}`);
    });

    test("false turns it off", async () => {
      expect(
        (await poll(long, "gzip", { httpCompression: false })).headers["content-encoding"],
      ).toBeUndefined();
    });

    test("a message may ask not to be compressed", async () => {
      expect((await poll(long, "gzip", {}, { compress: false })).headers["content-encoding"]).toBeUndefined();
    });

    test("the handshake is compressed like any other answer", async () => {
      const { port } = await startEngine(target, { httpCompression: { threshold: 10 } });
      const response = await request(port, "/engine.io/?EIO=4&transport=polling", {
        headers: { "accept-encoding": "gzip" },
      });
      expect(response.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(response.bytes).toString()).toMatch(/^0\{"sid"/);
    });

    test("a session of compressed polls keeps order", async () => {
      const { port, connections } = await startEngine(target, { httpCompression: { threshold: 1 } });
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      const compressed = { headers: { "accept-encoding": "gzip" } };
      const received: string[] = [];
      for (let i = 0; i < 30; i++) socket.send(`a${i}`);
      for (let i = 0; i < 30; i++) {
        const poll = client.get(compressed);
        socket.send(`b${i}`);
        received.push(
          ...gunzipSync((await poll).bytes)
            .toString()
            .split("\x1e"),
        );
      }
      socket.send("end");
      while (received.at(-1) !== "4end") {
        received.push(
          ...gunzipSync((await client.get(compressed)).bytes)
            .toString()
            .split("\x1e"),
        );
      }
      const expected = Array.from({ length: 30 }, (_, i) => `4a${i}`);
      expect(received).toEqual([...expected, ...Array.from({ length: 30 }, (_, i) => `4b${i}`), "4end"]);
    });
  });

  describe("perMessageDeflate", () => {
    const offer = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"];

    test("is off unless asked for", async () => {
      const { port } = await startEngine(target);
      const client = await TcpClient.connect(port);
      client.write(
        `GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${offer[0]}\r\n\r\n`,
      );
      expect((await client.response()).head).not.toMatch(/permessage-deflate/i);
    });

    test("is negotiated and compresses long messages, in bytes", async () => {
      const { port, connections } = await startEngine(target, { perMessageDeflate: { threshold: 0 } });
      const client = await TcpClient.webSocket(port, {}, offer);
      const [socket] = await connections.next();
      await client.frame();
      socket.send(long);
      const frame = await client.frame();
      expect(frame).toMatchObject({ fin: true, rsv1: true, opcode: 1 });
      expect(frame.payload.length).toBeLessThan(200);
    });

    test("leaves messages below the threshold alone when each message stands for itself", async () => {
      const { port, connections } = await startEngine(target, {
        perMessageDeflate: { threshold: 1024, serverNoContextTakeover: true },
      });
      const client = await TcpClient.webSocket(port, {}, offer);
      const [socket] = await connections.next();
      expect(await client.frame()).toMatchObject({ rsv1: false });
      socket.send("short");
      const short = await client.frame();
      expect(short.rsv1).toBe(false);
      expect(short.payload.toString()).toBe("4short");
      socket.send(long);
      const compressed = await client.frame();
      expect(compressed.rsv1).toBe(true);
      const tail = Buffer.from([0, 0, 0xff, 0xff]);
      expect(inflateRawSync(Buffer.concat([compressed.payload, tail]), { finishFlush: 2 }).toString()).toBe(
        `4${long}`,
      );
    });

    test("keeps the order of long and short, text and binary messages", async () => {
      const { port, connections } = await startEngine(target, { perMessageDeflate: true });
      const client = await WsClient.handshake(port);
      expect(client.headers["sec-websocket-extensions"]).toMatch(/^permessage-deflate/);
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      const sent: (string | Buffer)[] = [];
      for (let i = 0; i < 60; i++) {
        const message = i % 3 === 0 ? `${long}${i}` : i % 3 === 1 ? `short ${i}` : Buffer.alloc(2000, i);
        sent.push(message);
        socket.send(message);
        client.send(typeof message === "string" ? `4${message}` : message);
      }
      for (const message of sent) {
        expect(await client.messages.next()).toEqual(typeof message === "string" ? `4${message}` : message);
        expect(await messages.next()).toEqual([message]);
      }
    });

    test("a close comes after what was sent before, also when that is still being compressed", async () => {
      const { port, connections } = await startEngine(target, { perMessageDeflate: { threshold: 0 } });
      const client = await WsClient.handshake(port);
      const [socket] = await connections.next();
      for (let i = 0; i < 20; i++) socket.send(`${long}${i}`);
      socket.close();
      for (let i = 0; i < 20; i++) expect(await client.next()).toBe(`4${long}${i}`);
      await client.closed;
    });

    test("works with the stock client through an upgrade", async () => {
      const { url, connections } = await startEngine(target, { perMessageDeflate: { threshold: 0 } });
      const client = await connectEngineClient(url, { perMessageDeflate: { threshold: 0 } });
      const [socket] = await connections.next();
      const received = eventsOf(client, "message");
      for (let i = 0; i < 50; i++) {
        socket.send(`${long}${i}`);
        await new Promise(setImmediate);
      }
      for (let i = 0; i < 50; i++) expect(await received.next()).toEqual([`${long}${i}`]);
    });

    test("counts the inflated size against maxHttpBufferSize", async () => {
      const { port, connections } = await startEngine(target, {
        perMessageDeflate: true,
        maxHttpBufferSize: 10_000,
      });
      const client = await WsClient.handshake(port);
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      client.send(`4${"x".repeat(100_000)}`);
      expect((await client.closed).code).toBe(1009);
      expect(messages.size).toBe(0);
    });
  });

  describe("wsEngine", () => {
    test("may be a subclass of ws.Server, which is constructed with the server's options and used", async () => {
      const constructed: Record<string, unknown>[] = [];
      class CountingServer extends WebSocketServer {
        constructor(options: ConstructorParameters<typeof WebSocketServer>[0]) {
          constructed.push({ ...options });
          super(options);
        }
      }
      const { port, connections } = await startEngine(target, {
        wsEngine: CountingServer,
        maxHttpBufferSize: 4321,
      });
      expect(constructed.length).toBeGreaterThan(0);
      expect(constructed[0]).toMatchObject({ noServer: true, clientTracking: false, maxPayload: 4321 });
      const client = await WsClient.handshake(port);
      const [socket] = await connections.next();
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("may be a server that emits no events and wraps its sockets", async () => {
      class QuietServer {
        readonly #server: WebSocketServer;
        constructor(options: ConstructorParameters<typeof WebSocketServer>[0]) {
          this.#server = new WebSocketServer(options);
        }
        handleUpgrade(...args: Parameters<WebSocketServer["handleUpgrade"]>): void {
          this.#server.handleUpgrade(...args);
        }
        close(): void {
          this.#server.close();
        }
      }
      const { port, connections } = await startEngine(target, { wsEngine: QuietServer });
      const client = await WsClient.handshake(port);
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      client.send("4hello");
      expect(await messages.next()).toEqual(["hello"]);
      for (let i = 0; i < 20; i++) socket.send(i % 2 ? `m${i}` : Buffer.from([i]));
      for (let i = 0; i < 20; i++) {
        expect(await client.messages.next()).toEqual(i % 2 ? `4m${i}` : Buffer.from([i]));
      }
      socket.close();
      await client.closed;
    });

    test("every message of a foreign engine goes through its socket's send", async () => {
      const sent: unknown[] = [];
      class SpyingServer extends WebSocketServer {
        override handleUpgrade(
          ...[req, socket, head, callback]: Parameters<WebSocketServer["handleUpgrade"]>
        ): void {
          super.handleUpgrade(req, socket, head, (ws, request) => {
            const send = ws.send.bind(ws) as (...args: unknown[]) => void;
            ws.send = (...args: unknown[]) => {
              sent.push(String(args[0]));
              send(...args);
            };
            callback(ws, request);
          });
        }
      }
      const { port, connections } = await startEngine(target, { wsEngine: SpyingServer });
      const client = await WsClient.handshake(port);
      const [socket] = await connections.next();
      socket.send("a");
      socket.send("b");
      expect(await client.next()).toBe("4a");
      expect(await client.next()).toBe("4b");
      expect(sent.slice(1)).toEqual(["4a", "4b"]);
    });
  });
});
