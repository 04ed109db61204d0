import { describe, expect, it } from "vitest";
import type { PollingClient } from "../../src/polling-client.ts";
import { conformance, once, type Running, type Socket } from "./support.ts";

/** What a raw client does, whatever carries it. */
interface Raw {
  send(packet: string): unknown;
  next(): Promise<string>;
}

conformance("the Socket.IO protocol: connecting", (kit) => {
  const transports: Record<string, (running: Running) => Promise<Raw>> = {
    websocket: (running) => kit.rawWebSocket(running),
    polling: (running) => kit.rawPolling(running),
  };

  for (const [transport, open] of Object.entries(transports)) {
    describe(`over ${transport}`, () => {
      it("to the main namespace", async () => {
        const running = await kit.serve();
        const arrival = once<[Socket]>(running.io, "connection");
        const raw = await open(running);
        await raw.send("40");
        const answer = await raw.next();
        expect(answer.startsWith("40")).toBe(true);
        const handshake = JSON.parse(answer.slice(2));
        expect(Object.keys(handshake)).toEqual(["sid"]);
        const [socket] = await arrival;
        expect(handshake.sid).toBe(socket.id);
      });

      it("to the main namespace with a payload", async () => {
        const running = await kit.serve();
        running.io.on("connection", (socket) => socket.emit("auth", socket.handshake.auth));
        const raw = await open(running);
        await raw.send('40{"token":"123","nested":{"a":[1]}}');
        expect(await raw.next()).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
        expect(await raw.next()).toBe('42["auth",{"token":"123","nested":{"a":[1]}}]');
      });

      it("to another namespace, with or without a payload", async () => {
        const running = await kit.serve();
        running.io.of("/custom").on("connection", (socket) => socket.emit("auth", socket.handshake.auth));
        for (const [packet, auth] of [
          ["40/custom,", "{}"],
          ["40/custom", "{}"],
          ['40/custom,{"token":"abc"}', '{"token":"abc"}'],
        ]) {
          const raw = await open(running);
          await raw.send(packet!);
          expect(await raw.next()).toMatch(/^40\/custom,\{"sid":"[\w-]{20}"\}$/);
          expect(await raw.next()).toBe(`42/custom,["auth",${auth}]`);
        }
      });

      it("to an unknown namespace is refused, and another may be tried", async () => {
        const running = await kit.serve();
        const raw = await open(running);
        await raw.send("40/random");
        expect(await raw.next()).toBe('44/random,{"message":"Invalid namespace"}');
        await raw.send("40");
        expect(await raw.next()).toMatch(/^40\{"sid":"/);
      });

      it("is refused by a middleware with message and data", async () => {
        const running = await kit.serve();
        running.io.use((_socket, next) => next(Object.assign(new Error("no"), { data: { code: 1 } })));
        running.io.of("/plain").use((_socket, next) => next(new Error("no")));
        const raw = await open(running);
        await raw.send("40");
        expect(await raw.next()).toBe('44{"message":"no","data":{"code":1}}');
        await raw.send("40/plain,");
        expect(await raw.next()).toBe('44/plain,{"message":"no"}');
      });
    });
  }

  describe("closes the connection", () => {
    for (const [what, packet] of [
      ["with text after the type", "40abc"],
      ["with a list as its payload", "40[1]"],
      ["with a string as its payload", '40"token"'],
      ["with a number as its payload", "40null"],
      ["with half a payload", '40{"token":'],
      ["with a comma and no namespace", "40,"],
    ]) {
      it(`for a CONNECT ${what}`, async () => {
        const running = await kit.serve();
        const webSocket = await kit.rawWebSocket(running);
        webSocket.send(packet!);
        await webSocket.closed;
        expect(webSocket.messages.drain()).toEqual([]);
        expect(running.io.sockets.sockets.size).toBe(0);
        await kit.connected(running);
      });
    }

    it("for a second CONNECT to the same namespace", async () => {
      const running = await kit.serve();
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40");
      expect(await webSocket.next()).toMatch(/^40/);
      const [socket] = running.io.sockets.sockets.values();
      const gone = once<[string]>(socket!, "disconnect");
      webSocket.send("40");
      await webSocket.closed;
      expect(["forced close", "forced server close"]).toContain((await gone)[0]);
    });

    for (const [what, packet] of [
      ["an EVENT", '42["event"]'],
      ["an EVENT with an ack", '421["event"]'],
      ["an ACK", "430[]"],
      ["a DISCONNECT", "41"],
      ["a CONNECT_ERROR", '44{"message":"x"}'],
      ["the EVENT of another namespace", '42/custom,["event"]'],
      ["the DISCONNECT of another namespace", "41/custom,"],
    ]) {
      it(`for ${what} before CONNECT`, async () => {
        const running = await kit.serve();
        running.io.of("/custom");
        const webSocket = await kit.rawWebSocket(running);
        webSocket.send(packet!);
        await webSocket.closed;
        await kit.connected(running);
      });
    }

    it("for the EVENT of a namespace it did not join", async () => {
      const running = await kit.serve();
      running.io.of("/custom");
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40");
      await webSocket.next();
      webSocket.send('42/custom,["event"]');
      await webSocket.closed;
    });

    it("for a CONNECT_ERROR sent by the client", async () => {
      const running = await kit.serve();
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40");
      await webSocket.next();
      webSocket.send('44{"message":"x"}');
      await webSocket.closed;
    });
  });

  describe("over polling a protocol violation ends with the frames 6 and 1", () => {
    /** The next poll's body. */
    const body = async (polling: PollingClient) => (await polling.get()).text;

    it("for a second CONNECT, after the answer to the first", async () => {
      const polling = await kit.rawPolling(await kit.serve());
      await polling.send("40");
      await polling.send("40");
      expect(await body(polling)).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
      expect(await body(polling)).toBe("6\u001e1");
    });

    it("for an EVENT before CONNECT", async () => {
      const polling = await kit.rawPolling(await kit.serve());
      await polling.send('42["some event"]');
      expect(await body(polling)).toBe("6\u001e1");
    });

    it("for a packet that cannot be decoded", async () => {
      const polling = await kit.rawPolling(await kit.serve());
      await polling.send("4abc");
      expect(await body(polling)).toBe("6\u001e1");
    });

    it("but a frame that cannot be decoded ends the session at once", async () => {
      const polling = await kit.rawPolling(await kit.serve());
      await polling.post("abc").catch(() => undefined);
      const { status, text } = await polling.get();
      expect(status).toBe(400);
      expect(JSON.parse(text)).toEqual({ code: 1, message: "Session ID unknown" });
    });

    it("answers a poll that is pending with the frame 1", async () => {
      const running = await kit.serve();
      const polling = await kit.rawPolling(running);
      const connection = Object.values(
        (running.io.engine as unknown as { clients: Record<string, object> }).clients,
      )[0]!;
      const pending = body(polling);
      while (!(connection as { transport: { writable: boolean } }).transport.writable) {
        await new Promise(setImmediate);
      }
      await polling.send('42["some event"]');
      expect(await pending).toBe("1");
    });
  });
});
