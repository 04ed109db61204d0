import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions, type Socket as ServerSide } from "holdfast";
import { io as connect } from "holdfast-client";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { memoryStorage } from "../../src/reliable/memory.ts";
import type { OutboxStorage } from "../../src/reliable/storage.ts";
import { type FakeConnection, FakeServer, next, refusal } from "./fake-server.ts";

/** A client that has connected and asked for nothing, and its end of the connection. */
async function plain(options: Parameters<FakeServer["client"]>[0] = {}) {
  const server = await FakeServer.listen();
  const socket = server.client(options);
  const connection = await server.connections.next();
  expect(await connection.connect()).toEqual({});
  connection.accept();
  await next(socket, "connect");
  const disconnects: string[] = [];
  socket.on("disconnect", (reason) => disconnects.push(reason));
  return { server, socket, connection, disconnects };
}

/** Answers the next entry. */
const settle = async (connection: FakeConnection, reply: unknown) =>
  connection.answer(await connection.sent(), 0, reply);

describe("an outbox that comes late", () => {
  test("is asked for over the connection that is there", async () => {
    const { socket, connection, disconnects } = await plain({ retries: 1, ackTimeout: 1 });
    const seen: unknown[] = [];
    socket.onAnyOutgoing((name) => seen.push(name));
    const reply = socket.reliable.emit("say", "late");
    const { key, again } = await connection.grantLate();
    expect(key).toMatch(/^[\w-]{22,128}$/);
    expect(again).toBe(0);
    await settle(connection, "ok");
    expect(await reply).toBe("ok");
    expect(disconnects).toEqual([]);
    expect(seen).toEqual([]);
  });

  test("is so too between CONNECT and its answer", async () => {
    const server = await FakeServer.listen();
    const socket = server.client();
    const connection = await server.connections.next();
    await connection.connect();
    const reply = socket.reliable.emit("say", "late");
    connection.accept();
    await connection.grantLate();
    await settle(connection, "ok");
    expect(await reply).toBe("ok");
  });

  test("sends nothing before the answer, and is asked for in the next CONNECT if that is lost", async () => {
    const { server, socket, connection } = await plain();
    const reply = socket.reliable.emit("say", 1);
    const { reliable } = await connection.asked();
    expect(await socket.outbox.list()).toMatchObject([{ sent: false }]);
    expect(socket.outbox.state).toBe("waiting");
    connection.drop();
    const second = await server.connections.next();
    expect(await second.grant()).toEqual(reliable);
    await settle(second, "ok");
    expect(await reply).toBe("ok");
    expect(connection.packets.length).toBe(0);
  });

  test("may be another user's at once", async () => {
    const { socket, connection, disconnects } = await plain({ user: "ann" });
    const anns = refusal(socket.reliable.emit("say", "ann's"));
    socket.outbox.use("bob");
    expect(await anns).toBe("USER_CHANGED");
    const bobs = socket.reliable.emit("say", "bob's");
    await connection.grantLate();
    const sent = await connection.sent();
    expect(sent.event).toEqual(["say", "bob's"]);
    connection.answer(sent, 0, "b");
    expect(await bobs).toBe("b");
    expect(disconnects).toEqual([]);
    // the server was told of bob's
    socket.outbox.use("ann");
    expect(disconnects).toEqual(["io client disconnect"]);
  });

  test("is another user's if that one comes while the server is asked", async () => {
    const { server, socket, connection } = await plain({ user: "ann" });
    void socket.outbox;
    const asked = await connection.asked();
    socket.outbox.use("bob");
    connection.answer(asked, { reliable: { through: 0, window: 10 } });
    const second = await server.connections.next();
    expect((await second.grant()).key).not.toBe(asked.reliable.key);
  });

  test("takes a refusal as one in CONNECT", async () => {
    const { socket, connection, disconnects } = await plain();
    const error = next(socket.outbox, "error");
    const asked = await connection.asked();
    connection.answer(asked, { reliable: { error: { code: "KEY_FOREIGN", message: "another user" } } });
    expect(await error).toMatchObject([{ code: "KEY_FOREIGN" }]);
    expect(await refusal(socket.reliable.emit("say"))).toBe("KEY_FOREIGN");
    expect(disconnects).toEqual([]);
  });

  test("falls back if the server does not speak of it", async () => {
    const { socket, connection } = await plain();
    const error = next(socket.outbox, "error");
    const reply = socket.reliable.emit("say", "plain");
    connection.answer(await connection.asked(), {});
    expect(await error).toMatchObject([{ code: "NOT_RELIABLE" }]);
    const sent = await connection.event();
    expect(sent.event).toEqual(["say", "plain"]);
    connection.answer(sent, "ok");
    expect(await reply).toBe("ok");
  });

  test("is asked for again when its storage, which failed, works", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    onTestFinished(() => void vi.useRealTimers());
    let failures = 0;
    const memory = memoryStorage();
    const outbox: OutboxStorage = {
      async open(name) {
        const stored = await memory.open(name);
        const list = async () => {
          // the first call is that of opening it
          if (failures++ === 1) throw new Error("disk on fire");
          return stored.list();
        };
        return new Proxy(stored, {
          get: (target, key) => (key === "list" ? list : Reflect.get(target, key)),
        });
      },
    };
    const { socket, connection, disconnects } = await plain();
    Object.assign(socket._opts, { outbox });
    const reply = socket.reliable.emit("say", 1);
    await next(socket.outbox, "added");
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(1));
    vi.advanceTimersByTime(1000);
    await connection.grantLate();
    await settle(connection, "ok");
    expect(await reply).toBe("ok");
    expect(disconnects).toEqual([]);
  });
});

