import { describe, expect, test } from "vitest";
import { connectEngineClient } from "../../src/clients.ts";
import { eventsOf, nextEvent, pause } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";
import { textFrame } from "../../src/ws-frames.ts";

describeEachServer("engine heartbeat", (target) => {
  test("the server pings after pingInterval, and again after each pong (WebSocket)", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 60, pingTimeout: 5000 });
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const heartbeats = eventsOf(socket, "heartbeat");
    for (let i = 0; i < 3; i++) {
      const began = performance.now();
      expect(await client.next()).toBe("2");
      if (i > 0) expect(performance.now() - began).toBeGreaterThan(50);
      client.send("3");
      expect(await heartbeats.next()).toEqual([]);
    }
    expect(socket.readyState).toBe("open");
  });

  test("the server pings through a poll, and takes a pong by POST", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 60, pingTimeout: 5000 });
    const client = await PollingClient.connect(port);
    const [socket] = await connections.next();
    const heartbeats = eventsOf(socket, "heartbeat");
    for (let i = 0; i < 2; i++) {
      expect((await client.get()).text).toBe("2");
      await client.send("3");
      await heartbeats.next();
    }
  });

  test("pings and pongs are seen as packets", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 60, pingTimeout: 5000 });
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const created = eventsOf<[{ type: string }]>(socket, "packetCreate");
    const packets = eventsOf(socket, "packet");
    expect(await client.next()).toBe("2");
    expect((await created.next())[0].type).toBe("ping");
    client.send("3");
    expect(await packets.next()).toEqual([{ type: "pong" }]);
  });

  test("messages do not put a ping off", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 100, pingTimeout: 5000 });
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    let stop = false;
    socket.on("message", () => {
      if (!stop) setImmediate(() => client.send("4more"));
    });
    client.send("4start");
    expect(await client.next()).toBe("2");
    stop = true;
  });

  test.each(["websocket", "polling"])(
    "a client that never pongs is closed after pingTimeout (%s)",
    async (transport) => {
      const { engine, port, connections } = await startEngine(target, { pingInterval: 50, pingTimeout: 100 });
      const client =
        transport === "websocket" ? await WsClient.handshake(port) : await PollingClient.connect(port);
      const began = performance.now();
      const [socket] = await connections.next();
      const closed = nextEvent(socket, "close");
      expect(await client.next()).toBe("2");
      const [reason, description] = await closed;
      expect(reason).toBe("ping timeout");
      expect(description).toBeUndefined();
      expect(performance.now() - began).toBeGreaterThan(130);
      expect(socket.readyState).toBe("closed");
      expect(engine.clientsCount).toBe(0);
      if (client instanceof WsClient) await client.closed;
      else expect((await client.get()).status).toBe(400);
    },
  );

  test("a client that never polls is closed as well", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 40, pingTimeout: 60 });
    await PollingClient.connect(port);
    const [socket] = await connections.next();
    expect((await nextEvent(socket, "close"))[0]).toBe("ping timeout");
  });

  test("a client that pongs outlives many time-outs", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 30, pingTimeout: 400 });
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    for (let i = 0; i < 20; i++) {
      expect(await client.next()).toBe("2");
      client.send("3");
    }
    expect(socket.readyState).toBe("open");
  });

  test("any packet after the ping extends the time-out, once", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 50, pingTimeout: 500 });
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const closed = nextEvent(socket, "close");
    expect(await client.next()).toBe("2");
    const began = performance.now();
    await pause(250);
    client.send("4busy");
    await pause(150);
    client.send("4busy");
    expect((await closed)[0]).toBe("ping timeout");
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(700);
  });

  test("a client's ping is an error in protocol 4", async () => {
    const { port, connections } = await startEngine(target);
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const closed = nextEvent<[string, Error]>(socket, "close");
    client.send("2");
    const [reason, description] = await closed;
    expect(reason).toBe("transport error");
    expect(description).toBeInstanceOf(Error);
    expect(description.message).toBe("invalid heartbeat direction");
    await client.closed;
  });

  test("a client's ping by POST is an error too", async () => {
    const { port, connections } = await startEngine(target);
    const client = await PollingClient.connect(port);
    const [socket] = await connections.next();
    const closed = nextEvent<[string, Error]>(socket, "close");
    await client.post("2").catch(() => {});
    expect((await closed)[0]).toBe("transport error");
    expect((await client.get()).status).toBe(400);
  });

  test("a pong that nobody asked for is a heartbeat", async () => {
    const { port, connections } = await startEngine(target);
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const heartbeats = eventsOf(socket, "heartbeat");
    client.send("3");
    client.send("3");
    await heartbeats.take(2);
    expect(socket.readyState).toBe("open");
  });

  describe("with the stock client", () => {
    test.each(["polling", "websocket"])("lives through many intervals (%s)", async (transport) => {
      const { url, connections } = await startEngine(target, { pingInterval: 40, pingTimeout: 2000 });
      const client = await connectEngineClient(url, { transports: [transport] });
      const [socket] = await connections.next();
      const heartbeats = eventsOf(socket, "heartbeat");
      await heartbeats.take(5);
      expect(socket.readyState).toBe("open");
      expect(client.readyState).toBe("open");
    });
  });

  test("raw pongs are understood however they are framed", async () => {
    const { port, connections } = await startEngine(target, { pingInterval: 50, pingTimeout: 5000 });
    const tcp = await TcpClient.webSocket(port);
    expect(await tcp.text()).toMatch(/^0\{/);
    const [socket] = await connections.next();
    const heartbeats = eventsOf(socket, "heartbeat");
    expect(await tcp.text()).toBe("2");
    const frame = textFrame("3");
    tcp.write(frame.subarray(0, 3));
    await pause(5);
    tcp.write(frame.subarray(3));
    await heartbeats.next();
  });
});
