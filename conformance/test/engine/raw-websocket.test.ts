import { describe, expect, test } from "vitest";
import { eventsOf, pause, turns } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import { describeEachServer, describeOurs } from "../../src/targets.ts";
import { TcpClient, upgradeRequest } from "../../src/tcp-client.ts";
import { encodeWsFrame, opcodes, textFrame } from "../../src/ws-frames.ts";

describeEachServer("engine WebSocket in raw bytes", (target) => {
  async function open(options = {}) {
    const server = await startEngine(target, options);
    const tcp = await TcpClient.webSocket(server.port);
    expect(await tcp.text()).toMatch(/^0\{/);
    const [socket] = await server.connections.next();
    return {
      ...server,
      tcp,
      socket,
      closes: eventsOf(socket, "close"),
      messages: eventsOf(socket, "message"),
    };
  }

  /** The code of the close frame that ends the connection. */
  async function closeCode(tcp: TcpClient): Promise<number> {
    const frame = await tcp.frame();
    expect(frame.opcode).toBe(opcodes.close);
    await tcp.closed;
    return frame.payload.readUInt16BE(0);
  }

  describe("frames from the client", () => {
    test("may come byte by byte", async () => {
      const { tcp, messages } = await open();
      tcp.socket.setNoDelay(true);
      for (const byte of textFrame("4slow")) {
        tcp.write(Buffer.from([byte]));
        await turns(1);
      }
      expect(await messages.next()).toEqual(["slow"]);
    });

    test("may come many in one segment", async () => {
      const { tcp, messages } = await open();
      tcp.write(Buffer.concat(Array.from({ length: 500 }, (_, i) => textFrame(`4m${i}`))));
      for (let i = 0; i < 500; i++) expect(await messages.next()).toEqual([`m${i}`]);
    });

    test("may be fragmented, with control frames between the fragments", async () => {
      const { tcp, messages } = await open();
      tcp.write(encodeWsFrame({ opcode: opcodes.text, fin: false, payload: Buffer.from("4he") }));
      tcp.write(encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.from("are you there") }));
      tcp.write(encodeWsFrame({ opcode: opcodes.continuation, fin: false, payload: Buffer.from("l") }));
      tcp.write(encodeWsFrame({ opcode: opcodes.continuation, payload: Buffer.from("lo") }));
      const pong = await tcp.frame();
      expect(pong.opcode).toBe(opcodes.pong);
      expect(pong.payload.toString()).toBe("are you there");
      expect(await messages.next()).toEqual(["hello"]);
    });

    test("fragments may split a character", async () => {
      const { tcp, messages } = await open();
      const text = Buffer.from("4€");
      tcp.write(encodeWsFrame({ opcode: opcodes.text, fin: false, payload: text.subarray(0, 2) }));
      tcp.write(encodeWsFrame({ opcode: opcodes.continuation, payload: text.subarray(2) }));
      expect(await messages.next()).toEqual(["€"]);
    });

    test("a fragmented binary message is one Buffer", async () => {
      const { tcp, messages } = await open();
      tcp.write(encodeWsFrame({ opcode: opcodes.binary, fin: false, payload: Buffer.from([1, 2]) }));
      tcp.write(encodeWsFrame({ opcode: opcodes.continuation, payload: Buffer.from([3]) }));
      expect(await messages.next()).toEqual([Buffer.from([1, 2, 3])]);
    });

    test("a WebSocket ping is answered and is no Engine.IO packet", async () => {
      const { tcp, socket } = await open();
      const packets = eventsOf(socket, "packet");
      tcp.write(encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.from([1, 2, 3]) }));
      const pong = await tcp.frame();
      expect(pong).toMatchObject({ opcode: opcodes.pong, payload: Buffer.from([1, 2, 3]) });
      tcp.write(encodeWsFrame({ opcode: opcodes.pong, payload: Buffer.alloc(0) }));
      tcp.write(textFrame("4after"));
      expect(await packets.next()).toEqual([{ type: "message", data: "after" }]);
    });

    test("a pong between the server's messages never splits one", async () => {
      const { tcp, socket } = await open();
      for (let i = 0; i < 50; i++) {
        tcp.write(encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.from(`p${i}`) }));
        socket.send("x".repeat(1000));
        socket.send(`m${i}`);
        await turns(1);
      }
      const texts: string[] = [];
      const pongs: string[] = [];
      while (texts.length < 100 || pongs.length < 50) {
        const { opcode, payload } = await tcp.frame();
        (opcode === opcodes.pong ? pongs : texts).push(payload.toString());
      }
      expect(pongs).toEqual(Array.from({ length: 50 }, (_, i) => `p${i}`));
      expect(texts.filter((text) => text.startsWith("4m"))).toEqual(
        Array.from({ length: 50 }, (_, i) => `4m${i}`),
      );
    });
  });

  describe("frames to the client", () => {
    test.each([0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 70_000, 300_000])(
      "a text of %i characters is one unmasked frame of the right length",
      async (length) => {
        const { tcp, socket } = await open();
        const text = "é".repeat(length / 2) + "x".repeat(length % 2);
        socket.send(text);
        const frame = await tcp.frame();
        expect(frame).toMatchObject({ fin: true, rsv1: false, opcode: opcodes.text });
        expect(frame.payload.toString()).toBe(`4${text}`);
      },
    );

    test.each([0, 1, 125, 126, 65_535, 65_536, 300_000])(
      "binary of %i bytes is one frame without a prefix",
      async (length) => {
        const { tcp, socket } = await open();
        const bytes = Buffer.alloc(length, 0xa5);
        socket.send(bytes);
        const frame = await tcp.frame();
        expect(frame).toMatchObject({ fin: true, opcode: opcodes.binary });
        expect(frame.payload.equals(bytes)).toBe(true);
      },
    );

    test("short frames use the shortest length form", async () => {
      const { tcp, socket } = await open();
      socket.send("x".repeat(124));
      expect((await tcp.bytes(2))[1]).toBe(125);
      await tcp.bytes(125);
      socket.send("x".repeat(125));
      expect(await tcp.bytes(4)).toEqual(Buffer.from([0x81, 126, 0, 126]));
    });

    test("lone surrogates become replacement characters, not broken UTF-8", async () => {
      const { tcp, socket } = await open();
      socket.send("a\ud800b");
      expect(await tcp.frame()).toMatchObject({ payload: Buffer.from("4a\ufffdb") });
    });

    test("the sender may change its buffer after the write has been called back", async () => {
      const { tcp, socket } = await open();
      const bytes = Buffer.from([1, 2, 3]);
      await new Promise((resolve) => socket.send(bytes, resolve));
      bytes.fill(9);
      expect((await tcp.frame()).payload).toEqual(Buffer.from([1, 2, 3]));
    });
  });

  describe("a violation closes the connection with a code", () => {
    test.each<[string, number, Buffer]>([
      [
        "an unmasked frame",
        1002,
        encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from("4a"), masked: false }),
      ],
      ["an unknown opcode", 1002, encodeWsFrame({ opcode: 3, payload: Buffer.from("4a") })],
      [
        "a reserved bit",
        1002,
        encodeWsFrame({ opcode: opcodes.text, rsv1: true, payload: Buffer.from("4a") }),
      ],
      [
        "a continuation of nothing",
        1002,
        encodeWsFrame({ opcode: opcodes.continuation, payload: Buffer.from("4a") }),
      ],
      [
        "a fragmented ping",
        1002,
        encodeWsFrame({ opcode: opcodes.ping, fin: false, payload: Buffer.from("a") }),
      ],
      ["a long ping", 1002, encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.alloc(126) })],
      [
        "invalid UTF-8",
        1007,
        encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from([0x34, 0xff, 0xfe]) }),
      ],
      [
        "an overlong form",
        1007,
        encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from([0x34, 0xc0, 0x80]) }),
      ],
      [
        "a close code that must not be sent",
        1002,
        encodeWsFrame({ opcode: opcodes.close, payload: Buffer.from([0x03, 0xed]) }),
      ],
      [
        "a message within a message",
        1002,
        Buffer.concat([
          encodeWsFrame({ opcode: opcodes.text, fin: false, payload: Buffer.from("4a") }),
          textFrame("4b"),
        ]),
      ],
    ])("%s: %i", async (_, code, bytes) => {
      const { port, tcp, closes, messages } = await open();
      tcp.write(bytes);
      expect(await closeCode(tcp)).toBe(code);
      const [reason, description] = await closes.next();
      expect(reason).toBe("transport error");
      expect(description).toBeInstanceOf(Error);
      expect(messages.size).toBe(0);
      expect((await PollingClient.connect(port)).sid).toBeTypeOf("string");
    });

    test("a message over maxHttpBufferSize: 1009, before its bytes have come", async () => {
      const { tcp, closes } = await open({ maxHttpBufferSize: 100 });
      tcp.write(encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from("4"), declaredLength: 101 }));
      expect(await closeCode(tcp)).toBe(1009);
      expect((await closes.next())[0]).toBe("transport error");
    });

    test("a message of exactly maxHttpBufferSize passes", async () => {
      const { tcp, messages } = await open({ maxHttpBufferSize: 100 });
      tcp.write(textFrame(`4${"x".repeat(99)}`));
      expect(await messages.next()).toEqual(["x".repeat(99)]);
    });

    test("fragments that sum up to too much: 1009", async () => {
      const { tcp, closes } = await open({ maxHttpBufferSize: 100 });
      tcp.write(
        encodeWsFrame({ opcode: opcodes.text, fin: false, payload: Buffer.from(`4${"x".repeat(60)}`) }),
      );
      tcp.write(
        encodeWsFrame({ opcode: opcodes.continuation, fin: false, payload: Buffer.from("x".repeat(60)) }),
      );
      expect(await closeCode(tcp)).toBe(1009);
      expect((await closes.next())[0]).toBe("transport error");
    });

    test("a frame that claims 2^63 bytes: 1009", async () => {
      const { tcp, closes } = await open();
      tcp.write(Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]));
      expect(await closeCode(tcp)).toBe(1009);
      expect((await closes.next())[0]).toBe("transport error");
    });
  });

  describe("a client that reads slowly", () => {
    test.each([1000, 20_000, 300_000])(
      "gets every message whole and in order, pings and pongs between them (messages of %i bytes)",
      async (length) => {
        const { tcp, socket } = await open({ pingInterval: 30, pingTimeout: 60_000 });
        tcp.socket.pause();
        const count = Math.ceil(6_000_000 / length);
        for (let i = 0; i < count; i++) {
          if (i % 2) socket.send(Buffer.alloc(length, i));
          else socket.send(String.fromCharCode(97 + (i % 26)).repeat(length));
          if (i % Math.ceil(count / 50) === 0) {
            tcp.write(encodeWsFrame({ opcode: opcodes.ping, payload: Buffer.from(`p${i}`) }));
            tcp.write(textFrame("3"));
            await pause(2);
          }
        }
        tcp.socket.resume();
        for (let i = 0; i < count; ) {
          const { opcode, payload } = await tcp.frame();
          if (opcode === opcodes.pong) continue;
          if (opcode === opcodes.text && payload.toString() === "2") continue;
          const expected =
            i % 2
              ? Buffer.alloc(length, i)
              : Buffer.from(`4${String.fromCharCode(97 + (i % 26)).repeat(length)}`);
          expect(opcode).toBe(i % 2 ? opcodes.binary : opcodes.text);
          expect(payload.length).toBe(expected.length);
          expect(payload.equals(expected)).toBe(true);
          i++;
        }
        expect(socket.readyState).toBe("open");
      },
    );

    test("gets what was sent before a close, and then the close", async () => {
      const { tcp, socket } = await open();
      tcp.socket.pause();
      for (let i = 0; i < 50; i++) socket.send(Buffer.alloc(100_000, i));
      await pause(20);
      socket.send("last");
      socket.close();
      tcp.socket.resume();
      for (let i = 0; i < 50; i++)
        expect((await tcp.frame()).payload.equals(Buffer.alloc(100_000, i))).toBe(true);
      expect(await tcp.text()).toBe("4last");
      expect((await tcp.frame()).opcode).toBe(opcodes.close);
    });

    test("the callbacks of send come once its messages are taken", async () => {
      const { tcp, socket } = await open();
      tcp.socket.pause();
      const calls: number[] = [];
      const all = new Promise<void>((resolve) => {
        for (let i = 0; i < 60; i++) {
          socket.send(Buffer.alloc(200_000, i), () => {
            calls.push(i);
            if (i === 59) resolve();
          });
        }
      });
      await pause(30);
      tcp.socket.resume();
      for (let i = 0; i < 60; i++) expect((await tcp.frame()).payload[0]).toBe(i);
      await all;
      expect(calls).toEqual(Array.from({ length: 60 }, (_, i) => i));
    });
  });

  test("a close frame is echoed and the TCP connection ends", async () => {
    const { tcp, closes } = await open();
    tcp.write(
      encodeWsFrame({ opcode: opcodes.close, payload: Buffer.from([0x03, 0xe8, ...Buffer.from("bye")]) }),
    );
    expect(await closeCode(tcp)).toBe(1000);
    expect((await closes.next())[0]).toBe("transport close");
  });

  test("a half-closed connection is closed", async () => {
    const { tcp, closes } = await open();
    tcp.socket.end();
    await tcp.closed;
    expect((await closes.next())[0]).toBe("transport close");
  });

  describe("a handshake that is not one", () => {
    const target4 = "/engine.io/?EIO=4&transport=websocket";
    const refused: [string, string, number][] = [
      ["has no key", upgradeRequest(target4).replace(/Sec-WebSocket-Key.*\r\n/, ""), 400],
      [
        "has a bad key",
        upgradeRequest(target4).replace(/Sec-WebSocket-Key.*\r\n/, "Sec-WebSocket-Key: short\r\n"),
        400,
      ],
      ["asks for an unknown version", upgradeRequest(target4).replace("Version: 13", "Version: 99"), 400],
      [
        "upgrades to something else",
        upgradeRequest(target4).replace("Upgrade: websocket", "Upgrade: h2c"),
        400,
      ],
    ];

    test.each(refused)("%s", async (_, request, status) => {
      const { engine, port } = await startEngine(target);
      const tcp = await TcpClient.connect(port);
      tcp.write(request);
      expect((await tcp.response()).status).toBe(status);
      await tcp.closed;
      expect(engine.clientsCount).toBe(0);
      await TcpClient.webSocket(port);
    });

    test("transport=polling over an upgrade opens no session", async () => {
      const { engine, port } = await startEngine(target);
      const tcp = await TcpClient.connect(port);
      tcp.write(upgradeRequest("/engine.io/?EIO=4&transport=polling"));
      const { status } = await tcp.response();
      if (status === 101) expect((await tcp.frame()).opcode).toBe(opcodes.close);
      else expect(status).toBe(400);
      expect(engine.clientsCount).toBe(0);
    });
  });
});

describeOurs("engine WebSocket in raw bytes, where Socket.IO fails", (target) => {
  // engine.io 6.6 listens to the WebSocket only after a turn of the event loop, and loses what came before
  test("may come in the same segment as the handshake", async () => {
    const { engine, port } = await startEngine(target);
    const message = new Promise((resolve) => {
      engine.on("connection", (socket) => socket.on("message", resolve));
    });
    const tcp = await TcpClient.connect(port);
    const request = upgradeRequest("/engine.io/?EIO=4&transport=websocket");
    tcp.write(Buffer.concat([Buffer.from(request), textFrame("4early")]));
    expect((await tcp.response()).status).toBe(101);
    expect(await message).toBe("early");
  });
});