describe("with a server", () => {
  const options: Partial<ServerOptions> = {
    store: "memory",
    rooms: { "chat:*": { keep: true } },
    connectionStateRecovery: {},
  };

  async function serve(namespace = "/") {
    const http = createServer();
    const io = new Server(http, options);
    const sockets: ServerSide[] = [];
    const said: unknown[] = [];
    io.of(namespace).handle("say", (text, tx) => {
      tx.to("chat:1").publish("said", text);
      said.push(text);
      return text;
    });
    io.of(namespace).on("connection", (socket) => {
      sockets.push(socket);
      if (!socket.recovered) void socket.join(["chat:1", "mine"]);
    });
    await new Promise<void>((resolve) => http.listen(0, resolve));
    onTestFinished(() => io.close());
    const url = `http://localhost:${(http.address() as AddressInfo).port}${namespace}`;
    const client = (more: object = {}) => {
      const socket = connect(url, { forceNew: true, reconnectionDelay: 1, ...more });
      const disconnects: string[] = [];
      socket.on("disconnect", (reason) => disconnects.push(reason));
      onTestFinished(() => void socket.disconnect());
      return { socket, disconnects };
    };
    return { io, sockets, said, client };
  }

  test.each([
    ["/", ["websocket"]],
    ["/", ["polling"]],
    ["/other", ["polling", "websocket"]],
  ])("in %s over %j the socket stays the same, and in its rooms", async (namespace, transports) => {
    const { io, sockets, client } = await serve(namespace);
    const { socket, disconnects } = client({ transports });
    await next(socket, "connect");
    const { id } = socket;
    const replies = Promise.all(["a", "b", "c"].map((text) => socket.reliable.emit("say", text)));
    const heard = next(socket, "to mine");
    expect(await replies).toEqual(["a", "b", "c"]);
    io.of(namespace).to("mine").emit("to mine", 1);
    expect(await heard).toMatchObject({ 0: 1 });
    expect(socket.id).toBe(id);
    expect(sockets).toHaveLength(1);
    expect(disconnects).toEqual([]);
  });

  test("a session that is recovered asks in CONNECT, and nothing takes effect twice", async () => {
    const { sockets, said, client } = await serve();
    const { socket, disconnects } = client({ transports: ["websocket"] });
    await next(socket, "connect");
    const { id } = socket;
    expect(await socket.reliable.emit("say", 1)).toBe(1);
    sockets[0]!.conn.close();
    const replies = Promise.all([2, 3].map((n) => socket.reliable.emit("say", n)));
    expect(await replies).toEqual([2, 3]);
    expect(said).toEqual([1, 2, 3]);
    expect(socket).toMatchObject({ id, recovered: true });
    expect(disconnects).toEqual(["transport close"]);
  });

  test("what an earlier page left is sent by one that looks at its outbox late", async () => {
    const { said, client } = await serve();
    const storage = memoryStorage();
    // the pages share what is stored
    const outbox: OutboxStorage = { open: (name) => storage.open(name) };
    const first = client({ autoConnect: false, outbox });
    void first.socket.reliable.emit("say", "left").catch(() => {});
    await next(first.socket.outbox, "added");
    await first.socket.outbox.close();
    const second = client();
    await next(second.socket, "connect");
    Object.assign(second.socket._opts, { outbox });
    const settled = next(second.socket.outbox, "settled");
    expect(await settled).toMatchObject([{ event: "say", reply: "left" }]);
    expect(said).toEqual(["left"]);
    expect(second.disconnects).toEqual([]);
  });
});
