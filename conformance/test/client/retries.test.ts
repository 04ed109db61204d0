import { expect, test } from "vitest";
import { nextEvent, until } from "../../src/events.ts";
import { describePairs } from "./support.ts";

const options = { retries: 3, ackTimeout: 300 };

describePairs("retries", (pair) => {
  test("an event is sent again until it is acknowledged", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, options);
    const tries: unknown[] = [];
    socket.on("x", (n, answer) => {
      tries.push(n);
      if (tries.length === 3) answer("at last");
    });
    expect(await client.emitWithAck("x", 7)).toBe("at last");
    expect(tries).toEqual([7, 7, 7]);
  });

  test("it fails after the last try", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { ...options, ackTimeout: 300 });
    let tries = 0;
    socket.on("x", () => tries++);
    await expect(client.emitWithAck("x")).rejects.toThrow("operation has timed out");
    expect(tries).toBe(4);
  });

  test("events are sent one after the other, in order", async () => {
    const running = await pair.serve();
    const heard: unknown[] = [];
    let refusals = 1;
    running.io.on("connection", (socket) => {
      socket.on("n", (n, answer) => {
        heard.push(n);
        if (n === 2 && refusals-- > 0) return;
        answer();
      });
    });
    const client = pair.connect(running, { ...options, autoConnect: false });
    for (const n of [1, 2, 3]) client.emit("n", n);
    client.connect();
    await new Promise((resolve) => client.emit("n", 4, resolve));
    expect(heard).toEqual([1, 2, 2, 3, 4]);
  });

  test("the acknowledgement gets null as error", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, options);
    socket.on("x", (answer) => answer(1, "a"));
    expect(await new Promise((resolve) => client.emit("x", (...args: unknown[]) => resolve(args)))).toEqual([
      null,
      1,
      "a",
    ]);
  });

  test("an event sent in a connect listener is sent once", async () => {
    const running = await pair.serve();
    const heard: unknown[] = [];
    running.io.on("connection", (socket) => {
      socket.on("hello", (answer) => {
        heard.push("hello");
        answer();
      });
      socket.on("end", (answer) => answer());
    });
    const client = pair.connect(running, options);
    client.on("connect", () => client.emit("hello"));
    await nextEvent(client, "connect");
    await client.emitWithAck("end");
    expect(heard).toEqual(["hello"]);
  });

  test("an event that was under way when the connection was lost is sent again", async () => {
    const running = await pair.serve();
    const heard: unknown[] = [];
    running.io.on("connection", (socket) => {
      socket.on("x", (answer) => {
        heard.push("x");
        if (heard.length === 1) socket.conn.close();
        else answer("ok");
      });
    });
    const client = pair.connect(running, { retries: 3, ackTimeout: 5000 });
    await nextEvent(client, "connect");
    expect(await client.emitWithAck("x")).toBe("ok");
    expect(heard).toEqual(["x", "x"]);
  });

  test("volatile events are neither queued nor sent again", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { ...options, transports: ["websocket"] });
    let count = 0;
    socket.on("v", () => count++);
    socket.on("end", (answer) => answer());
    await until(() => client.io.engine.transport.writable, "a writable transport");
    client.volatile.emit("v");
    await client.emitWithAck("end");
    expect(count).toBe(1);
  });

  test("timeout() sets the time of one event", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { retries: 1, ackTimeout: 5000 });
    let tries = 0;
    socket.on("x", () => tries++);
    await expect(client.timeout(100).emitWithAck("x")).rejects.toThrow("operation has timed out");
    expect(tries).toBe(2);
  });
});
