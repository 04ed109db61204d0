import { describe, expect, test } from "vitest";
import type { EngineSocket } from "../../src/engine-api.ts";
import { eventsOf } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

/** Both transports behind one face: text packets in encoded form, binary as bytes or as "b…". */
interface Peer {
  socket: EngineSocket;
  next(): Promise<string | Buffer>;
  send(packet: string | Buffer): Promise<void> | void;
}

const transports = ["polling", "websocket"] as const;

describeEachServer("engine messages", (target) => {
  async function open(transport: (typeof transports)[number], options = {}): Promise<Peer> {
    const { port, connections } = await startEngine(target, options);
    if (transport === "polling") {
      const client = await PollingClient.connect(port);
      const [socket] = await connections.next();
      return {
        socket,
        next: async () => {
          const packet = await client.next();
          return packet.startsWith("b") ? Buffer.from(packet.slice(1), "base64") : packet;
        },
        send: (packet) => client.send(typeof packet === "string" ? packet : `b${packet.toString("base64")}`),
      };
    }
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    return { socket, next: () => client.messages.next(), send: (packet) => client.send(packet) };
  }

  describe.each(transports)("over %s", (transport) => {
    test("text arrives at the client", async () => {
      const { socket, next } = await open(transport);
      socket.send("a");
      expect(await next()).toBe("4a");
      expect(socket.write("b")).toBe(socket);
      expect(await next()).toBe("4b");
      expect(socket.send("c")).toBe(socket);
      expect(await next()).toBe("4c");
    });

    test("text arrives at the server, as data and as message, with the packet before them", async () => {
      const { socket, send } = await open(transport);
      const events: unknown[] = [];
      socket.on("packet", (packet) => events.push(["packet", packet]));
      socket.on("data", (data) => events.push(["data", data]));
      const messages = eventsOf(socket, "message");
      socket.on("message", (data) => events.push(["message", data]));
      await send("4hello");
      expect(await messages.next()).toEqual(["hello"]);
      expect(events).toEqual([
        ["packet", { type: "message", data: "hello" }],
        ["data", "hello"],
        ["message", "hello"],
      ]);
    });

    test.each([
      ["accents and symbols", "utf8 — string: ñ ü € ☃"],
      ["astral characters", "cash money €€€ 👨‍👩‍👧 𝒳 🇺🇦"],
      ["line ends and tabs", "a\nb\r\nc\td\\n\\\\n"],
      ["separators of other languages", "\u2028\u2029"],
      ["a NUL character", "a\u0000b"],
      ["what looks like packets", "42[1]4hello2:40"],
      ["quotes and markup", `"'<script>&amp;%20+`],
      ["a byte order mark", "\ufeffa"],
    ])("%s survive both ways", async (_, text) => {
      const { socket, next, send } = await open(transport);
      const messages = eventsOf(socket, "message");
      await send(`4${text}`);
      expect(await messages.next()).toEqual([text]);
      socket.send(text);
      expect(await next()).toBe(`4${text}`);
    });

    test("a message without data is an empty packet", async () => {
      const { socket, next, send } = await open(transport);
      socket.send("");
      expect(await next()).toBe("4");
      socket.send(undefined);
      expect(await next()).toBe("4");
      socket.send(null);
      expect(await next()).toBe("4");
      const messages = eventsOf(socket, "message");
      await send("4");
      expect(await messages.next()).toEqual([undefined]);
    });

    test("numbers are sent as text", async () => {
      const { socket, next } = await open(transport);
      socket.send(123);
      expect(await next()).toBe("4123");
    });

    test("binary arrives at the server as a Buffer", async () => {
      const { socket, send } = await open(transport);
      const messages = eventsOf(socket, "message");
      const bytes = Buffer.from([0, 1, 2, 3, 255, 128]);
      await send(bytes);
      const [data] = await messages.next();
      expect(Buffer.isBuffer(data)).toBe(true);
      expect(data).toEqual(bytes);
    });

    test.each([
      ["a Buffer", Buffer.from([1, 2, 3, 4])],
      ["a slice of a Buffer", Buffer.from([0, 1, 2, 3, 4, 5]).subarray(1, 5)],
      ["an ArrayBuffer", new Uint8Array([1, 2, 3, 4]).buffer],
      ["a Uint8Array", new Uint8Array([1, 2, 3, 4])],
      ["a view into the middle", new Uint8Array([9, 9, 1, 2, 3, 4, 9]).subarray(2, 6)],
      ["a DataView", new DataView(new Uint8Array([9, 1, 2, 3, 4]).buffer, 1)],
      ["an Int16Array", new Int16Array(new Uint8Array([1, 2, 3, 4]).buffer)],
    ])("%s arrives at the client as its bytes", async (_, data) => {
      const { socket, next } = await open(transport);
      socket.send(data);
      expect(await next()).toEqual(Buffer.from([1, 2, 3, 4]));
    });

    test("empty binary stays binary", async () => {
      const { socket, next, send } = await open(transport);
      socket.send(Buffer.alloc(0));
      expect(await next()).toEqual(Buffer.alloc(0));
      const messages = eventsOf(socket, "message");
      await send(Buffer.alloc(0));
      expect(await messages.next()).toEqual([Buffer.alloc(0)]);
    });

    test("a thousand messages keep their order both ways, text and binary mixed", async () => {
      const { socket, next, send } = await open(transport);
      for (let i = 0; i < 1000; i++) socket.send(i % 3 === 0 ? Buffer.from([i & 255, i >> 8]) : `m${i}`);
      for (let i = 0; i < 1000; i++) {
        const expected = i % 3 === 0 ? Buffer.from([i & 255, i >> 8]) : `4m${i}`;
        expect(await next()).toEqual(expected);
      }
      const messages = eventsOf(socket, "message");
      if (transport === "polling") {
        await send(Array.from({ length: 1000 }, (_, i) => `4n${i}`).join("\x1e"));
      } else {
        for (let i = 0; i < 1000; i++) send(`4n${i}`);
      }
      for (let i = 0; i < 1000; i++) expect(await messages.next()).toEqual([`n${i}`]);
    });

    test("messages sent in different turns of the event loop keep their order", async () => {
      const { socket, next } = await open(transport);
      for (let i = 0; i < 20; i++) {
        socket.send(`a${i}`);
        await new Promise(setImmediate);
        socket.send(`b${i}`);
        process.nextTick(() => socket.send(`c${i}`));
        await Promise.resolve();
      }
      const expected = Array.from({ length: 20 }, (_, i) => [`4a${i}`, `4b${i}`]).flat();
      const received: unknown[] = [];
      while (received.length < 60) received.push(await next());
      expect(received.filter((packet) => !String(packet).startsWith("4c"))).toEqual(expected);
    });

    test("half a megabyte passes in one piece both ways", async () => {
      const { socket, next, send } = await open(transport);
      const text = "x".repeat(500_000);
      const messages = eventsOf(socket, "message");
      await send(`4${text}`);
      expect((await messages.next())[0]).toBe(text);
      socket.send(text);
      expect(await next()).toBe(`4${text}`);
    });

    test("a reply from within the message handler is sent", async () => {
      const { socket, next, send } = await open(transport);
      socket.on("message", (data) => socket.send(`echo ${data}`));
      const reply = next();
      await send("4hello");
      expect(await reply).toBe("4echo hello");
    });

    test("several clients do not hear each other", async () => {
      const { port, connections } = await startEngine(target);
      const connect = () =>
        transport === "polling" ? PollingClient.connect(port) : WsClient.handshake(port);
      const clients = await Promise.all(Array.from({ length: 5 }, connect));
      const sockets = new Map((await connections.take(5)).map(([socket]) => [socket.id, socket]));
      clients.forEach((client, i) => {
        const sid =
          client instanceof PollingClient ? client.sid : (client as { open: { sid: string } }).open.sid;
        sockets.get(sid)?.send(`for ${i}`);
      });
      for (const [i, client] of clients.entries()) expect(await client.next()).toBe(`4for ${i}`);
    });
  });

  test("over polling, what is sent in one turn is answered to one poll in one payload", async () => {
    const { port, connections } = await startEngine(target);
    const client = await PollingClient.connect(port);
    const [socket] = await connections.next();
    for (const message of ["a", Buffer.from([1, 2, 3]), "c"]) socket.send(message as string);
    expect((await client.get()).text).toBe("4a\x1ebAQID\x1e4c");
  });

  test("b64=1 asks for base64 on a WebSocket too", async () => {
    const { port, connections } = await startEngine(target);
    const client = await WsClient.handshake(port, { query: { b64: "1" } });
    const [socket] = await connections.next();
    socket.send(Buffer.from([1, 2, 3, 4]));
    expect(await client.next()).toBe("bAQIDBA==");
  });

  test("base64 text is binary on a WebSocket too", async () => {
    const { port, connections } = await startEngine(target);
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const messages = eventsOf(socket, "message");
    client.send("bAQIDBA==");
    expect(await messages.next()).toEqual([Buffer.from([1, 2, 3, 4])]);
  });

  test("packets of other types from a client carry no message", async () => {
    const { port, connections } = await startEngine(target);
    const client = await WsClient.handshake(port);
    const [socket] = await connections.next();
    const packets = eventsOf<[{ type: string; data?: string }]>(socket, "packet");
    const messages = eventsOf(socket, "message");
    for (const packet of ["0", "6", "5", "6noop", "4end"]) client.send(packet);
    expect((await packets.take(5)).map(([packet]) => packet)).toEqual([
      { type: "open" },
      { type: "noop" },
      { type: "upgrade" },
      { type: "noop", data: "noop" },
      { type: "message", data: "end" },
    ]);
    expect(messages.drain()).toEqual([["end"]]);
    expect(socket.readyState).toBe("open");
  });
});
