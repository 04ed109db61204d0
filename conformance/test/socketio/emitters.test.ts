import { EventEmitter, on as eachOf, once as nodeOnce } from "node:events";
import { expect, it } from "vitest";
import { conformance, once, type Socket } from "./support.ts";

/** Node's whole interface: stock's types narrow it. */
const asEmitter = (object: unknown) => object as EventEmitter;

conformance("servers, namespaces and sockets as Node's event emitters", (kit) => {
  it("are instances of EventEmitter", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    for (const each of [running.io, running.io.of("/"), running.io.of(/^\/x/), socket, socket.conn]) {
      expect(each).toBeInstanceOf(EventEmitter);
    }
    expect(running.io.of("/").adapter).toBeInstanceOf(EventEmitter);
    expect(running.io.engine).toBeInstanceOf(EventEmitter);
  });

  it("have all kinds of listeners: on, once, prepended, removed", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const order: string[] = [];
    const emitter = asEmitter(socket);
    const removed = () => order.push("removed");
    emitter.on("event", () => order.push("on"));
    emitter.addListener("event", () => order.push("addListener"));
    emitter.once("event", () => order.push("once"));
    emitter.prependListener("event", () => order.push("prepended"));
    emitter.prependOnceListener("event", () => order.push("prepended once"));
    emitter.on("event", removed);
    emitter.off("event", removed);
    expect(emitter.listenerCount("event")).toBe(5);
    expect(emitter.eventNames()).toContain("event");
    for (let round = 0; round < 2; round++) {
      const handled = once(socket, "end");
      client.emit("event");
      client.emit("end");
      await handled;
    }
    expect(order).toEqual([
      "prepended once",
      "prepended",
      "on",
      "addListener",
      "once",
      "prepended",
      "on",
      "addListener",
    ]);
    emitter.removeAllListeners("event");
    expect(emitter.listenerCount("event")).toBe(0);
  });

  it("return themselves from on, once, off and removeAllListeners", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    const listener = () => {};
    for (const each of [running.io.of("/chat"), socket].map(asEmitter)) {
      expect(each.on("x", listener)).toBe(each);
      expect(each.once("x", listener)).toBe(each);
      expect(each.off("x", listener)).toBe(each);
      expect(each.removeAllListeners("x")).toBe(each);
      expect(each.setMaxListeners(50)).toBe(each);
      expect(each.getMaxListeners()).toBe(50);
    }
  });

  it("can be awaited with node:events", async () => {
    const running = await kit.serve();
    const arrival = nodeOnce(asEmitter(running.io), "connection");
    const client = await kit.connected(running);
    const [socket] = (await arrival) as [Socket];
    const event = nodeOnce(asEmitter(socket), "event");
    client.emit("event", 1, 2);
    expect(await event).toEqual([1, 2]);
    const values: unknown[] = [];
    const events = eachOf(asEmitter(socket), "value");
    for (const value of [1, 2, 3]) client.emit("value", value);
    for await (const [value] of events) {
      values.push(value);
      if (values.length === 3) break;
    }
    expect(values).toEqual([1, 2, 3]);
  });

  it("call listeners with themselves as this", async () => {
    const running = await kit.serve();
    const selves: unknown[] = [];
    running.io.of("/").on("connection", function (this: unknown) {
      selves.push(this);
    });
    const [socket, client] = await kit.pair(running);
    const handled = new Promise<void>((resolve) => {
      socket.on("event", function (this: unknown) {
        selves.push(this);
        resolve();
      });
    });
    client.emit("event");
    await handled;
    expect(selves).toEqual([running.io.of("/"), socket]);
  });

  it("keep events from the client apart from the server's own", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    let calls = 0;
    socket.on("event", () => calls++);
    // emit() on a socket goes to the client, never to its own listeners
    const heard = once(client, "event");
    socket.emit("event");
    await heard;
    expect(calls).toBe(0);
  });

  it("hear events named by numbers under their text", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const heard = once(socket, "7");
    (client as unknown as { emit(name: number, value: string): void }).emit(7, "seven");
    expect(await heard).toEqual(["seven"]);
  });
});
