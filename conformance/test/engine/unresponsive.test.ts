import { expect, test } from "vitest";
import type { EngineOptions, EngineServer } from "../../src/engine-api.ts";
import { nextEvent, turns, until, within } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer, describeOurs, type Target } from "../../src/targets.ts";
import { TcpClient, upgradeRequest } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";
import { encodeWsFrame, opcodes } from "../../src/ws-frames.ts";
import { withBystanders } from "./bystanders.ts";

const handshake = "/engine.io/?EIO=4&transport=polling";

/** Ways in which a program can take its time over a handshake. */
type Decider = (decided: Promise<void>) => { options?: EngineOptions; prepare?(engine: EngineServer): void };

const deciders: [string, Decider][] = [
  [
    "in middleware",
    (decided) => ({
      prepare: (engine) =>
        engine.use(((_req: unknown, _res: unknown, next: () => void) => decided.then(next)) as never),
    }),
  ],
  [
    "in allowRequest",
    (decided) => ({
      options: {
        allowRequest: (_req: unknown, callback: (message: null, ok: boolean) => void) => {
          decided.then(() => callback(null, true));
        },
      },
    }),
  ],
  [
    "in generateId",
    (decided) => ({
      prepare: (engine) => {
        engine.generateId = () => decided.then(() => "late");
      },
    }),
  ],
];

/** A client sends `head` and resets its connection before the server has decided; then the server allows it. */
async function leaveEarly(target: Target, decider: Decider, head: string): Promise<void> {
  let decide = () => {};
  const decided = new Promise<void>((resolve) => {
    decide = resolve;
  });
  const { options, prepare } = decider(decided);
  const { engine, httpServer, port } = await startEngine(target, {
    pingInterval: 40,
    pingTimeout: 40,
    ...options,
  });
  prepare?.(engine);
  const arrived = new Promise((resolve) => {
    httpServer.once("request", resolve);
    httpServer.once("upgrade", resolve);
  });
  const tcp = await TcpClient.connect(port);
  tcp.write(head);
  await arrived;
  tcp.socket.resetAndDestroy();
  await tcp.closed;
  await turns(10);
  decide();
  await turns(10);
  await until(() => engine.clientsCount === 0, "the session to be gone");
  await WsClient.handshake(port);
}

