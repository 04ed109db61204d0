import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { eventsOf, nextEvent, until } from "../../src/events.ts";
import { listen } from "../../src/servers.ts";
import { type ClientOptions, closedPort, describePairs, transportCases } from "./support.ts";

describePairs("connecting", (pair) => {
  describe.each(transportCases)("over %s", (_, transports) => {
    test("an event goes out and comes back with its answer", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports });
      socket.on("echo", (...args) => args.pop()(...args));
      expect(await client.emitWithAck("echo", { text: "€👍\u2028", list: [1, null, true] })).toEqual({
        text: "€👍\u2028",
        list: [1, null, true],
      });
    });

    test("the socket knows its id, and forgets it when it disconnects", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports });
      expect(client.id).toBe(socket.id);
      expect(client.connected).toBe(true);
      expect(client.disconnected).toBe(false);
      client.disconnect();
      expect(client.id).toBeUndefined();
      expect(client.disconnected).toBe(true);
    });
  });

  test("sockets of different namespaces share a connection", async () => {
    const running = await pair.serve();
    running.io.of("/a");
    const first = pair.track(pair.client.io(running.url));
    const second = pair.track(pair.client.io(`${running.url}/a`));
    expect(first.io).toBe(second.io);
    await Promise.all([nextEvent(first, "connect"), nextEvent(second, "connect")]);
    expect(running.io.engine.clientsCount).toBe(1);
  });

  test("the same namespace asked for twice makes two connections", async () => {
    const running = await pair.serve();
    const first = pair.track(pair.client.io(running.url));
    const second = pair.track(pair.client.io(running.url));
    expect(first.io).not.toBe(second.io);
  });

  test.each<[string, ClientOptions]>([
    ["forceNew", { forceNew: true }],
    ["multiplex: false", { multiplex: false }],
  ])("%s makes a connection of its own", async (_, options) => {
    const running = await pair.serve();
    running.io.of("/a");
    const first = pair.track(pair.client.io(running.url));
    const second = pair.track(pair.client.io(`${running.url}/a`, options));
    expect(first.io).not.toBe(second.io);
  });

  test("different paths are different servers", async () => {
    const running = await pair.serve();
    running.io.of("/a");
    const first = pair.track(pair.client.io(running.url));
    const second = pair.track(pair.client.io(`${running.url}/a`, { path: "/other" }));
    expect(first.io).not.toBe(second.io);
  });

  test("io.connect, io.Manager and the default export are the same as io", async () => {
    const { client } = pair;
    expect(client.connect).toBe(client.io);
    expect(client.default).toBe(client.io);
    expect(client.protocol).toBe(5);
    const statics = client.io as unknown as Record<string, unknown>;
    expect(statics.connect).toBeTypeOf("function");
    expect(statics.Manager).toBe(client.Manager);
    expect(statics.Socket).toBe(client.Socket);
    for (const name of ["Fetch", "XHR", "NodeXHR", "WebSocket", "NodeWebSocket"] as const) {
      expect(client[name]).toBeTypeOf("function");
    }
  });

  test("a manager makes sockets of the exported class, the same one each time", async () => {
    const running = await pair.serve();
    const manager = pair.manager(running, { autoConnect: false });
    const socket = manager.socket("/");
    expect(socket).toBeInstanceOf(pair.client.Socket);
    expect(manager).toBeInstanceOf(pair.client.Manager);
    expect(manager.socket("/")).toBe(socket);
  });

  test("autoConnect: false waits for connect()", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, { autoConnect: false });
    expect(client.active).toBe(false);
    expect(client.io.engine).toBeUndefined();
    client.connect();
    expect(client.active).toBe(true);
    await nextEvent(client, "connect");
    client.disconnect();
    client.open();
    await nextEvent(client, "connect");
  });

  test("a socket of a manager that is open connects at once, and again after a disconnect", async () => {
    const running = await pair.serve();
    running.io.of("/a");
    const manager = pair.manager(running);
    await nextEvent(manager, "open");
    const client = manager.socket("/a");
    await nextEvent(client, "connect");
    client.disconnect();
    expect(manager.socket("/a")).toBe(client);
    await nextEvent(client, "connect");
  });

  test("one socket leaves a shared connection to the others, and the last one closes it", async () => {
    const running = await pair.serve();
    running.io.of("/a");
    const manager = pair.manager(running);
    const root = manager.socket("/");
    const other = manager.socket("/a");
    await Promise.all([nextEvent(root, "connect"), nextEvent(other, "connect")]);
    root.disconnect();
    expect(manager.engine.readyState).toBe("open");
    expect(other.connected).toBe(true);
    const closed = nextEvent(manager, "close");
    other.disconnect();
    expect(await closed).toEqual(["forced close", undefined]);
    await until(() => running.io.engine.clientsCount === 0, "the connection to be gone");
  });

  test("a namespace that does not exist is refused with the server's words", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, {}, "/nowhere");
    const [error] = await nextEvent<[Error]>(client, "connect_error");
    expect(error.message).toBe("Invalid namespace");
    expect(client.active).toBe(false);
  });

  test("middleware refuses with a message and data, and lets in at another try", async () => {
    const running = await pair.serve();
    running.io.use((socket, next) => {
      if (socket.handshake.auth.token === "right") next();
      else next(Object.assign(new Error("no"), { data: { code: 7, list: [1] } }));
    });
    const client = pair.connect(running, { auth: { token: "wrong" } });
    const [error] = await nextEvent<[Error & { data: unknown }]>(client, "connect_error");
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe("no");
    expect(error.data).toEqual({ code: 7, list: [1] });
    expect(client.active).toBe(false);
    client.auth = { token: "right" };
    client.connect();
    await nextEvent(client, "connect");
  });

  test("auth may be a function, asked at every connection", async () => {
    const running = await pair.serve();
    let count = 0;
    const [client, socket] = await pair.joined(running, { auth: (give) => give({ count: ++count }) });
    expect(socket.handshake.auth).toEqual({ count: 1 });
    const again = nextEvent<[typeof socket]>(running.io, "connection");
    client.io.engine.close();
    expect((await again)[0].handshake.auth).toEqual({ count: 2 });
  });

  test("a server that is not there is an error, and the socket stays active", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, { timeout: 2000 });
    const [error] = await nextEvent<[Error]>(client, "connect_error");
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe("xhr poll error");
    expect(client.active).toBe(true);
    expect(client.connected).toBe(false);
  });

  test("over WebSocket too", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, { transports: ["websocket"] });
    const [error] = await nextEvent<[Error & { type: string; description: unknown }]>(
      client,
      "connect_error",
    );
    expect(error.message).toBe("websocket error");
    expect(error.type).toBe("TransportError");
    expect(error.description).toBeDefined();
  });

  test("a connection that takes too long times out, also in manager.open", async () => {
    // it never answers
    const port = await listen(createServer(() => {}));
    const options = { timeout: 20, reconnection: false };
    const client = pair.connect(`http://localhost:${port}`, options);
    const [error] = await nextEvent<[Error]>(client, "connect_error");
    expect(error.message).toBe("timeout");
    const manager = pair.manager(`http://localhost:${port}`, { ...options, autoConnect: false });
    expect((await new Promise<Error | undefined>((done) => manager.open(done)))?.message).toBe("timeout");
  });

  test("manager.open calls back when it is open, and with the error when it can't", async () => {
    const running = await pair.serve();
    const manager = pair.manager(running, { autoConnect: false });
    expect(await new Promise((done) => manager.open(done))).toBeUndefined();
    const failing = pair.manager(`http://localhost:${await closedPort()}`, { autoConnect: false });
    expect(await new Promise((done) => failing.connect(done))).toBeInstanceOf(Error);
  });

  test("opening again while open changes nothing", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running);
    const { engine } = client.io;
    client.io.open();
    client.connect();
    expect(client.io.engine).toBe(engine);
    expect(client.connected).toBe(true);
  });

  test("the manager is told of packets and pings", async () => {
    const running = await pair.serve({ pingInterval: 20 });
    const client = pair.connect(running);
    const packets = eventsOf<[{ type: number; nsp: string }]>(client.io, "packet");
    expect((await packets.next())[0]).toMatchObject({ type: 0, nsp: "/" });
    await nextEvent(client.io, "ping");
  });

  test("what a listener throws is no parse error", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    cleanUpLater(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    });
    const thrown = new Promise<Error>((resolve) => process.once("uncaughtException", resolve));
    client.on("bad", () => {
      throw new Error("from a listener");
    });
    socket.emit("bad");
    expect((await thrown).message).toBe("from a listener");
    expect(client.connected).toBe(true);
    expect(
      await socket
        .timeout(2000)
        .emitWithAck("good")
        .catch((error: Error) => error.message),
    ).toMatch(/timed out/);
  }, 10_000);
});
