import { describe, expect, test } from "vitest";
import { connectEngineClient } from "../../src/clients.ts";
import type { ConnectionError, EngineTransport } from "../../src/engine-api.ts";
import { eventsOf, nextEvent, pause, turns, until } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { WsClient } from "../../src/ws-client.ts";
import { encodeWsFrame, opcodes, textFrame } from "../../src/ws-frames.ts";

describeEachServer("engine upgrade", (target) => {
  async function open(options = {}) {
    const server = await startEngine(target, options);
    const client = await PollingClient.connect(server.port);
    const [socket] = await server.connections.next();
    const webSocket = () => WsClient.connect(server.port, { query: { sid: client.sid } });
    return { ...server, client, socket, webSocket };
  }

  test("the whole sequence, in bytes: probe, noop to the pending poll, upgrade, messages both ways", async () => {
    const { httpServer, port, client, socket } = await open();
    const upgrading = nextEvent<[EngineTransport]>(socket, "upgrading");
    const upgraded = nextEvent<[EngineTransport]>(socket, "upgrade");
    const { response } = await pending(httpServer, () => client.get());

    const tcp = await TcpClient.webSocket(port, { sid: client.sid });
    expect(socket.transport.name).toBe("polling");
    tcp.write(textFrame("2probe"));
    expect(await tcp.bytes(8)).toEqual(Buffer.from([0x81, 6, ...Buffer.from("3probe")]));
    const [candidate] = await upgrading;
    expect(candidate.name).toBe("websocket");
    expect(socket.upgrading).toBe(true);
    expect(socket.upgraded).toBe(false);
    expect(await response).toMatchObject({ status: 200, text: "6" });

    tcp.write(textFrame("5"));
    const [transport] = await upgraded;
    expect(transport).toBe(candidate);
    expect(socket.transport).toBe(candidate);
    expect(socket.transport.name).toBe("websocket");
    expect(socket.upgraded).toBe(true);
    expect(socket.upgrading).toBe(false);

    const messages = eventsOf(socket, "message");
    tcp.write(textFrame("4hello"));
    expect(await messages.next()).toEqual(["hello"]);
    socket.send("hi");
    expect(await tcp.bytes(5)).toEqual(Buffer.from([0x81, 3, ...Buffer.from("4hi")]));
    socket.send(Buffer.from([1, 2, 3]));
    expect(await tcp.bytes(5)).toEqual(Buffer.from([0x82, 3, 1, 2, 3]));
  });

  test("what waited comes before what a listener to the upgrade sends, also if it closes", async () => {
    const { socket, webSocket } = await open();
    socket.on("upgrade", () => {
      socket.send("in the listener");
      socket.close();
    });
    const ws = await webSocket();
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    socket.send("waiting");
    await turns(3);
    ws.send("5");
    expect(await ws.next()).toBe("4waiting");
    expect(await ws.next()).toBe("4in the listener");
    await ws.closed;
  });

  test("the first request stays the socket's request", async () => {
    const { socket, webSocket } = await open();
    const before = socket.request;
    const ws = await webSocket();
    ws.send("2probe");
    await ws.next();
    const upgraded = nextEvent(socket, "upgrade");
    ws.send("5");
    await upgraded;
    expect(socket.request).toBe(before);
    expect(socket.request._query.transport).toBe("polling");
  });

  test("polls that arrive while the probe runs are released too", async () => {
    const { client, webSocket } = await open();
    const ws = await webSocket();
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    expect((await client.get()).text).toBe("6");
    expect((await client.get()).text).toBe("6");
  });

  test("an upgrade is no new connection", async () => {
    const { engine, connections, socket, webSocket } = await open();
    const ws = await webSocket();
    ws.send("2probe");
    await ws.next();
    ws.send("5");
    await nextEvent(socket, "upgrade");
    expect(connections.size).toBe(0);
    expect(engine.clientsCount).toBe(1);
    expect(ws.messages.size).toBe(0);
  });

  describe("no message is lost or doubled", () => {
    test("messages sent while the client no longer polls arrive over the WebSocket", async () => {
      const { socket, webSocket } = await open();
      const ws = await webSocket();
      socket.send("before the probe");
      ws.send("2probe");
      expect(await ws.next()).toBe("3probe");
      socket.send("after the probe");
      await turns(5);
      expect(ws.messages.size).toBe(0);
      ws.send("5");
      expect(await ws.next()).toBe("4before the probe");
      expect(await ws.next()).toBe("4after the probe");
      socket.send("after the upgrade");
      expect(await ws.next()).toBe("4after the upgrade");
    });

    test("messages sent while a poll is pending go there, not to the WebSocket", async () => {
      const { httpServer, client, socket, webSocket } = await open();
      const { response } = await pending(httpServer, () => client.get());
      const ws = await webSocket();
      ws.send("2probe");
      socket.once("upgrading", () => socket.send("now"));
      expect(await ws.next()).toBe("3probe");
      expect((await response).text).toBe("4now");
      ws.send("5");
      await nextEvent(socket, "upgrade");
      socket.send("end");
      expect(await ws.next()).toBe("4end");
    });

    test("messages of the upgrade event come after what waited", async () => {
      const { socket, webSocket } = await open();
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      socket.send("waited");
      socket.on("upgrade", () => socket.send("from the event"));
      ws.send("5");
      expect(await ws.next()).toBe("4waited");
      expect(await ws.next()).toBe("4from the event");
    });

    test("a POST that overlaps the probe is heard", async () => {
      const { client, socket, webSocket } = await open();
      const messages = eventsOf(socket, "message");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      await client.send("4by post");
      expect(await messages.next()).toEqual(["by post"]);
      ws.send("5");
      ws.send("4by websocket");
      expect(await messages.next()).toEqual(["by websocket"]);
    });

    test.each([false, true])("with the stock client under load (binary: %s)", async (binary) => {
      const { url, connections } = await startEngine(target);
      const client = await connectEngineClient(url, { transports: ["polling", "websocket"] });
      const message = (name: string, i: number) => (binary ? Buffer.from(`${name}${i}`) : `${name}${i}`);
      const down = eventsOf<[string | Buffer]>(client, "message");
      const [socket] = await connections.next();
      const up = eventsOf<[string | Buffer]>(socket, "message");
      const upgradedHere = nextEvent(socket, "upgrade");
      const upgradedThere = nextEvent(client, "upgrade");
      let sent = 0;
      let done = false;
      Promise.all([upgradedHere, upgradedThere]).then(() => {
        done = true;
      });
      while (!done || sent < 200) {
        socket.send(message("s", sent));
        client.send(message("c", sent));
        sent++;
        await turns(2);
      }
      for (let i = 0; i < sent; i++) {
        expect(String((await up.next())[0])).toBe(`c${i}`);
        expect(String((await down.next())[0])).toBe(`s${i}`);
      }
      expect(socket.transport.name).toBe("websocket");
      expect(up.size + down.size).toBe(0);
    });
  });

  describe("when the client does not go on", () => {
    test("the WebSocket is closed after upgradeTimeout and the session stays on polling", async () => {
      const { client, socket, webSocket } = await open({ upgradeTimeout: 80 });
      const ws = await webSocket();
      ws.send("2probe");
      expect(await ws.next()).toBe("3probe");
      await ws.closed;
      expect(socket.upgrading).toBe(false);
      expect(socket.upgraded).toBe(false);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("a WebSocket that says nothing is closed as well, and another may try", async () => {
      const { socket, webSocket } = await open({ upgradeTimeout: 80 });
      const silent = await webSocket();
      await silent.closed;
      const ws = await webSocket();
      ws.send("2probe");
      expect(await ws.next()).toBe("3probe");
      ws.send("5");
      await nextEvent(socket, "upgrade");
    });

    test("after an upgrade the time-out is off", async () => {
      const { socket, webSocket } = await open({ upgradeTimeout: 80 });
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      ws.send("5");
      await nextEvent(socket, "upgrade");
      await pause(150);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await ws.next()).toBe("4hi");
    });
  });

  test.each(["4hello", "2", "2prob", "3probe", "abc", "0", "6", "1"])(
    "a WebSocket that begins with %s instead of a probe is closed, the session is not",
    async (packet) => {
      const { client, socket, webSocket } = await open();
      const messages = eventsOf(socket, "message");
      const ws = await webSocket();
      ws.send(packet);
      await ws.closed;
      expect(messages.size).toBe(0);
      expect(socket.readyState).toBe("open");
      expect(socket.upgrading).toBe(false);
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    },
  );

  test("an upgrade packet without a probe upgrades at once", async () => {
    const { socket, webSocket } = await open();
    const ws = await webSocket();
    const upgraded = nextEvent(socket, "upgrade");
    ws.send("5");
    await upgraded;
    expect(socket.transport.name).toBe("websocket");
    socket.send("hi");
    expect(await ws.next()).toBe("4hi");
  });

  test("a message between probe and upgrade closes the WebSocket", async () => {
    const { client, socket, webSocket } = await open();
    const ws = await webSocket();
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    ws.send("4too early");
    await ws.closed;
    expect(socket.readyState).toBe("open");
    socket.send("hi");
    const packets = await client.take(1);
    expect(packets.filter((packet) => packet !== "6")).toEqual(["4hi"]);
  });

  test("a probe may be repeated", async () => {
    const { socket, webSocket } = await open();
    const ws = await webSocket();
    ws.send("2probe");
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    expect(await ws.next()).toBe("3probe");
    const upgraded = nextEvent(socket, "upgrade");
    ws.send("5");
    await upgraded;
  });

  describe("a second attempt", () => {
    test("during an upgrade is closed and does not disturb the first", async () => {
      const { socket, webSocket } = await open();
      const first = await webSocket();
      first.send("2probe");
      await first.next();
      const second = await webSocket();
      second.send("2probe");
      await second.closed;
      expect(second.messages.size).toBe(0);
      const upgraded = nextEvent(socket, "upgrade");
      first.send("5");
      await upgraded;
      socket.send("hi");
      expect(await first.next()).toBe("4hi");
    });

    test("after an upgrade is closed", async () => {
      const { socket, webSocket } = await open();
      const first = await webSocket();
      first.send("2probe");
      await first.next();
      const upgraded = nextEvent(socket, "upgrade");
      first.send("5");
      await upgraded;
      const second = await webSocket();
      await second.closed;
      expect(second.messages.size).toBe(0);
      socket.send("hi");
      expect(await first.next()).toBe("4hi");
    });

    test("after a failed one is welcome", async () => {
      const { socket, webSocket } = await open();
      const first = await webSocket();
      first.send("2probe");
      await first.next();
      first.socket.terminate();
      await until(() => !socket.upgrading, "the failed upgrade to be noticed");
      const second = await webSocket();
      second.send("2probe");
      expect(await second.next()).toBe("3probe");
      const upgraded = nextEvent(socket, "upgrade");
      second.send("5");
      await upgraded;
    });
  });

  describe("after the upgrade", () => {
    async function upgraded(options = {}) {
      const all = await open(options);
      const ws = await all.webSocket();
      ws.send("2probe");
      await ws.next();
      const done = nextEvent(all.socket, "upgrade");
      ws.send("5");
      await done;
      return { ...all, ws };
    }

    test("requests of the old transport are refused and change nothing", async () => {
      const { engine, client, socket, ws } = await upgraded();
      const failed = nextEvent<[ConnectionError]>(engine, "connection_error");
      const poll = await client.get();
      expect(poll.status).toBe(400);
      expect(JSON.parse(poll.text)).toEqual({ code: 3, message: "Bad request" });
      expect((await failed)[0].context).toEqual({
        name: "TRANSPORT_MISMATCH",
        transport: "polling",
        previousTransport: "websocket",
      });
      expect((await client.post("4hello")).status).toBe(400);
      socket.send("hi");
      expect(await ws.next()).toBe("4hi");
    });

    test("the end of the WebSocket is the end of the session", async () => {
      const { engine, socket, ws } = await upgraded();
      const closed = nextEvent(socket, "close");
      ws.socket.close();
      expect((await closed)[0]).toBe("transport close");
      expect(engine.clientsCount).toBe(0);
    });

    test("heartbeats go over the WebSocket", async () => {
      const { socket, ws } = await upgraded({ pingInterval: 100, pingTimeout: 5000 });
      const heartbeat = nextEvent(socket, "heartbeat");
      expect(await ws.next()).toBe("2");
      ws.send("3");
      await heartbeat;
      expect(await ws.next()).toBe("2");
    });

    test("a parse error closes the session", async () => {
      const { socket, ws } = await upgraded();
      const closed = nextEvent(socket, "close");
      ws.send("abc");
      expect((await closed)[0]).toBe("parse error");
      await ws.closed;
    });

    test("a poll that was still pending is answered", async () => {
      const { httpServer, client, socket, webSocket } = await open();
      const { response } = await pending(httpServer, () => client.get());
      const ws = await webSocket();
      const done = nextEvent(socket, "upgrade");
      ws.send("5");
      await done;
      expect((await response).status).toBe(200);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await ws.next()).toBe("4hi");
    });
  });

  describe("a close in mid-upgrade", () => {
    test("of the WebSocket leaves the session on polling", async () => {
      const { client, socket, webSocket } = await open();
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      ws.socket.close();
      await until(() => !socket.upgrading, "the failed upgrade to be noticed");
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("of the session by the client closes the WebSocket", async () => {
      const { client, socket, webSocket } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      await client.send("1");
      expect((await closed)[0]).toBe("transport close");
      await ws.closed;
    });

    test("of the session by the server, with nothing to send, ends with the next poll or the upgrade", async () => {
      const { client, socket, webSocket } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      socket.close();
      const { text } = await client.get();
      expect(text.split("\x1e").at(-1)).toBe("1");
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
    });

    test("of the session by the server, with messages waiting: they arrive over the WebSocket, then it ends", async () => {
      const { socket, webSocket } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      socket.send("a");
      socket.send("b");
      socket.close();
      expect(socket.readyState).toBe("closing");
      ws.send("5");
      expect(await ws.next()).toBe("4a");
      expect(await ws.next()).toBe("4b");
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
    });

    test("of the session by close(true) closes the WebSocket", async () => {
      const { socket, webSocket } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      socket.close(true);
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
    });

    test("of the server closes both", async () => {
      const { engine, socket, webSocket } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await webSocket();
      ws.send("2probe");
      await ws.next();
      engine.close();
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
      expect(engine.clientsCount).toBe(0);
    });
  });

  test("a bad frame on the candidate closes the candidate only", async () => {
    const { port, client, socket } = await open();
    const tcp = await TcpClient.webSocket(port, { sid: client.sid });
    tcp.write(encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from("2probe"), masked: false }));
    await tcp.closed;
    await until(() => !socket.upgrading, "the failed upgrade to be noticed");
    expect(socket.readyState).toBe("open");
    socket.send("hi");
    expect(await client.next()).toBe("4hi");
  });

  test("with allowUpgrades: false a WebSocket of the session is not offered", async () => {
    const { client } = await open({ allowUpgrades: false });
    expect(client.open.upgrades).toEqual([]);
  });

  test("the stock client upgrades, and both sides say so", async () => {
    const { url, connections } = await startEngine(target);
    const client = await connectEngineClient(url);
    const [socket] = await connections.next();
    const [there] = await nextEvent<[EngineTransport]>(client, "upgrade");
    await until(() => socket.upgraded, "the upgrade");
    expect(there.name).toBe("websocket");
    expect(socket.transport.name).toBe("websocket");
  });
});
