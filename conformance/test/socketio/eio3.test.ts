import connectV2, { type V2Socket } from "socket.io-client-v2";
import { describe, expect, it } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { request } from "../../src/http-request.ts";
import { awaited, conformance, once, type Running, type Socket, transportCases, until } from "./support.ts";

conformance("clients of Socket.IO 2 (allowEIO3)", (kit) => {
  const serve = () => kit.serve({ allowEIO3: true });

  function client(running: Running, namespace = "/", options: Record<string, unknown> = {}): V2Socket {
    const socket = connectV2(running.url + namespace, {
      forceNew: true,
      transports: ["websocket"],
      reconnection: false,
      ...options,
    });
    cleanUpLater(() => socket.close());
    return socket;
  }

  async function pair(running: Running, namespace = "/", options = {}): Promise<[Socket, V2Socket]> {
    const arrival = once<[Socket]>(running.io.of(namespace.replace(/\?.*/, "")), "connection");
    const v2 = client(running, namespace, options);
    const connected = once(v2, "connect");
    const [socket] = await arrival;
    await connected;
    return [socket, v2];
  }

  for (const { title, transports } of transportCases) {
    describe(`over ${title}`, () => {
      const options = { transports };

      it("connect, and know their id", async () => {
        const running = await serve();
        const [socket, v2] = await pair(running, "/", options);
        expect(socket.conn.protocol).toBe(3);
        expect(socket.handshake.query.EIO).toBe("3");
        expect(v2.id).toBe(socket.id);
      });

      it("exchange events, bytes and acknowledgements", async () => {
        const [socket, v2] = await pair(await serve(), "/", options);
        const there = once(socket, "hello");
        v2.emit("hello", 1, "é😀", { a: [null, true] }, Buffer.from([1, 2]));
        expect(await there).toEqual([1, "é😀", { a: [null, true] }, Buffer.from([1, 2])]);
        const here = once(v2, "hello");
        socket.emit("hello", 2, "é😀", { a: [Buffer.from([3])] });
        expect(await here).toEqual([2, "é😀", { a: [Buffer.from([3])] }]);
        socket.on("add", (a, b, reply) => reply(a + b));
        const sum = await awaited(`the ack`, (resolve) => v2.emit("add", 1, 2, resolve));
        expect(sum).toBe(3);
        v2.on("add", ((a: number, b: number, reply: (sum: number) => void) => reply(a + b)) as never);
        expect(await socket.emitWithAck("add", 3, 4)).toBe(7);
      });

      it("get broadcasts and belong to rooms", async () => {
        const running = await serve();
        const [one, first] = await pair(running, "/", options);
        const [, second] = await pair(running, "/", options);
        one.join("room");
        const [inRoom, all] = [once(first, "room"), once(second, "all")];
        running.io.to("room").emit("room", 1);
        one.broadcast.emit("all", Buffer.from([2]));
        expect(await inRoom).toEqual([1]);
        expect(await all).toEqual([Buffer.from([2])]);
      });

      it("disconnect, either side", async () => {
        const running = await serve();
        const [socket, v2] = await pair(running, "/", options);
        const there = once<[string]>(socket, "disconnect");
        v2.close();
        expect(["client namespace disconnect", "transport close"]).toContain((await there)[0]);
        const [other, v2Other] = await pair(running, "/", options);
        const here = once<[string]>(v2Other, "disconnect");
        other.disconnect(true);
        expect(["io server disconnect", "transport close"]).toContain((await here)[0]);
      });
    });
  }

  it("upgrade to websocket", async () => {
    const [socket, v2] = await pair(await serve(), "/", { transports: ["polling", "websocket"] });
    await until("the upgrade", () => v2.io.engine.transport.name === "websocket");
    await until("the upgrade on the server", () => socket.conn.transport.name === "websocket");
    socket.on("alive", (reply) => reply(true));
    expect(await awaited("the ack", (resolve) => v2.emit("alive", resolve))).toBe(true);
  });

  it("join the main namespace without asking, and others when they ask", async () => {
    const running = await serve();
    const arrivals: string[] = [];
    running.io.on("connection", () => arrivals.push("/"));
    const chat = running.io.of("/chat");
    chat.on("connection", () => arrivals.push("/chat"));
    const [socket, v2] = await pair(running, "/chat");
    expect(arrivals).toEqual(["/", "/chat"]);
    expect(socket.id).toBe(`/chat#${(socket.client as unknown as { id: string }).id}`);
    expect(v2.id).toBe(socket.id);
    const heard = once(v2, "news");
    chat.emit("news", 1);
    expect(await heard).toEqual([1]);
  });

  it("give their query as the namespace's auth", async () => {
    const running = await serve();
    const [socket] = await pair(running, "/chat?token=abc");
    expect(socket.handshake.auth).toEqual({ token: "abc" });
    const [main] = await pair(running, "/", { query: { key: "value" } });
    expect(main.handshake.query.key).toBe("value");
    expect(main.handshake.auth).toEqual({});
  });

  it("are told of errors as events", async () => {
    const running = await serve();
    running.io.of("/restricted").use((_socket, next) => next(new Error("no")));
    running.io
      .of("/detailed")
      .use((_socket, next) => next(Object.assign(new Error("no"), { data: { code: 1 } })));
    const error = async (namespace: string) => (await once(client(running, namespace), "error"))[0];
    expect(await error("/restricted")).toBe("no");
    expect(await error("/detailed")).toEqual({ code: 1 });
  });

  it("are told of an unknown namespace", async () => {
    const running = await serve();
    const [error] = await once(client(running, "/unknown"), "error");
    expect(error).toEqual({ message: "Invalid namespace" });
  });

  it("live together with clients of today", async () => {
    const running = await serve();
    const [, v2] = await pair(running);
    const [, v4] = await kit.pair(running);
    const heard = [once(v2, "all"), once(v4, "all")];
    running.io.emit("all", { bytes: Buffer.from([1]) });
    expect(await Promise.all(heard)).toEqual([[{ bytes: Buffer.from([1]) }], [{ bytes: Buffer.from([1]) }]]);
  });

  it("are refused unless allowed", async () => {
    const running = await kit.serve();
    const { status, text } = await request(running.port, "/socket.io/?EIO=3&transport=polling");
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({ code: 5, message: "Unsupported protocol version" });
    const v2 = client(running);
    await once(v2, "connect_error");
    expect(v2.connected).toBe(false);
  });

  it("are greeted over a raw websocket with open and CONNECT", async () => {
    const running = await serve();
    const raw = await kit.rawWebSocket(running, { query: { EIO: "3" } });
    expect(raw.open).toMatchObject({ upgrades: [], pingInterval: 25_000, pingTimeout: 20_000 });
    expect(await raw.next()).toBe("40");
    raw.send("2");
    expect(await raw.next()).toBe("3");
  });
});
