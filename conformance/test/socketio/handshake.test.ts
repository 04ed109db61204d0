import { describe, expect, it } from "vitest";
import { conformance, once, type Socket, transportCases } from "./support.ts";

conformance("the handshake", (kit) => {
  for (const { title, transports } of transportCases) {
    it(`tells what the client came with (${title})`, async () => {
      const running = await kit.serve();
      const before = Date.now();
      const [socket] = await kit.pair(running, "/", {
        transports,
        query: { key1: "1", key2: "&=bar" },
        auth: { token: "abc", nested: { a: [1] } },
        extraHeaders: { "x-custom": "yes" },
      });
      const { handshake } = socket;
      expect(handshake.issued).toBeGreaterThanOrEqual(before);
      expect(handshake.issued).toBeLessThanOrEqual(Date.now());
      expect(Date.parse(handshake.time)).toBeGreaterThan(before - 1_000);
      expect(handshake.time).toBe(new Date(Date.parse(handshake.time)).toString());
      expect(handshake.secure).toBe(false);
      expect(handshake.xdomain).toBe(false);
      expect(handshake.address).toMatch(/^(::1|127\.0\.0\.1|::ffff:127\.0\.0\.1)$/);
      expect(handshake.headers["x-custom"]).toBe("yes");
      expect(handshake.headers.host).toBe(`localhost:${running.port}`);
      expect(handshake.url).toContain("/socket.io/?");
      expect(handshake.url).toContain(`transport=${transports[0]}`);
      expect(handshake.query).toMatchObject({
        EIO: "4",
        transport: transports[0],
        key1: "1",
        key2: "&=bar",
      });
      expect(handshake.auth).toEqual({ token: "abc", nested: { a: [1] } });
    });

    it(`is cross-domain for a client with an origin (${title})`, async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running, "/", {
        transports,
        extraHeaders: { origin: "https://example.com" },
      });
      expect(socket.handshake.xdomain).toBe(true);
      expect(socket.handshake.headers.origin).toBe("https://example.com");
    });
  }

  describe("its auth", () => {
    it("is an empty object when the client sends none", async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running);
      expect(socket.handshake.auth).toEqual({});
    });

    it("may come from a function of the client", async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running, "/", { auth: (send) => send({ token: "later" }) });
      expect(socket.handshake.auth).toEqual({ token: "later" });
    });

    it("belongs to each namespace, while the query belongs to the connection", async () => {
      const running = await kit.serve();
      running.io.of("/chat");
      const client = await kit.connected(running, "/", { query: { q: "1" }, auth: { of: "main" } });
      const arrival = once<[Socket]>(running.io.of("/chat"), "connection");
      client.io.socket("/chat", { auth: { of: "chat" } });
      const [socket] = await arrival;
      expect(socket.handshake.auth).toEqual({ of: "chat" });
      expect(socket.handshake.query.q).toBe("1");
      expect([...running.io.sockets.sockets.values()][0]!.handshake.auth).toEqual({ of: "main" });
    });

    it("keeps names that objects have by nature without touching any prototype", async () => {
      const running = await kit.serve();
      const arrival = once<[Socket]>(running.io, "connection");
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send('40{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":2}');
      const [socket] = await arrival;
      expect(Object.keys(socket.handshake.auth).sort()).toEqual([
        "__proto__",
        "constructor",
        "hasOwnProperty",
      ]);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });
  });

  it("takes the last of repeated query keys, and keys without values as empty", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const answer = await fetch(`${running.url}/socket.io/?EIO=4&transport=polling&a=1&a=2&empty=&bare`);
    const { sid } = JSON.parse((await answer.text()).slice(1));
    await fetch(`${running.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
      method: "POST",
      body: "40",
    });
    const [socket] = await arrival;
    expect(socket.handshake.query).toMatchObject({ a: "2", empty: "", bare: "" });
  });

  it("shares headers and request with the connection", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    expect(socket.request).toBe(socket.conn.request);
    expect(socket.request).toBe(socket.client.request);
    expect(socket.conn).toBe(socket.client.conn);
    expect(socket.handshake.headers).toBe(socket.request.headers);
    expect(socket.handshake.url).toBe(socket.request.url);
    expect((socket.request as unknown as { _query: unknown })._query).toEqual(socket.handshake.query);
  });
});

conformance("the server's socket", (kit) => {
  it("belongs to its server, namespace and adapter", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running, "/");
    expect(socket).toBeInstanceOf(kit.Socket);
    expect(socket.nsp).toBe(running.io.sockets);
    expect((socket as unknown as { server: unknown }).server).toBe(running.io);
    expect((socket as unknown as { adapter: unknown }).adapter).toBe(running.io.sockets.adapter);
    expect(socket.connected).toBe(true);
    expect(socket.disconnected).toBe(false);
    expect(socket.recovered).toBe(false);
    expect(socket.data).toEqual({});
  });

  it("has data that the server side shares through fetchSockets()", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    socket.data = { user: "ada" };
    const [same] = await running.io.fetchSockets();
    expect(same!.data).toEqual({ user: "ada" });
  });

  for (const { title, transports } of transportCases) {
    it(`tells the transport's name through its connection (${title})`, async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running, "/", { transports, upgrade: false });
      expect(socket.conn.transport.name).toBe(transports[0]);
      expect(socket.conn.readyState).toBe("open");
      expect(socket.conn.protocol).toBe(4);
    });
  }

  it("lets its connection tell of an upgrade", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    kit.client(running, "/", { transports: ["polling", "websocket"] });
    const [socket] = await arrival;
    if (socket.conn.transport.name !== "websocket") {
      const [transport] = await once<[{ name: string }]>(socket.conn, "upgrade");
      expect(transport.name).toBe("websocket");
    }
    expect(socket.conn.transport.name).toBe("websocket");
  });

  it("lets its connection tell of packets in and out", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const incoming: unknown[] = [];
    const outgoing: unknown[] = [];
    socket.conn.on("packet", ({ type, data }: { type: string; data: unknown }) =>
      incoming.push([type, data]),
    );
    socket.conn.on("packetCreate", ({ type, data }: { type: string; data: unknown }) =>
      outgoing.push([type, data]),
    );
    socket.on("question", (reply) => reply("answer"));
    expect(await client.emitWithAck("question")).toBe("answer");
    expect(incoming).toEqual([["message", '20["question"]']]);
    expect(outgoing).toEqual([["message", '30["answer"]']]);
  });
});
