import { describe, expect, test } from "vitest";
import { connectEngineClient } from "../../src/clients.ts";
import type { EngineTransport } from "../../src/engine-api.ts";
import { eventsOf, nextEvent, turns, until } from "../../src/events.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";
import { encodeWsFrame, opcodes, textFrame } from "../../src/ws-frames.ts";
import { openPolling } from "./upgrading.ts";

describeEachServer("engine upgrade", (target) => {
  const open = (options = {}) => openPolling(target, options);

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
    const { socket, probed } = await open();
    socket.on("upgrade", () => {
      socket.send("in the listener");
      socket.close();
    });
    const ws = await probed();
    socket.send("waiting");
    await turns(3);
    ws.send("5");
    expect(await ws.next()).toBe("4waiting");
    expect(await ws.next()).toBe("4in the listener");
    await ws.closed;
  });

  test("the first request stays the socket's request", async () => {
    const { socket, probed } = await open();
    const before = socket.request;
    const ws = await probed();
    const upgraded = nextEvent(socket, "upgrade");
    ws.send("5");
    await upgraded;
    expect(socket.request).toBe(before);
    expect(socket.request._query.transport).toBe("polling");
  });

  test("polls that arrive while the probe runs are released too", async () => {
    const { client, probed } = await open();
    await probed();
    expect((await client.get()).text).toBe("6");
    expect((await client.get()).text).toBe("6");
  });

  test("an upgrade is no new connection", async () => {
    const { engine, connections, socket, probed } = await open();
    const ws = await probed();
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
      const { socket, probed } = await open();
      const ws = await probed();
      socket.send("waited");
      socket.on("upgrade", () => socket.send("from the event"));
      ws.send("5");
      expect(await ws.next()).toBe("4waited");
      expect(await ws.next()).toBe("4from the event");
    });

    test("a POST that overlaps the probe is heard", async () => {
      const { client, socket, probed } = await open();
      const messages = eventsOf(socket, "message");
      const ws = await probed();
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
    const { client, socket, probed } = await open();
    const ws = await probed();
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