describeEachServer("engine under clients that leave", (target) => {
  test.each(deciders)("a poll that is abandoned while the server still decides (%s)", async (_, decider) => {
    await leaveEarly(target, decider, `GET ${handshake} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });

  test("sessions that are opened and forgotten end with the heartbeat", async () => {
    const { engine, port } = await startEngine(target, { pingInterval: 40, pingTimeout: 40 });
    await Promise.all(Array.from({ length: 100 }, () => request(port, handshake)));
    expect(engine.clientsCount).toBeGreaterThan(0);
    await until(() => engine.clientsCount === 0, "the sessions to be gone");
  });

  test("polls that are opened and abandoned leave nothing behind", async () => {
    const { engine, httpServer, port } = await startEngine(target);
    for (let i = 0; i < 20; i++) {
      const client = await PollingClient.connect(port);
      const abort = new AbortController();
      const { response } = await pending(httpServer, () => client.get({ signal: abort.signal }));
      abort.abort();
      await response.catch(() => {});
    }
    await until(() => engine.clientsCount === 0, "the sessions to be gone");
  });
});

describeOurs("engine under clients that leave or do not read, where Socket.IO fails", (target) => {
  // engine.io piles up an answer to each
  test("a client of protocol 3 that pings and does not read gets one answer", async () => {
    const { port, expectUnharmed } = await withBystanders(startEngine(target, { allowEIO3: true }));
    const base = "/engine.io/?EIO=3&transport=polling";
    const { sid } = JSON.parse((await request(port, base)).text.replace(/^\d+:0/, ""));
    const body = "1:2".repeat(300_000);
    const headers = { "content-type": "text/plain;charset=UTF-8" };
    expect((await request(port, `${base}&sid=${sid}`, { method: "POST", body, headers })).text).toBe("ok");
    expect((await request(port, `${base}&sid=${sid}`)).text).toBe("1:3");
    await expectUnharmed();
  });

  // engine.io listens to errors of the TCP connection only once it is a WebSocket: here the process would end
  test.each(deciders)("a WebSocket that is reset while the server still decides (%s)", async (_, decider) => {
    await leaveEarly(target, decider, upgradeRequest("/engine.io/?EIO=4&transport=websocket"));
  });

  // engine.io keeps everything that is sent to a client that does not read: memory without bound
  test("a WebSocket that does not read is closed at outboxBytesMax, with a reason, and others go on", async () => {
    const { engine, port, connections, expectUnharmed } = await withBystanders(
      startEngine(target, { outboxBytesMax: 1_000_000 }),
    );
    const tcp = await TcpClient.webSocket(port);
    const [socket] = await connections.next();
    tcp.socket.pause();
    const closed = nextEvent<[string, Error & { code: string }]>(socket, "close");
    const chunk = "x".repeat(100_000);
    while (socket.readyState === "open") {
      socket.send(chunk);
      await turns(1);
    }
    const [reason, description] = await closed;
    expect(reason).toBe("transport error");
    expect(description.code).toBe("OUTBOX_FULL");
    expect(engine.clientsCount).toBe(2);
    await expectUnharmed();
  });

  test("a client that does not poll is closed at outboxBytesMax", async () => {
    const { port, connections, expectUnharmed } = await withBystanders(
      startEngine(target, { outboxBytesMax: 1_000_000 }),
    );
    await PollingClient.connect(port);
    const [socket] = await connections.next();
    const closed = nextEvent<[string, Error & { code: string }]>(socket, "close");
    for (let i = 0; i < 100 && socket.readyState === "open"; i++) {
      socket.send("x".repeat(100_000));
      await turns(1);
    }
    const [reason, description] = await closed;
    expect(reason).toBe("transport error");
    expect(description.code).toBe("OUTBOX_FULL");
    await expectUnharmed();
  });

  // engine.io answers every WebSocket ping however much of its answers is still unread: memory without bound
  test("a flood of WebSocket pings from a client that does not read is bounded", async () => {
    const { httpServer, port, expectUnharmed } = await withBystanders(
      startEngine(target, { outboxBytesMax: 1_000_000 }),
    );
    const upgraded = nextEvent<[{ socket: { writableLength: number; destroyed: boolean } }]>(
      httpServer,
      "upgrade",
    );
    const tcp = await TcpClient.webSocket(port);
    const [{ socket }] = await upgraded;
    tcp.socket.pause();
    const ping = encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.alloc(125, 7) });
    const flood = Buffer.concat(Array.from({ length: 5000 }, () => ping));
    let most = 0;
    for (let i = 0; i < 60 && !tcp.socket.destroyed && !socket.destroyed; i++) {
      await new Promise<void>((resolve) => {
        if (tcp.socket.write(flood, () => resolve())) return;
        setTimeout(resolve, 50);
      });
      most = Math.max(most, socket.writableLength);
    }
    expect(most).toBeLessThan(8_000_000);
    await expectUnharmed();
  });

  // engine.io leaves the rest of a refused body to be read for as long as the client sends
  test("a POST that goes on after its 413 is cut", async () => {
    const { port, expectUnharmed } = await withBystanders(startEngine(target, { maxHttpBufferSize: 10_000 }));
    const client = await PollingClient.connect(port);
    const tcp = await TcpClient.connect(port);
    tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = `1000\r\n${"x".repeat(4096)}\r\n`;
    for (let i = 0; i < 1000 && !tcp.socket.destroyed; i++) {
      tcp.write(chunk);
      await turns(1);
    }
    await within(tcp.closed, "the endless POST to be cut");
    await expectUnharmed();
  });
});
