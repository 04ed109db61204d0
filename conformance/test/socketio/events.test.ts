import { describe, expect, it } from "vitest";
import { conformance, flushed, once, record, transportCases } from "./support.ts";

const reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

conformance("events", (kit) => {
  for (const { title, transports } of transportCases) {
    describe(`over ${title}`, () => {
      const options = { transports };

      it("reach the client with any JSON as arguments", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const args = [
          1,
          -0.5,
          "two",
          "",
          true,
          null,
          [1, [2, []]],
          { a: { b: [{}] } },
          "😀 \u2028 \u0000 \"'\\",
        ];
        const heard = once(client, "woot");
        socket.emit("woot", ...args);
        expect(await heard).toEqual(args);
      });

      it("reach the server with any JSON as arguments", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const args = [
          1,
          -0.5,
          "two",
          "",
          true,
          null,
          [1, [2, []]],
          { a: { b: [{}] } },
          "😀 \u2028 \u0000 \"'\\",
        ];
        const heard = once(socket, "woot");
        client.emit("woot", ...args);
        expect(await heard).toEqual(args);
      });

      it("arrive in order, both ways", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const numbers = Array.from({ length: 300 }, (_, i) => i);
        const received: unknown[] = [];
        client.on("n", (n) => received.push(n));
        const echoed: unknown[] = [];
        socket.on("n", (n) => echoed.push(n));
        const [toClient, toServer] = [once(client, "end"), once(socket, "end")];
        for (const n of numbers) {
          socket.emit("n", n);
          client.emit("n", n);
        }
        socket.emit("end");
        client.emit("end");
        await Promise.all([toClient, toServer]);
        expect(received).toEqual(numbers);
        expect(echoed).toEqual(numbers);
      });

      it("keep their order when text, binary and broadcasts are mixed", async () => {
        const running = await kit.serve();
        const [socket, client] = await kit.pair(running, "/", options);
        socket.join("room");
        const heard = record(client);
        socket.emit("1");
        running.io.emit("2", Buffer.from([2]));
        socket.emit("3", { nested: Buffer.from([3]) });
        running.io.to("room").emit("4");
        socket.send("5", Buffer.from([5]));
        running.io.emit("6");
        await flushed(running.io, client);
        expect(heard).toEqual([
          ["1"],
          ["2", Buffer.from([2])],
          ["3", { nested: Buffer.from([3]) }],
          ["4"],
          ["message", "5", Buffer.from([5])],
          ["6"],
        ]);
      });

      it("carry bytes to the client, nested at any depth", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const heard = once(client, "bytes");
        const view = new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4);
        socket.emit("bytes", Buffer.from("abc"), { a: [{ b: view }], c: new Uint8Array([9]).buffer }, "text");
        const [first, nested, last] = (await heard) as [Buffer, { a: [{ b: Buffer }]; c: Buffer }, string];
        expect(first).toEqual(Buffer.from("abc"));
        expect(nested.a[0].b).toEqual(Buffer.from([1, 2, 3]));
        expect(Buffer.from(nested.c)).toEqual(Buffer.from([9]));
        expect(last).toBe("text");
      });

      it("carry bytes to the server, nested at any depth", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const heard = once(socket, "bytes");
        client.emit("bytes", Buffer.from("abc"), { a: [{ b: new Uint8Array([1, 2, 3]) }] }, [
          Buffer.alloc(0),
        ]);
        expect(await heard).toEqual([
          Buffer.from("abc"),
          { a: [{ b: Buffer.from([1, 2, 3]) }] },
          [Buffer.alloc(0)],
        ]);
      });

      it("may be large, both ways", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const text = "é".repeat(200_000);
        const bytes = Buffer.alloc(300_000, 7);
        let heard = once<[string, Buffer]>(client, "large");
        socket.emit("large", text, bytes);
        let [gotText, gotBytes] = await heard;
        expect(gotText === text).toBe(true);
        expect(gotBytes.equals(bytes)).toBe(true);
        heard = once<[string, Buffer]>(socket, "large");
        client.emit("large", text, bytes);
        [gotText, gotBytes] = await heard;
        expect(gotText === text).toBe(true);
        expect(gotBytes.equals(bytes)).toBe(true);
      });

      it('are named "message" when sent with send() and write()', async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const heard = record(client);
        expect(socket.send("a", 1)).toBe(socket);
        expect(socket.write("b")).toBe(socket);
        await flushed(socket, client);
        expect(heard).toEqual([
          ["message", "a", 1],
          ["message", "b"],
        ]);
        const message = once(socket, "message");
        client.send("c", 2);
        expect(await message).toEqual(["c", 2]);
      });
    });
  }

  describe("in JSON's terms", () => {
    it("turn undefined, NaN, functions and symbols inside into null, and leave such properties out", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard = once(client, "odd");
      socket.emit(
        "odd",
        undefined,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        [undefined, () => {}, Symbol("s")],
        {
          u: undefined,
          f: () => {},
          n: null,
        },
      );
      expect(await heard).toEqual([null, null, null, [null, null, null], { n: null }]);
    });

    it("turn dates into ISO text, and maps and sets into empty objects", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard = once(client, "odd");
      socket.emit("odd", new Date(0), { at: new Date(1) }, new Map([[1, 2]]), new Set([1]));
      expect(await heard).toEqual(["1970-01-01T00:00:00.000Z", { at: "1970-01-01T00:00:00.001Z" }, {}, {}]);
    });

    it("honour toJSON, also where it gives bytes", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard = once(client, "odd");
      socket.emit("odd", { toJSON: () => ({ as: "json" }) }, { toJSON: () => "text" });
      expect(await heard).toEqual([{ as: "json" }, "text"]);
    });

    it("take objects without a prototype", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const bare = Object.assign(Object.create(null), { a: 1, b: Buffer.from([1]) });
      const heard = once(client, "bare");
      socket.emit("bare", bare);
      expect(await heard).toEqual([{ a: 1, b: Buffer.from([1]) }]);
    });

    it("carry keys that objects have by nature, and change no prototype", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard = once<[Record<string, unknown>]>(socket, "keys");
      client.emit("keys", JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}'));
      const [keys] = await heard;
      expect(Object.keys(keys).sort()).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });

    it("carry keys that objects have by nature beside bytes, and change no prototype", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const heard = once<[Record<string, unknown>]>(socket, "keys");
      client.emit("keys", { constructor: 2, hasOwnProperty: 3, bytes: Buffer.from([1]) });
      const [keys] = await heard;
      expect(keys.bytes).toEqual(Buffer.from([1]));
      expect(keys.constructor).toBe(2);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });

    for (const [what, value] of [
      ["a BigInt", { deep: [1n] }],
      [
        "a circular object",
        (() => {
          const circle: Record<string, unknown> = {};
          circle.self = circle;
          return circle;
        })(),
      ],
    ] as const) {
      it(`throw from emit() for ${what}, and leave the socket as it was`, async () => {
        const running = await kit.serve();
        const [socket, client] = await kit.pair(running);
        const heard = record(client);
        expect(() => socket.emit("bad", value)).toThrow();
        expect(() => running.io.emit("bad", value)).toThrow();
        expect(() => socket.broadcast.emit("bad", value)).toThrow();
        socket.emit("good");
        await flushed(running.io, client);
        expect(heard).toEqual([["good"]]);
      });
    }

    it("are what the arguments were when emit() was called", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const heard = record(client);
      const argument = { count: 1, list: ["a"] };
      socket.emit("direct", argument);
      running.io.emit("broadcast", argument);
      argument.count = 2;
      argument.list.push("b");
      await flushed(running.io, client);
      expect(heard).toEqual([
        ["direct", { count: 1, list: ["a"] }],
        ["broadcast", { count: 1, list: ["a"] }],
      ]);
    });

    it("leave the caller's arguments as they are", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const argument = { bytes: Buffer.from([1]), list: [Buffer.from([2])] };
      const heard = once(client, "bytes");
      socket.emit("bytes", argument);
      running.io.emit("bytes", argument);
      await heard;
      expect(argument).toEqual({ bytes: Buffer.from([1]), list: [Buffer.from([2])] });
    });
  });

  describe("names", () => {
    it("may be those that objects have by nature, both ways", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString", "__defineGetter__", ""]) {
        const fromClient = once(socket, name);
        client.emit(name, 1);
        expect(await fromClient).toEqual([1]);
        const fromServer = once(client, name);
        socket.emit(name, 2);
        expect(await fromServer).toEqual([2]);
      }
    });

    it("are delivered to nobody when nobody listens", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      for (const name of ["__proto__", "hasOwnProperty", "nobody"]) client.emit(name, 1);
      socket.on("alive", (reply) => reply(true));
      expect(await client.emitWithAck("alive")).toBe(true);
    });

    it('may be "error", which needs no listener', async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.emit("error", new Error("from the client"));
      socket.on("alive", (reply) => reply(true));
      expect(await client.emitWithAck("alive")).toBe(true);
      const heard = once(socket, "error");
      client.emit("error", "again");
      expect(await heard).toEqual(["again"]);
    });

    for (const name of reserved) {
      it(`refuse the reserved "${name}" on a socket, a namespace and a broadcast`, async () => {
        const running = await kit.serve();
        const [socket, client] = await kit.pair(running);
        const message = `"${name}" is a reserved event name`;
        expect(() => socket.emit(name)).toThrow(message);
        expect(() => running.io.emit(name)).toThrow(message);
        expect(() => running.io.of("/chat").emit(name)).toThrow(message);
        expect(() => running.io.to("room").emit(name)).toThrow(message);
        expect(() => socket.broadcast.emit(name)).toThrow(message);
        await expect(socket.emitWithAck(name)).rejects.toThrow(message);
        await expect(running.io.timeout(10).emitWithAck(name)).rejects.toThrow(message);
        expect(socket.connected).toBe(true);
        expect(client.connected).toBe(true);
      });
    }
  });

  it("return true from emit()", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    expect(socket.emit("x")).toBe(true);
    expect(running.io.emit("x")).toBe(true);
    expect(socket.broadcast.emit("x")).toBe(true);
    expect(running.io.to("nobody").emit("x")).toBe(true);
  });

  it("come right after the connection, in the order they were emitted", async () => {
    const running = await kit.serve();
    running.io.on("connection", (socket) => {
      socket.emit("a");
      socket.emit("b");
      running.io.emit("c");
    });
    const client = kit.client(running);
    const heard = record(client);
    await once(client, "c");
    expect(heard).toEqual([["a"], ["b"], ["c"]]);
  });

  it("go nowhere once the socket is gone", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const gone = once(socket, "disconnect");
    client.disconnect();
    await gone;
    expect(socket.emit("late")).toBe(true);
    expect(() => socket.send("late")).not.toThrow();
  });

  it("compress or not as told, and arrive the same", async () => {
    const running = await kit.serve({ perMessageDeflate: { threshold: 10 } });
    const [socket, client] = await kit.pair(running);
    const text = "x".repeat(5_000);
    const heard = record(client);
    expect(socket.compress(false)).toBe(socket);
    socket.emit("a", text);
    socket.compress(true).emit("b", text);
    running.io.compress(false).emit("c", text);
    running.io.of("/").compress(true).emit("d", text);
    await flushed(running.io, client);
    expect(heard).toEqual([
      ["a", text],
      ["b", text],
      ["c", text],
      ["d", text],
    ]);
  });

  it("pass the compress flag to the engine", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const flags: unknown[] = [];
    socket.conn.on("packetCreate", (packet: { options: { compress: boolean } }) =>
      flags.push(packet.options.compress),
    );
    socket.emit("a");
    socket.compress(false).emit("b");
    socket.emit("c");
    await flushed(socket, client);
    expect(flags.slice(0, 3)).toEqual([true, false, true]);
  });
});
