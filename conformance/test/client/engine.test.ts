import { describe, expect, test } from "vitest";
import { eventsOf, nextEvent, until } from "../../src/events.ts";
import { type Client, type ClientOptions, closedPort, describePairs } from "./support.ts";

type Frame = { type: string; data?: unknown };

const upgraded = async (client: Client) => {
  const { engine } = client.io;
  if (engine.transport.name === "polling") await nextEvent(engine, "upgrade");
};

describePairs("the connection below (manager.engine)", (pair) => {
  test("has an id, a state and a transport with a name", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { transports: ["websocket"] });
    const { engine } = client.io;
    expect(engine.id).toBe((socket.conn as unknown as { id: string }).id);
    expect(engine.readyState).toBe("open");
    expect(engine.transport.name).toBe("websocket");
    const closed = nextEvent<[string]>(engine, "close");
    engine.close();
    expect((await closed)[0]).toBe("forced close");
    expect(engine.readyState).toBe("closed");
    expect(engine.id).toBeNull();
  });

  test("polls first and upgrades, with every event of it", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, { transports: ["polling", "websocket"] });
    const told: string[] = [];
    const { engine } = client.io;
    for (const event of ["handshake", "open", "upgrading", "upgrade"] as const) {
      engine.on(event, () => told.push(`${event} ${engine.transport.name}`));
    }
    await nextEvent(client, "connect");
    await upgraded(client);
    expect(told).toEqual(["handshake polling", "open polling", "upgrading polling", "upgrade websocket"]);
  });

  test("the transports are tried in the order given", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { transports: ["websocket", "polling"] });
    expect(client.io.engine.transport.name).toBe("websocket");
  });

  test("upgrade: false stays with polling", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, {
      transports: ["polling", "websocket"],
      upgrade: false,
    });
    socket.on("x", (answer) => answer());
    await client.emitWithAck("x");
    await client.emitWithAck("x");
    expect(client.io.engine.transport.name).toBe("polling");
  });

  test("what is sent during an upgrade arrives once and in order", async () => {
    const running = await pair.serve();
    const heard: number[] = [];
    running.io.on("connection", (socket) => {
      socket.on("n", (n) => heard.push(n));
      socket.on("end", (answer) => answer());
    });
    const client = pair.connect(running, { transports: ["polling", "websocket"] });
    let n = 0;
    const send = () => client.emit("n", n++);
    for (const event of ["open", "upgrading", "upgrade", "flush", "drain"] as const) {
      client.io.engine.on(event, () => {
        // before, it would wait behind others in the socket's own buffer
        if (client.connected && n < 60) send();
      });
    }
    client.on("connect", send);
    await nextEvent(client, "connect");
    await upgraded(client);
    send();
    await client.emitWithAck("end");
    expect(heard).toEqual(Array.from({ length: n }, (_, index) => index));
  });

  test("tryAllTransports goes on to the next one", async () => {
    const running = await pair.serve({ transports: ["websocket"] });
    const [client] = await pair.joined(running, {
      transports: ["polling", "websocket"],
      tryAllTransports: true,
    });
    expect(client.io.engine.transport.name).toBe("websocket");
    const without = pair.connect(running, { transports: ["polling", "websocket"], reconnection: false });
    await nextEvent(without, "connect_error");
  });

  test("tryAllTransports fails when none works", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, {
      transports: ["polling", "websocket"],
      tryAllTransports: true,
      reconnection: false,
    });
    const [error] = await nextEvent<[Error]>(client, "connect_error");
    expect(error.message).toBe("websocket error");
  });

  test("rememberUpgrade begins with WebSocket after it has worked", async () => {
    const running = await pair.serve();
    const options: ClientOptions = { transports: ["polling", "websocket"], rememberUpgrade: true };
    const [first] = await pair.joined(running, options);
    await upgraded(first);
    const [second] = await pair.joined(running, options);
    expect(second.io.engine.transport.name).toBe("websocket");
  });

  test("no transports is an error", async () => {
    const client = pair.connect("http://localhost:1", { transports: [], reconnection: false });
    const [error] = await nextEvent(client, "connect_error");
    expect(error).toBe("No transports available");
  });

  test("transports may be classes, also ones of your own", async () => {
    const running = await pair.serve();
    const { Fetch, NodeXHR, NodeWebSocket } = pair.client;
    const used: string[] = [];
    class Mine extends NodeWebSocket {
      constructor(options: ConstructorParameters<typeof NodeWebSocket>[0]) {
        super(options);
        used.push(this.name);
      }
    }
    for (const transports of [[Fetch], [NodeXHR], [Mine], [Fetch, Mine]]) {
      const [client, socket] = await pair.joined(running, { transports });
      socket.on("echo", (value, answer) => answer(value));
      expect(await client.emitWithAck("echo", Buffer.from([1, 2]))).toEqual(Buffer.from([1, 2]));
      if (transports.length > 1) await upgraded(client);
      client.disconnect();
    }
    expect(used).toEqual(["websocket", "websocket"]);
  });

  test("says which packets come and go", async () => {
    const running = await pair.serve({ pingInterval: 50 });
    const [client, socket] = await pair.joined(running, { transports: ["websocket"] });
    const { engine } = client.io;
    const incoming = eventsOf<[Frame]>(engine, "packet");
    const outgoing = eventsOf<[Frame]>(engine, "packetCreate");
    const raw = eventsOf<[string]>(engine, "data");
    const messages = eventsOf<[string]>(engine, "message");
    const heartbeats = eventsOf(engine, "heartbeat");
    socket.emit("a", 1);
    client.emit("b");
    expect((await outgoing.next())[0]).toMatchObject({ type: "message", data: '2["b"]' });
    const frames: Frame[] = [];
    while (!frames.some(({ type }) => type === "message")) frames.push((await incoming.next())[0]);
    expect(frames.find(({ type }) => type === "message")?.data).toBe('2["a",1]');
    expect((await raw.next())[0]).toBe('2["a",1]');
    expect((await messages.next())[0]).toBe('2["a",1]');
    expect(heartbeats.size).toBeGreaterThan(0);
    await until(
      () => outgoing.drain().some(([{ type }]) => type === "pong"),
      "an answer to the server's ping",
    );
  });

  test("flushes and drains, and tells the writer", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { transports: ["polling"] });
    const { engine } = client.io;
    await until(() => engine.writeBuffer.length === 0, "an empty buffer");
    const drained = nextEvent(engine, "drain");
    const flushed = new Promise<void>((resolve) => engine.write('2["x"]', {}, resolve));
    await flushed;
    await drained;
    expect(engine.writeBuffer).toEqual([]);
  });

  test("closing sends first what was written", async () => {
    const running = await pair.serve();
    for (const transports of [["polling"], ["websocket"]]) {
      const [client, socket] = await pair.joined(running, { transports, reconnection: false });
      const last = nextEvent(socket, "last");
      client.emit("last", "words");
      client.io.engine.close();
      expect(await last).toEqual(["words"]);
    }
  });

  test("closing in the middle of an upgrade closes on the server too", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, { transports: ["polling", "websocket"], reconnection: false });
    await nextEvent(client.io.engine, "upgrading");
    client.disconnect();
    await until(() => running.io.engine.clientsCount === 0, "the connection to be gone");
  });

  test("a failed upgrade is told of, and polling goes on", async () => {
    const running = await pair.serve();
    const { NodeXHR, NodeWebSocket } = pair.client;
    class Failing extends NodeWebSocket {
      override createSocket(): never {
        throw new Error("not today");
      }
    }
    const client = pair.connect(running, { transports: [NodeXHR, Failing] });
    const [error] = await nextEvent<[Error & { transport: string }]>(client.io.engine, "upgradeError");
    expect(error.message).toMatch(/^probe error/);
    expect(error.transport).toBe("websocket");
    running.io.on("connection", (socket) => socket.on("x", (answer) => answer("ok")));
    if (!client.connected) await nextEvent(client, "connect");
    expect(client.io.engine.transport.name).toBe("polling");
    for (const socket of running.io.sockets.sockets.values()) socket.on("y", (answer) => answer("ok"));
    expect(await client.emitWithAck("y")).toBe("ok");
  });

  test("polling keeps to the server's maxPayload when it batches", async () => {
    const running = await pair.serve({ maxHttpBufferSize: 200 });
    const [client, socket] = await pair.joined(running, { transports: ["polling"] });
    const heard: unknown[] = [];
    socket.on("n", (n) => heard.push(n));
    socket.on("end", (answer) => answer());
    for (let n = 0; n < 40; n++) client.emit("n", n, n % 3 ? "€" : Buffer.from([n]));
    await client.emitWithAck("end");
    expect(heard).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(client.connected).toBe(true);
  });

  describe("bytes come as", () => {
    test.each<[string, string[], "nodebuffer" | "arraybuffer"]>([
      ["a Buffer over polling", ["polling"], "nodebuffer"],
      ["a Buffer over websocket", ["websocket"], "nodebuffer"],
      ["an ArrayBuffer over polling", ["polling"], "arraybuffer"],
      ["an ArrayBuffer over websocket", ["websocket"], "arraybuffer"],
    ])("%s", async (_, transports, binaryType) => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, { transports });
      client.io.engine.binaryType = binaryType;
      const heard = nextEvent<[unknown]>(client, "bytes");
      socket.emit("bytes", Buffer.from([1, 2, 3]));
      const [bytes] = await heard;
      expect(Buffer.isBuffer(bytes)).toBe(binaryType === "nodebuffer");
      expect(bytes instanceof ArrayBuffer).toBe(binaryType === "arraybuffer");
      expect([...new Uint8Array(bytes as ArrayBuffer)]).toEqual([1, 2, 3]);
    });
  });
});
