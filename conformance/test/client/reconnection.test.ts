import { createServer } from "node:http";
import { expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { eventsOf, nextEvent, turns } from "../../src/events.ts";
import { closedPort, describePairs } from "./support.ts";

describePairs("reconnecting", (pair) => {
  test("a lost connection comes back with a new id, and the manager tells of it", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running);
    const { id } = client;
    const told: string[] = [];
    client.on("disconnect", (reason) => told.push(`disconnect ${reason}`));
    client.io.on("close", (reason) => told.push(`close ${reason}`));
    client.io.on("reconnect_attempt", (attempt) => told.push(`attempt ${attempt}`));
    client.io.on("open", () => told.push("open"));
    client.io.on("reconnect", (attempt) => told.push(`reconnect ${attempt}`));
    const back = nextEvent(client, "connect");
    client.io.engine.close();
    expect(client.active).toBe(true);
    await back;
    expect(client.id).not.toBe(id);
    expect(told.filter((line) => !line.startsWith("close"))).toEqual([
      "disconnect forced close",
      "attempt 1",
      "open",
      "reconnect 1",
    ]);
    expect(told).toContain("close forced close");
  });

  test("attempts are counted, told of, and given up in the end", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, { reconnectionAttempts: 2 });
    const told: string[] = [];
    client.on("connect_error", () => told.push("connect_error"));
    client.io.on("error", () => told.push("error"));
    client.io.on("reconnect_attempt", (attempt) => told.push(`attempt ${attempt}`));
    client.io.on("reconnect_error", (error) => told.push(`reconnect_error ${error instanceof Error}`));
    await nextEvent(client.io, "reconnect_failed");
    // the last reconnect_error comes after reconnect_failed
    await turns(1);
    expect(told.filter((line) => line !== "error" && line !== "connect_error")).toEqual([
      "attempt 1",
      "reconnect_error true",
      "attempt 2",
      "reconnect_error true",
    ]);
    expect(told.filter((line) => line === "connect_error")).toHaveLength(3);
    expect(told.filter((line) => line === "error")).toHaveLength(3);
  });

  test("reconnection: false stays away", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, { reconnection: false });
    const attempts = eventsOf(client.io, "reconnect_attempt");
    await nextEvent(client, "connect_error");
    await turns(20);
    expect(attempts.size).toBe(0);
  });

  test("delays double with every attempt up to the most", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`, {
      reconnectionAttempts: 4,
      reconnectionDelay: 20,
      reconnectionDelayMax: 60,
      randomizationFactor: 0,
    });
    let last = 0;
    const delays: number[] = [];
    client.on("connect_error", () => {
      last = performance.now();
    });
    client.io.on("reconnect_attempt", () => delays.push(performance.now() - last));
    await nextEvent(client.io, "reconnect_failed");
    // timers may be late, never early (but for the millisecond they round)
    for (const [index, least] of [20, 40, 60, 60].entries()) expect(delays[index]).toBeGreaterThan(least - 2);
  });

  test("close() in a reconnect_attempt stops it", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`);
    const errors = eventsOf(client.io, "reconnect_error");
    await new Promise<void>((resolve) => {
      client.io.on("reconnect_attempt", () => {
        client.disconnect();
        resolve();
      });
    });
    await turns(30);
    expect(errors.size).toBe(0);
  });

  test("a socket that disconnected by itself stays away when another brings the connection back", async () => {
    const running = await pair.serve();
    running.io.of("/a");
    const manager = pair.manager(running);
    const root = manager.socket("/");
    const other = manager.socket("/a");
    await Promise.all([nextEvent(root, "connect"), nextEvent(other, "connect")]);
    root.disconnect();
    const back = nextEvent(other, "connect");
    manager.engine.close();
    await back;
    await turns(10);
    expect(root.connected).toBe(false);
    root.connect();
    await nextEvent(root, "connect");
  });

  test("it works again after it was given up, when told to", async () => {
    const http = createServer();
    const port = await closedPort();
    const client = pair.connect(`http://localhost:${port}`, {
      reconnectionAttempts: 1,
      transports: ["websocket"],
    });
    await nextEvent(client.io, "reconnect_failed");
    await new Promise<void>((resolve) => http.listen(port, resolve));
    cleanUpLater(() => http.close());
    const { io } = await pair.serveOn(http);
    client.connect();
    await nextEvent(client, "connect");
    expect(io.engine.clientsCount).toBe(1);
    client.disconnect();
  });

  test("a server that comes back finds its clients", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { transports: ["websocket"] });
    const lost = nextEvent<[string]>(client, "disconnect");
    await new Promise<void>((resolve) => void running.io.close(() => resolve()));
    expect((await lost)[0]).toBe("transport close");
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(running.port, resolve));
    cleanUpLater(() => http.close());
    await pair.serveOn(http);
    await nextEvent(client, "connect");
    client.disconnect();
  });

  test("the settings can be read and changed, in a chain", () => {
    const manager = pair.manager("http://localhost:1", {
      autoConnect: false,
      reconnectionDelay: 5,
      reconnectionDelayMax: 6,
    });
    expect(manager.reconnection()).toBe(true);
    expect(manager.reconnectionAttempts()).toBe(Number.POSITIVE_INFINITY);
    expect(manager.reconnectionDelay()).toBe(5);
    expect(manager.reconnectionDelayMax()).toBe(6);
    expect(manager.randomizationFactor()).toBe(0.5);
    expect(manager.timeout()).toBe(20_000);
    expect(
      manager
        .reconnection(false)
        .reconnectionAttempts(3)
        .reconnectionDelay(0)
        .reconnectionDelayMax(8)
        .randomizationFactor(0.25)
        .timeout(9),
    ).toBe(manager);
    expect([
      manager.reconnection(),
      manager.reconnectionAttempts(),
      manager.reconnectionDelay(),
      manager.reconnectionDelayMax(),
      manager.randomizationFactor(),
      manager.timeout(),
    ]).toEqual([false, 3, 0, 8, 0.25, 9]);
  });

  test("defaults stand for zero, as ever", () => {
    const manager = pair.manager("http://localhost:1", {
      autoConnect: false,
      reconnectionDelay: 0,
      reconnectionDelayMax: 0,
      reconnectionAttempts: 0,
    });
    expect(manager.reconnectionDelay()).toBe(1000);
    expect(manager.reconnectionDelayMax()).toBe(5000);
    expect(manager.reconnectionAttempts()).toBe(Number.POSITIVE_INFINITY);
  });

  test("reconnection(false) ends what is under way", async () => {
    const client = pair.connect(`http://localhost:${await closedPort()}`);
    await nextEvent(client, "connect_error");
    const attempts = eventsOf(client.io, "reconnect_attempt");
    client.io.reconnection(false);
    await turns(50);
    attempts.drain();
    await turns(50);
    expect(attempts.size).toBe(0);
  });

  test("events sent meanwhile arrive once", async () => {
    const running = await pair.serve();
    const heard: unknown[] = [];
    running.io.on("connection", (socket) => {
      socket.on("n", (n) => heard.push(n));
      socket.on("end", (answer) => answer());
    });
    const client = pair.connect(running);
    await nextEvent(client, "connect");
    client.on("disconnect", () => client.emit("n", 1));
    client.on("connect", () => client.emit("n", 2));
    client.io.engine.close();
    await nextEvent(client, "connect");
    await client.emitWithAck("end");
    expect(heard).toEqual([1, 2]);
  });
});
