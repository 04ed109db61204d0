import { createServer } from "node:http";
import { expect, it } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import {
  awaited,
  conformance,
  flushed,
  nextTurn,
  once,
  record,
  type Socket,
  settled,
  transportCases,
} from "./support.ts";

conformance("a server in daily use", (kit) => {
  for (const { title, transports } of transportCases) {
    it(`takes very large JSON and bytes (${title})`, async () => {
      const running = await kit.serve({ maxHttpBufferSize: 2e7 });
      const [socket, client] = await kit.pair(running, "/", { transports });
      const large = Array.from({ length: 20_000 }, (_, i) => ({
        id: i,
        name: `name ${i}`,
        tags: ["a", "b"],
      }));
      const bytes = Buffer.alloc(3_000_000, 1);
      const there = once<[unknown, Buffer]>(socket, "large");
      client.emit("large", large, bytes);
      const [list, gotBytes] = await there;
      expect(list).toEqual(large);
      expect(gotBytes.equals(bytes)).toBe(true);
      const here = once<[Buffer, unknown]>(client, "large");
      running.io.emit("large", bytes, large);
      const [back, listBack] = await here;
      expect(back.equals(bytes)).toBe(true);
      expect(listBack).toEqual(large);
    });

    it(`lets its clients come back after a restart (${title})`, async () => {
      const http = createServer();
      const io = new kit.Server(http);
      const running = await kit.listen(io, http);
      const [, client] = await kit.pair(running, "/", {
        transports,
        reconnectionDelay: 5,
        reconnectionDelayMax: 20,
      });
      const gone = once(client, "disconnect");
      await io.close();
      await gone;
      const back = once(client, "connect");
      const again = new kit.Server();
      kit.track(again);
      again.on("connection", (socket) => socket.on("echo", (value, reply) => reply(value)));
      again.listen(running.port);
      await back;
      expect(await client.emitWithAck("echo", "again")).toBe("again");
    });
  }

  it("fires each event once after the client reconnected by hand", async () => {
    const running = await kit.serve();
    const [first, client] = await kit.pair(running);
    const heard = record(client);
    const gone = once(first, "disconnect");
    client.disconnect();
    await gone;
    const arrival = once<[Socket]>(running.io, "connection");
    client.connect();
    const [second] = await arrival;
    await settled(client);
    second.emit("echo", 1);
    running.io.emit("all", 2);
    await flushed(running.io, client);
    expect(heard).toEqual([
      ["echo", 1],
      ["all", 2],
    ]);
  });

  it("gets what a client had buffered before it connected, in order", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    const heard: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      running.io.of("/chat").on("connection", (socket) => {
        socket.onAny((name, value) => {
          heard.push([name, value]);
          if (name === "last") resolve();
        });
      });
    });
    const client = kit.client(running, "/chat");
    client.emit("first", 1);
    client.emit("second", Buffer.from([2]));
    client.emit("last", 3);
    await done;
    expect(heard).toEqual([
      ["first", 1],
      ["second", Buffer.from([2])],
      ["last", 3],
    ]);
  });

  it("passes null, undefined and no arguments at all in messages", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const heard = record(socket);
    client.send(null);
    client.send(undefined);
    client.send();
    socket.on("alive", (reply) => reply());
    await client.emitWithAck("alive");
    expect(heard.slice(0, 3)).toEqual([["message", null], ["message", null], ["message"]]);
  });

  it("minds no additions to Object's prototype", async () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    prototype.foo = "bar";
    cleanUpLater(() => {
      delete prototype.foo;
    });
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const heard = once(client, "hello");
    socket.emit("hello", { a: Buffer.from([1]) });
    expect(await heard).toEqual([{ a: Buffer.from([1]) }]);
    const gone = once(socket, "disconnect");
    socket.disconnect(true);
    await gone;
  });

  it("goes on for everyone when a handler throws, and hides the error from nobody", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const [, bystander] = await kit.pair(running);
    // the test runner's own listeners would fail the run: they rest for the length of this test
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    cleanUpLater(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    });
    const thrown = awaited<Error>("the error", (resolve) => process.once("uncaughtException", resolve));
    socket.on("bad", () => {
      socket.emit("before");
      throw new Error("from a handler");
    });
    const before = once(client, "before");
    client.emit("bad");
    expect((await thrown).message).toBe("from a handler");
    await before;
    socket.on("alive", (reply) => reply(true));
    expect(await client.emitWithAck("alive")).toBe(true);
    const heard = once(bystander, "all");
    running.io.emit("all");
    await heard;
  });

  it("shares one connection between the namespaces of one client program, unless told otherwise", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    const main = kit.client(running, "/", { forceNew: false });
    const chat = kit.client(running, "/chat", { forceNew: false });
    await Promise.all([settled(main), settled(chat)]);
    expect(chat.io).toBe(main.io);
    expect(running.io.engine.clientsCount).toBe(1);
    const again = kit.client(running, "/chat", { forceNew: false });
    await settled(again);
    expect(again.io).not.toBe(main.io);
    expect(running.io.engine.clientsCount).toBe(2);
    expect(running.io.of("/chat").sockets.size).toBe(2);
  });

  it("serves two hundred clients that come at once", async () => {
    const running = await kit.serve();
    const clients = Array.from({ length: 200 }, () => kit.client(running));
    await Promise.all(clients.map(settled));
    expect(running.io.of("/").sockets.size).toBe(200);
    const heard = clients.map((client) => once(client, "all"));
    running.io.emit("all", 1);
    expect(await Promise.all(heard)).toEqual(Array(200).fill([1]));
    const answers = clients.map((client, i) => client.on("question", (reply) => reply(i)));
    expect(answers).toHaveLength(200);
    const responses = await running.io.timeout(5_000).emitWithAck("question");
    expect(responses.sort((a: number, b: number) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it("forgets everything about clients that are gone", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    socket.join(["a", "b"]);
    socket.emit("never answered", () => {});
    const closed = once(socket.conn, "close");
    client.disconnect();
    await closed;
    await nextTurn();
    const { adapter, sockets } = running.io.of("/");
    expect([sockets.size, adapter.rooms.size, adapter.sids.size]).toEqual([0, 0, 0]);
    expect(running.io.engine.clientsCount).toBe(0);
  });

  it("serves two Socket.IO servers on one HTTP server, static files included", async () => {
    const http = createServer();
    const one = new kit.Server(http, { path: "/one" });
    const two = new kit.Server(http, { path: "/two" });
    const running = await kit.listen(one, http);
    kit.track(two);
    for (const path of ["/one", "/two"]) {
      const answer = await fetch(`${running.url}${path}/socket.io.js`);
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
      await kit.connected(running, "/", { path, transports: ["polling"] });
    }
    expect([one, two].map(({ engine }) => engine.clientsCount)).toEqual([1, 1]);
  });

  it("sends the CORS headers that it is told to, for preflight and request", async () => {
    const running = await kit.serve({
      cors: {
        origin: "http://localhost:54023",
        methods: ["GET", "POST"],
        allowedHeaders: ["content-type"],
        credentials: true,
      },
    });
    const url = `${running.url}/socket.io/?transport=polling&EIO=4`;
    const headers = { origin: "http://localhost:54023" };
    const preflight = await fetch(url, { method: "OPTIONS", headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("http://localhost:54023");
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET,POST");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("content-type");
    expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
    const answer = await fetch(url, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe("http://localhost:54023");
    expect(answer.headers.get("access-control-allow-methods")).toBeNull();
    expect(answer.headers.get("access-control-allow-headers")).toBeNull();
    expect(answer.headers.get("access-control-allow-credentials")).toBe("true");
  });

  it("speaks one transport only, when told so", async () => {
    const webSocketOnly = await kit.serve({ transports: ["websocket"] });
    expect((await fetch(`${webSocketOnly.url}/socket.io/?EIO=4&transport=polling`)).status).toBe(400);
    await kit.connected(webSocketOnly);
    const pollingOnly = await kit.serve({ transports: ["polling"] });
    const [socket] = await kit.pair(pollingOnly, "/", { transports: ["polling", "websocket"] });
    expect(socket.conn.transport.name).toBe("polling");
    const refused = once(kit.client(pollingOnly, "/", { reconnection: false }), "connect_error");
    await refused;
  });

  it("sets the cookie that it is told to", async () => {
    const running = await kit.serve({ cookie: { name: "holder", path: "/custom", sameSite: "lax" } });
    const answer = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await answer.text()).slice(1));
    expect(answer.headers.get("set-cookie")).toBe(`holder=${sid}; Path=/custom; HttpOnly; SameSite=Lax`);
  });

  it("shows watchers of a connection the packets of a broadcast, encoded once for all", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const created: { data: unknown; options: { wsPreEncodedFrame?: unknown } }[] = [];
    socket.conn.on("packetCreate", (packet: (typeof created)[number]) => created.push(packet));
    const heard = once(client, "hello");
    running.io.emit("hello", "world");
    await heard;
    expect(created).toHaveLength(1);
    expect(created[0]!.data).toBe('2["hello","world"]');
    // Socket.IO's own tests look at this
    expect(created[0]!.options.wsPreEncodedFrame).toBeInstanceOf(Array);
  });
});
