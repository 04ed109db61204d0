import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { eventsOf, nextEvent, turns } from "../../src/events.ts";
import { listen } from "../../src/servers.ts";
import { closedPort, describeOurs } from "./support.ts";

// What users of socket.io-client suffer from, and ours must not.

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describeOurs("reconnection storms", (pair) => {
  test("delays are anything from zero to the exact one", async () => {
    const random = vi.spyOn(Math, "random");
    const client = pair.connect(`http://localhost:${await closedPort()}`, {
      reconnectionDelay: 1000,
      reconnectionDelayMax: 3000,
      autoConnect: false,
      transports: ["websocket"],
    });
    const delays: number[] = [];
    const manager = client.io as unknown as { _after(ms: number, action: () => void): () => void };
    const after = manager._after;
    manager._after = (ms, action) => {
      delays.push(ms);
      return after(Math.min(ms, 1), action);
    };
    client.io.timeout(false);
    random.mockReturnValue(0.25);
    client.connect();
    for (let n = 0; n < 4; n++) await nextEvent(client, "connect_error");
    expect(delays.slice(0, 3)).toEqual([250, 500, 750]);
    client.io.randomizationFactor(0.5);
    delays.length = 0;
    await nextEvent(client, "connect_error");
    await nextEvent(client, "connect_error");
    expect(delays.every((delay) => delay === 3000)).toBe(true);
  });

  test.each<[string, () => string]>([
    ["seconds", () => "1"],
    ["a date", () => new Date(Date.now() + 2000).toUTCString()],
  ])("Retry-After in %s puts off the next attempt over polling", async (_, value) => {
    const arrivals: number[] = [];
    const answer = (_request: IncomingMessage, response: ServerResponse) => {
      arrivals.push(performance.now());
      response.writeHead(503, arrivals.length === 1 ? { "Retry-After": value() } : {}).end("busy");
    };
    const port = await listen(createServer(answer));
    for (const transports of [undefined, [pair.client.Fetch]]) {
      arrivals.length = 0;
      const client = pair.connect(`http://localhost:${port}`, {
        reconnectionDelay: 1,
        reconnectionAttempts: 1,
        ...(transports ? { transports } : {}),
      });
      const [error] = await nextEvent<[Error & { data: { retryAfterMs: number }; description: number }]>(
        client,
        "connect_error",
      );
      expect(error.description).toBe(503);
      expect(error.data.retryAfterMs).toBeGreaterThan(500);
      await nextEvent(client.io, "reconnect_failed");
      expect(arrivals[1]! - arrivals[0]!).toBeGreaterThan(500);
    }
  });

  test("a refusal that says when to come again is not final", async () => {
    const running = await pair.serve();
    let refusals = 0;
    running.io.use((_socket, next) => {
      next(refusals++ ? undefined : Object.assign(new Error("busy"), { data: { retryAfterMs: 50 } }));
    });
    const client = pair.connect(running);
    const [error] = await nextEvent<[Error & { data: object }]>(client, "connect_error");
    expect(error.data).toEqual({ retryAfterMs: 50 });
    expect(client.active).toBe(true);
    const start = performance.now();
    // asking does not make it come earlier
    client.connect();
    await nextEvent(client, "connect");
    expect(performance.now() - start).toBeGreaterThan(40);
  });

  test("disconnect() ends that wait", async () => {
    const running = await pair.serve();
    let attempts = 0;
    running.io.use((_socket, next) => {
      attempts++;
      next(Object.assign(new Error("busy"), { data: { retryAfterMs: 5 } }));
    });
    const client = pair.connect(running);
    await nextEvent(client, "connect_error");
    client.disconnect();
    expect(client.active).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(attempts).toBe(1);
  });

  test("without reconnection a refusal stays final", async () => {
    const running = await pair.serve();
    running.io.use((_socket, next) => next(Object.assign(new Error("busy"), { data: { retryAfterMs: 5 } })));
    const client = pair.connect(running, { reconnection: false });
    await nextEvent(client, "connect_error");
    expect(client.active).toBe(false);
  });
});

