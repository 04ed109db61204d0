import { describe, expect, it } from "vitest";
import { conformance, once, type Socket } from "./support.ts";

conformance("catch-all listeners", (kit) => {
  describe("for incoming events", () => {
    it("hear name and arguments before the event's own listeners", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const order: unknown[] = [];
      socket.onAny((...args) => order.push(args));
      socket.on("my-event", (...args) => order.push(args));
      const handled = once(socket, "my-event");
      client.emit("my-event", 1, "2", { 3: [4] });
      await handled;
      expect(order).toEqual([
        ["my-event", 1, "2", { 3: [4] }],
        [1, "2", { 3: [4] }],
      ]);
    });

    it("hear events that nobody listens for, and binary ones", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard = new Promise<unknown[]>((resolve) => {
        socket.onAny((...args) => resolve(args));
      });
      client.emit("unknown", Buffer.from([1, 2, 3]));
      expect(await heard).toEqual(["unknown", Buffer.from([1, 2, 3])]);
    });

    it("get the ack and may call it", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      socket.onAny((_name, ...args) => args.at(-1)("any"));
      expect(await client.emitWithAck("question", 1)).toBe("any");
    });

    it("are called on the socket", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const self = new Promise((resolve) => {
        socket.onAny(function (this: Socket) {
          resolve(this);
        });
      });
      client.emit("x");
      expect(await self).toBe(socket);
    });

    it("are listed, prepended, and removed one by one or all", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const order: string[] = [];
      const one = () => order.push("one");
      const two = () => order.push("two");
      const zero = () => order.push("zero");
      expect(socket.listenersAny()).toEqual([]);
      expect(socket.offAny(one)).toBe(socket);
      expect(socket.onAny(one)).toBe(socket);
      expect(socket.onAny(two)).toBe(socket);
      expect(socket.prependAny(zero)).toBe(socket);
      expect(socket.listenersAny()).toEqual([zero, one, two]);
      let handled = once(socket, "x");
      client.emit("x");
      await handled;
      expect(order).toEqual(["zero", "one", "two"]);
      expect(socket.offAny(one)).toBe(socket);
      expect(socket.listenersAny()).toEqual([zero, two]);
      expect(socket.offAny()).toBe(socket);
      expect(socket.listenersAny()).toEqual([]);
      handled = once(socket, "y");
      client.emit("y");
      await handled;
      expect(order).toHaveLength(3);
    });

    it("are not called for connection events", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const names: string[] = [];
      socket.onAny((name) => names.push(name));
      const gone = once(socket, "disconnect");
      client.disconnect();
      await gone;
      expect(names).toEqual([]);
    });

    it("may remove themselves while they run", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const names: string[] = [];
      const self = (name: string) => {
        names.push(`self ${name}`);
        socket.offAny(self);
      };
      socket.onAny(self);
      socket.onAny((name) => names.push(`other ${name}`));
      const handled = once(socket, "b");
      client.emit("a");
      client.emit("b");
      await handled;
      expect(names).toEqual(["self a", "other a", "other b"]);
    });
  });

  describe("for outgoing events", () => {
    it("hear name and arguments of emit()", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard: unknown[] = [];
      socket.onAnyOutgoing((...args) => heard.push(args));
      const arrived = once(client, "my-event");
      socket.emit("my-event", 1, { a: "b" });
      expect(heard).toEqual([["my-event", 1, { a: "b" }]]);
      await arrived;
    });

    it("do not see the ack", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard: unknown[] = [];
      socket.onAnyOutgoing((...args) => heard.push(args));
      client.on("question", (_value, reply) => reply("answer"));
      expect(await socket.emitWithAck("question", 1)).toBe("answer");
      expect(heard).toEqual([["question", 1]]);
    });

    it("do not hear acks that are sent", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const heard: unknown[] = [];
      socket.onAnyOutgoing((...args) => heard.push(args));
      socket.on("question", (reply) => reply("answer"));
      await client.emitWithAck("question");
      expect(heard).toEqual([]);
    });

    it("hear broadcasts that reach the socket, and only those", async () => {
      const running = await kit.serve();
      const [one] = await kit.pair(running);
      const [two] = await kit.pair(running);
      const heard: unknown[] = [];
      one.onAnyOutgoing((...args) => heard.push(["one", ...args]));
      two.onAnyOutgoing((...args) => heard.push(["two", ...args]));
      one.join("room");
      running.io.emit("all", 1);
      running.io.to("room").emit("room", 2);
      one.broadcast.emit("others", 3);
      running.io.except("room").emit("not the room", 4);
      expect(heard).toEqual([
        ["one", "all", 1],
        ["two", "all", 1],
        ["one", "room", 2],
        ["two", "others", 3],
        ["two", "not the room", 4],
      ]);
    });

    it("hear broadcasts with acks", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const heard: unknown[] = [];
      socket.onAnyOutgoing((...args) => heard.push(args));
      client.on("question", (_value, reply) => reply("answer"));
      expect(await running.io.timeout(5_000).emitWithAck("question", 1)).toEqual(["answer"]);
      expect(heard).toEqual([["question", 1]]);
    });

    it("hear binary broadcasts as they were given", async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running);
      const heard: unknown[] = [];
      socket.onAnyOutgoing((...args) => heard.push(args));
      const arrived = once(client, "bytes");
      running.io.emit("bytes", Buffer.from([1, 2, 3]));
      await arrived;
      expect(heard).toEqual([["bytes", Buffer.from([1, 2, 3])]]);
    });

    it("are listed, prepended, and removed one by one or all", async () => {
      const [socket] = await kit.pair(await kit.serve());
      const order: string[] = [];
      const one = () => order.push("one");
      const two = () => order.push("two");
      const zero = () => order.push("zero");
      expect(socket.listenersAnyOutgoing()).toEqual([]);
      expect(socket.offAnyOutgoing(one)).toBe(socket);
      expect(socket.onAnyOutgoing(one)).toBe(socket);
      expect(socket.onAnyOutgoing(two)).toBe(socket);
      expect(socket.prependAnyOutgoing(zero)).toBe(socket);
      expect(socket.listenersAnyOutgoing()).toEqual([zero, one, two]);
      socket.emit("x");
      expect(order).toEqual(["zero", "one", "two"]);
      expect(socket.offAnyOutgoing(two)).toBe(socket);
      expect(socket.listenersAnyOutgoing()).toEqual([zero, one]);
      expect(socket.offAnyOutgoing()).toBe(socket);
      expect(socket.listenersAnyOutgoing()).toEqual([]);
      socket.emit("y");
      expect(order).toHaveLength(3);
    });
  });
});
