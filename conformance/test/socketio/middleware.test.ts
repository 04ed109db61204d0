import { expect, it } from "vitest";
import { conformance, nextTurn, once, refusal, type Socket, settled, transportCases } from "./support.ts";

conformance("connection middleware", (kit) => {
  it("runs in order, each after the one before called next()", async () => {
    const running = await kit.serve();
    const order: number[] = [];
    running.io.use((_socket, next) => {
      order.push(1);
      setImmediate(() => {
        order.push(2);
        next();
      });
    });
    running.io.use((_socket, next) => {
      order.push(3);
      next();
    });
    running.io.on("connection", () => order.push(4));
    await kit.pair(running);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it("chains: use() returns the server or the namespace", () => {
    const io = new kit.Server();
    const chat = io.of("/chat");
    expect(io.use((_socket, next) => next())).toBe(io);
    expect(chat.use((_socket, next) => next())).toBe(chat);
  });

  for (const { title, transports } of transportCases) {
    it(`refuses the client with the error of next(error) (${title})`, async () => {
      const running = await kit.serve();
      let connected = false;
      running.io.on("connection", () => {
        connected = true;
      });
      running.io.use((_socket, next) => next(new Error("Authentication error")));
      let later = false;
      running.io.use((_socket, next) => {
        later = true;
        next();
      });
      const client = kit.client(running, "/", { transports });
      const error = await refusal(client);
      expect(error).toBeInstanceOf(Error);
      expect(error.message).toBe("Authentication error");
      expect(error.data).toBeUndefined();
      expect(client.connected).toBe(false);
      expect(client.active).toBe(false);
      expect(later).toBe(false);
      expect(connected).toBe(false);
      expect(running.io.sockets.sockets.size).toBe(0);
    });
  }

  it("refuses with an object as error.data", async () => {
    const running = await kit.serve();
    running.io.use((_socket, next) =>
      next(Object.assign(new Error("Authentication error"), { data: { a: "b", c: 3, nested: [1, null] } })),
    );
    const error = await refusal(kit.client(running));
    expect(error.message).toBe("Authentication error");
    expect(error.data).toEqual({ a: "b", c: 3, nested: [1, null] });
  });

  it("leaves the connection open after a refusal, so that the client may try again", async () => {
    const running = await kit.serve();
    let tries = 0;
    running.io.use((socket, next) => {
      tries++;
      next(socket.handshake.auth.token === "right" ? undefined : new Error("wrong token"));
    });
    const client = kit.client(running, "/", { auth: { token: "wrong" } });
    expect((await refusal(client)).message).toBe("wrong token");
    expect(running.io.engine.clientsCount).toBe(1);
    client.auth = { token: "right" };
    client.connect();
    await settled(client);
    expect(tries).toBe(2);
  });

  it("runs for its own namespace only", async () => {
    const running = await kit.serve();
    const ran: string[] = [];
    running.io.use((_socket, next) => {
      ran.push("/");
      next();
    });
    running.io.of("/chat").use((_socket, next) => {
      ran.push("/chat");
      next();
    });
    await kit.connected(running, "/chat");
    expect(ran).toEqual(["/chat"]);
    await kit.connected(running);
    expect(ran).toEqual(["/chat", "/"]);
  });

  it("sees a socket that is not connected yet", async () => {
    const running = await kit.serve();
    const seen: unknown[] = [];
    running.io.use((socket, next) => {
      seen.push(socket.connected, socket.disconnected, socket.rooms.size, running.io.sockets.sockets.size);
      next();
    });
    const [socket] = await kit.pair(running);
    expect(seen).toEqual([false, true, 0, 0]);
    expect(socket.connected).toBe(true);
  });

  it("may join rooms and set data", async () => {
    const running = await kit.serve();
    running.io.use(async (socket, next) => {
      socket.data.user = "ada";
      await socket.join("early");
      next();
    });
    const [socket, client] = await kit.pair(running);
    expect(socket.data).toEqual({ user: "ada" });
    expect(socket.rooms).toEqual(new Set(["early", socket.id]));
    const heard = once(client, "hello");
    running.io.to("early").emit("hello", 1);
    expect(await heard).toEqual([1]);
  });

  it("leaves no room behind for a client it refused", async () => {
    const running = await kit.serve();
    running.io.use((socket, next) => {
      socket.join("early");
      next(new Error("no"));
    });
    await refusal(kit.client(running));
    expect(running.io.sockets.adapter.rooms.size).toBe(0);
    expect(running.io.sockets.adapter.sids.size).toBe(0);
  });

  it("may emit to the socket, after CONNECT in the client's eyes", async () => {
    const running = await kit.serve();
    running.io.use((socket, next) => {
      socket.emit("early", 1);
      next();
    });
    const client = kit.client(running);
    expect(await once(client, "early")).toEqual([1]);
    await settled(client);
  });

  it("may be asynchronous and take its time while other clients connect", async () => {
    const running = await kit.serve();
    let release: () => void = () => {};
    running.io.use((socket, next) => {
      if (socket.handshake.auth.slow) release = () => next();
      else next();
    });
    const slow = kit.client(running, "/", { auth: { slow: true } });
    await kit.connected(running);
    while (running.io.engine.clientsCount < 2) await nextTurn();
    expect(slow.connected).toBe(false);
    while (release.toString() === "() => {}") await nextTurn();
    release();
    await settled(slow);
  });

  it("does not connect a client that left while it was waiting", async () => {
    const running = await kit.serve();
    let connections = 0;
    running.io.on("connection", () => connections++);
    const waiting = new Promise<[Socket, () => void]>((resolve) => {
      running.io.use((socket, next) => resolve([socket, () => next()]));
    });
    const client = kit.client(running);
    const [socket, next] = await waiting;
    const gone = once(socket.conn, "close");
    client.disconnect();
    await gone;
    next();
    await nextTurn();
    expect(connections).toBe(0);
    expect(running.io.sockets.sockets.size).toBe(0);
    expect(running.io.sockets.adapter.sids.size).toBe(0);
  });

  it("runs again at each reconnection", async () => {
    const running = await kit.serve();
    let runs = 0;
    running.io.use((_socket, next) => {
      runs++;
      next();
    });
    const [socket, client] = await kit.pair(running);
    const back = once(client.io, "reconnect");
    socket.conn.close();
    await back;
    await settled(client);
    expect(runs).toBe(2);
  });

  it("only counts the middleware that were there when the client came", async () => {
    const running = await kit.serve();
    let late = 0;
    running.io.use((_socket, next) => {
      running.io.use((_other, after) => {
        late++;
        after();
      });
      next();
    });
    await kit.connected(running);
    expect(late).toBe(0);
    await kit.connected(running);
    expect(late).toBe(1);
  });
});
