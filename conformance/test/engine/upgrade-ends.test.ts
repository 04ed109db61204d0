import { describe, expect, test } from "vitest";
import type { ConnectionError } from "../../src/engine-api.ts";
import { nextEvent, pause, until } from "../../src/events.ts";
import { pending } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { openPolling, openUpgraded } from "./upgrading.ts";

describeEachServer("engine upgrade that ends otherwise", (target) => {
  const open = (options = {}) => openPolling(target, options);

  describe("when the client does not go on", () => {
    test("the WebSocket is closed after upgradeTimeout and the session stays on polling", async () => {
      const { client, socket, probed } = await open({ upgradeTimeout: 80 });
      const ws = await probed();
      await ws.closed;
      expect(socket.upgrading).toBe(false);
      expect(socket.upgraded).toBe(false);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("a WebSocket that says nothing is closed as well, and another may try", async () => {
      const { socket, webSocket, probed } = await open({ upgradeTimeout: 80 });
      const silent = await webSocket();
      await silent.closed;
      const ws = await probed();
      ws.send("5");
      await nextEvent(socket, "upgrade");
    });

    test("after an upgrade the time-out is off", async () => {
      const { socket, probed } = await open({ upgradeTimeout: 80 });
      const ws = await probed();
      ws.send("5");
      await nextEvent(socket, "upgrade");
      await pause(150);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await ws.next()).toBe("4hi");
    });
  });

  describe("a second attempt", () => {
    test("during an upgrade is closed and does not disturb the first", async () => {
      const { socket, webSocket, probed } = await open();
      const first = await probed();
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
      const { socket, webSocket, probed } = await open();
      const first = await probed();
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
      const { socket, probed } = await open();
      const first = await probed();
      first.socket.terminate();
      await until(() => !socket.upgrading, "the failed upgrade to be noticed");
      const second = await probed();
      const upgraded = nextEvent(socket, "upgrade");
      second.send("5");
      await upgraded;
    });
  });

  describe("after the upgrade", () => {
    const upgraded = (options = {}) => openUpgraded(target, options);

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
      const { client, socket, probed } = await open();
      const ws = await probed();
      ws.socket.close();
      await until(() => !socket.upgrading, "the failed upgrade to be noticed");
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("of the session by the client closes the WebSocket", async () => {
      const { client, socket, probed } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await probed();
      await client.send("1");
      expect((await closed)[0]).toBe("transport close");
      await ws.closed;
    });

    test("of the session by the server, with nothing to send, ends with the next poll or the upgrade", async () => {
      const { client, socket, probed } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await probed();
      socket.close();
      const { text } = await client.get();
      expect(text.split("\x1e").at(-1)).toBe("1");
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
    });

    test("of the session by the server, with messages waiting: they arrive over the WebSocket, then it ends", async () => {
      const { socket, probed } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await probed();
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
      const { socket, probed } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await probed();
      socket.close(true);
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
    });

    test("of the server closes both", async () => {
      const { engine, socket, probed } = await open();
      const closed = nextEvent(socket, "close");
      const ws = await probed();
      engine.close();
      expect((await closed)[0]).toBe("forced close");
      await ws.closed;
      expect(engine.clientsCount).toBe(0);
    });
  });
});
