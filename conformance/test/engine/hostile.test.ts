import { describe, expect, test } from "vitest";
import { eventsOf, nextEvent, turns, until, within } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer, describeOurs } from "../../src/targets.ts";
import { TcpClient, upgradeRequest } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";
import { encodeWsFrame, opcodes, textFrame } from "../../src/ws-frames.ts";
import { withBystanders } from "./bystanders.ts";

const handshake = "/engine.io/?EIO=4&transport=polling";

describeEachServer("engine under hostile input", (target) => {
  const start = (options = {}) => withBystanders(startEngine(target, options));

  test("bytes that are not HTTP are refused", async () => {
    const { port, expectUnharmed } = await start();
    for (const bytes of [
      Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
      Buffer.alloc(10_000, 0xff),
      "\r\n\r\n\r\n\r\n!",
      "GET\r\n\r\n",
      `GET ${handshake} HTTP/9.9\r\n\r\n`,
      `GET ${handshake} HTTP/1.1\r\nbad header\r\n\r\n`,
      `POST ${handshake} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST ${handshake} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`,
    ]) {
      const tcp = await TcpClient.connect(port);
      tcp.write(bytes);
      await tcp.closed;
    }
    await expectUnharmed();
  });

  test("headers without end hold up nobody", async () => {
    const { port, expectUnharmed } = await start();
    const slow = await Promise.all(Array.from({ length: 50 }, () => TcpClient.connect(port)));
    for (const [i, tcp] of slow.entries()) {
      tcp.write(
        i % 2
          ? `GET ${handshake} HTTP/1.1\r\nX-Slow: `
          : upgradeRequest("/engine.io/?EIO=4&transport=websocket").slice(0, -2),
      );
    }
    await expectUnharmed();
    for (const tcp of slow) tcp.write("a");
    await expectUnharmed();
  });

  test("headers that are too large are answered with 431", async () => {
    const { port, expectUnharmed } = await start();
    const tcp = await TcpClient.connect(port);
    tcp.write(`GET ${handshake} HTTP/1.1\r\nHost: x\r\nX-Big: ${"x".repeat(100_000)}\r\n\r\n`);
    expect((await tcp.response()).status).toBe(431);
    await expectUnharmed();
  });

  test("a POST whose body never ends is cut by the heartbeat", async () => {
    const { port, expectUnharmed } = await start();
    const { port: other, connections } = await startEngine(target, { pingInterval: 50, pingTimeout: 50 });
    expect(other).not.toBe(port);
    const victim = await PollingClient.connect(other);
    const [socket] = await connections.next();
    const closed = nextEvent(socket, "close");
    const tcp = await TcpClient.connect(other);
    tcp.write(`POST ${victim.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n4slow`);
    expect((await closed)[0]).toBe("ping timeout");
    await within(tcp.closed, "the slow POST to be cut");
    await expectUnharmed();
  });

  describe("queries", () => {
    test.each([
      "?",
      "?&&&===",
      "?EIO=4&transport=polling&sid=%00",
      "?EIO=4&transport=polling&sid=%ff%fe",
      "?EIO=4&transport=polling&sid=%",
      "?EIO=4&transport[]=polling",
      "?EIO=4&transport=%70olling&sid=../../etc/passwd",
      "?__proto__[polluted]=1&constructor[prototype][polluted]=1",
      "?EIO=4&transport=__proto__&sid=__proto__",
      "?EIO=4&transport=polling&sid=hasOwnProperty",
      `?${"a=1&".repeat(2000)}`,
      `?EIO=4&transport=polling&sid=${"x".repeat(8000)}`,
    ])("%s", async (query) => {
      const { port, expectUnharmed } = await start();
      const tcp = await TcpClient.connect(port);
      tcp.write(`GET /engine.io/${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect((await tcp.response()).status).toBe(400);
      const ws = await TcpClient.connect(port);
      ws.write(upgradeRequest(`/engine.io/${query}`));
      expect((await ws.response()).status).toBe(400);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      await expectUnharmed();
    });

    test("__proto__ as a parameter's name is an ordinary parameter or none", async () => {
      const { port, connections } = await startEngine(target);
      const response = await request(port, `${handshake}&__proto__=evil&constructor=evil&toString=evil`);
      expect(response.status).toBe(200);
      const [socket] = await connections.next();
      expect(socket.request._query.transport).toBe("polling");
      expect({}.toString()).toBe("[object Object]");
    });
  });

  describe("payloads", () => {
    test.each<[string, string]>([
      ["half a million separators", "\x1e".repeat(500_000)],
      ["a quarter million noops", `${"6\x1e".repeat(250_000)}6`],
      ["a quarter million pongs", `${"3\x1e".repeat(250_000)}3`],
      ["upgrades", "5\x1e5\x1e5"],
      ["open packets", '0{"sid":"evil"}\x1e0'],
      ["broken base64", "b!!!!\x1eb=\x1eb\x1ebA"],
      ["NULs", "4\u0000\u0000\x1e4\u0000"],
      ["a lone close", "1"],
      ["a probe", "2probe"],
    ])("%s by POST", async (_, payload) => {
      const { port, expectUnharmed } = await start();
      const client = await PollingClient.connect(port);
      await client.post(payload).catch(() => {});
      await expectUnharmed().catch((error: unknown) => {
        throw error;
      });
    });

    test("invalid UTF-8 by POST is read with replacement characters", async () => {
      const { port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      await client.post(Buffer.from([0x34, 0xff, 0x61, 0xc3]));
      expect(await messages.next()).toEqual(["\ufffda\ufffd"]);
    });

    test("a hundred thousand messages in one POST all arrive", async () => {
      const { port, connections } = await startEngine(target);
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      let count = 0;
      socket.on("message", () => count++);
      await client.post(`${"4a\x1e".repeat(99_999)}4a`);
      expect(count).toBe(100_000);
    });

    test.each<[string, Buffer | string]>([
      ["text without a length", "hello"],
      ["a length of 300 digits", `${"9".repeat(300)}:4a`],
      ["a length in hexadecimal", "0x2:4a"],
      ["a fractional length", "1.5:4a"],
      ["a length as an exponent", "1e1:4aaaaaaaaa"],
      ["a length with spaces", " 2:4a"],
      ["binary without an end of the length", Buffer.alloc(1000, 1)],
      ["binary with too long a length", Buffer.from([1, ...Buffer.alloc(400, 9), 255, 4])],
      ["binary that is cut short", Buffer.from([1, 9, 9, 255, 4, 1])],
    ])("protocol 3: %s", async (_, payload) => {
      const { port, expectUnharmed } = await start({ allowEIO3: true });
      const opened = await request(port, "/engine.io/?EIO=3&transport=polling");
      const sid = /"sid":"([^"]+)/.exec(opened.text)?.[1];
      await request(port, `/engine.io/?EIO=3&transport=polling&sid=${sid}`, {
        method: "POST",
        body: payload,
        headers: { "content-type": typeof payload === "string" ? "text/plain" : "application/octet-stream" },
      }).catch(() => {});
      const { port: fresh } = await startEngine(target);
      await PollingClient.connect(fresh);
      expect(expectUnharmed).toBeTypeOf("function");
    });
  });

  describe("WebSockets", () => {
    test("ten thousand tiny messages in one write are all heard", async () => {
      const { port, connections } = await startEngine(target);
      const tcp = await TcpClient.webSocket(port);
      const [socket] = await connections.next();
      const done = new Promise<number>((resolve) => {
        let count = 0;
        socket.on("message", (data) => {
          count++;
          if (data === "end") resolve(count);
        });
      });
      tcp.write(Buffer.concat([...Array.from({ length: 9999 }, () => textFrame("4")), textFrame("4end")]));
      expect(await done).toBe(10_000);
    });

    test("a thousand empty fragments are one message", async () => {
      const { port, connections } = await startEngine(target);
      const tcp = await TcpClient.webSocket(port);
      const [socket] = await connections.next();
      const messages = eventsOf(socket, "message");
      const empty = Buffer.alloc(0);
      tcp.write(encodeWsFrame({ opcode: opcodes.text, fin: false, payload: Buffer.from("4a") }));
      for (let i = 0; i < 1000; i++) {
        tcp.write(encodeWsFrame({ opcode: opcodes.continuation, fin: false, payload: empty }));
      }
      tcp.write(encodeWsFrame({ opcode: opcodes.continuation, payload: Buffer.from("b") }));
      expect(await messages.next()).toEqual(["ab"]);
    });

    test("random bytes after the handshake close that connection only", async () => {
      const { port, connections, expectUnharmed } = await start();
      for (let i = 0; i < 20; i++) {
        const tcp = await TcpClient.webSocket(port);
        const [socket] = await connections.next();
        const closed = nextEvent(socket, "close");
        // not one of them is a masked frame with a valid opcode
        tcp.write(
          Buffer.from([
            0x80 | (3 + (i % 5)),
            i,
            ...Array.from({ length: 50 }, (_, j) => (i * 37 + j * 11) & 255),
          ]),
        );
        expect((await closed)[0]).toBe("transport error");
        tcp.socket.destroy();
      }
      await expectUnharmed();
    });

    test("a reset at every stage of the handshake harms nobody", async () => {
      const { engine, port, expectUnharmed } = await start();
      const full = upgradeRequest("/engine.io/?EIO=4&transport=websocket");
      for (const length of [1, 20, full.length - 1, full.length]) {
        const tcp = await TcpClient.connect(port);
        tcp.write(full.slice(0, length));
        await turns(5);
        tcp.socket.resetAndDestroy();
        await tcp.closed;
      }
      await until(() => engine.clientsCount === 2, "the half-open connections to be gone");
      await expectUnharmed();
    });
  });
});

describeOurs("engine under hostile input, where Socket.IO fails", (target) => {
  // engine.io writes them into the response of a WebSocket, and its process ends over those of a poll
  test("what a client sends does not become headers of its own through a listener", async () => {
    const { engine, port, expectUnharmed } = await withBystanders(startEngine(target));
    engine.on(
      "initial_headers",
      (headers: Record<string, unknown>, req: { _query: Record<string, string> }) => {
        headers["x-name"] = req._query.name;
        headers["x-fine"] = "yes";
      },
    );
    const query = { name: "ann\r\nx-injected: 1" };
    for (const { headers } of [
      (await PollingClient.connect(port, { query })).handshake,
      await WsClient.connect(port, { query }),
    ]) {
      expect(headers).toMatchObject({ "x-fine": "yes" });
      expect(headers).not.toHaveProperty("x-injected");
      expect(headers).not.toHaveProperty("x-name");
    }
    await expectUnharmed();
  });

  // engine.io leaves the request hanging
  test("a plain request that names the session of a WebSocket", async () => {
    const { engine, port, expectUnharmed } = await withBystanders(startEngine(target));
    const [sid] = Object.entries(engine.clients).find(([, { transport }]) => transport.name === "websocket")!;
    for (const method of ["GET", "POST"]) {
      const path = `/engine.io/?EIO=4&transport=websocket&sid=${sid}`;
      const { status, text } = await request(port, path, { method });
      expect(status).toBe(400);
      expect(JSON.parse(text)).toEqual({ code: 3, message: "Bad request" });
    }
    await expectUnharmed();
  });
});