describeOurs("mock clocks", (pair) => {
  test("one that is installed later neither stops a connection nor ends it", async () => {
    const running = await pair.serve({ pingInterval: 100, pingTimeout: 100 });
    const client = pair.connect(running, { transports: ["websocket"] });
    await nextEvent(client, "connect");
    running.io.on("connection", () => {});
    const [socket] = [...running.io.sockets.sockets.values()];
    socket!.on("echo", (value, answer) => answer(value));
    const disconnects = eventsOf(client, "disconnect");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(3_600_000);
    expect(await client.emitWithAck("echo", "x")).toBe("x");
    expect(disconnects.size).toBe(0);
  });

  test("one that is there from the beginning does not keep it from connecting", async () => {
    const running = await pair.serve();
    for (const transports of [["polling"], ["websocket"]]) {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
      const client = pair.connect(running, { transports });
      const connected = new Promise<void>((resolve) => client.on("connect", resolve));
      await connected;
      // an hour without a ping, by that clock
      const gone = new Promise<string>((resolve) => client.on("disconnect", resolve));
      vi.advanceTimersByTime(3_600_000);
      expect(await gone).toBe("ping timeout");
      client.disconnect();
      vi.useRealTimers();
    }
  });

  test("useNativeTimers sees nothing of it, not even of Date", async () => {
    const running = await pair.serve();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const client = pair.connect(running, { useNativeTimers: true, transports: ["websocket"] });
    await new Promise<void>((resolve) => client.on("connect", resolve));
    let lost = false;
    client.on("disconnect", () => {
      lost = true;
    });
    vi.advanceTimersByTime(3_600_000);
    client.emit("x");
    await turns(3);
    expect(lost).toBe(false);
    expect(client.connected).toBe(true);
  });
});

describeOurs("frameworks that put objects behind proxies", (pair) => {
  const proxies = new WeakMap<object, object>();
  /** As Vue's `reactive`: every object that is reached through a proxy is a proxy. */
  function reactive<T extends object>(target: T): T {
    const known = proxies.get(target);
    if (known) return known as T;
    const proxy = new Proxy(target, {
      get(object, key, receiver) {
        const value: unknown = Reflect.get(object, key, receiver);
        const tag = Object.prototype.toString.call(value);
        return tag === "[object Object]" || tag === "[object Array]" ? reactive(value as object) : value;
      },
    });
    proxies.set(target, proxy);
    return proxy;
  }

  test("a socket works there", async () => {
    const running = await pair.serve();
    running.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
    const plain = pair.connect(running, { autoConnect: false, retries: 1, ackTimeout: 2000 });
    const client = reactive(plain);
    client.connect();
    await nextEvent(client, "connect");
    expect(await client.emitWithAck("echo", Buffer.from([1]))).toEqual(Buffer.from([1]));
    const back = nextEvent(client, "connect");
    client.io.engine.close();
    await back;
    expect(await client.timeout(2000).emitWithAck("echo", 1)).toBe(1);
    client.disconnect();
    expect(plain.connected).toBe(false);
  });
});

describeOurs("what goes wrong under way", (pair) => {
  test("a connection that closes while it opens is an error at once, not after the time-out", async () => {
    const port = await listen(
      createServer((request, response) => {
        // a handshake that is a farewell
        if (request.method === "GET") response.writeHead(200).end("1");
      }),
    );
    const client = pair.connect(`http://localhost:${port}`, { reconnection: false, timeout: 100_000 });
    const [error] = await nextEvent<[Error]>(client, "connect_error");
    expect(error.message).toBe("transport close");
  });

  test("an upgrade that fails after the old transport came to rest leads to a new connection", async () => {
    const running = await pair.serve();
    const client = pair.connect(running, { transports: ["polling", "websocket"] });
    client.io.engine.on("upgrading", (transport) => {
      (transport as unknown as { emit(event: string, error: Error): void }).emit("error", new Error("cut"));
    });
    const failed = nextEvent<[Error]>(client.io.engine, "upgradeError");
    const closed = nextEvent<[string]>(client.io, "close");
    expect((await failed)[0].message).toBe("probe error: Error: cut");
    expect((await closed)[0]).toBe("transport error");
    await nextEvent(client, "connect");
  });
});
