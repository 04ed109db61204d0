import { describe, expect, it } from "vitest";
import {
  conformance,
  flushed,
  nextTurn,
  once,
  record,
  refusal,
  type Socket,
  settled,
  transportCases,
} from "./support.ts";

conformance("namespaces", (kit) => {
  describe("of()", () => {
    it("gives the same namespace for the same name", () => {
      const io = new kit.Server();
      expect(io.of("/chat")).toBe(io.of("/chat"));
      expect(io.of("/chat")).toBeInstanceOf(kit.Namespace);
    });

    it("adds the leading slash", () => {
      const io = new kit.Server();
      expect(io.of("chat")).toBe(io.of("/chat"));
      expect(io.of("chat").name).toBe("/chat");
    });

    it('takes "" for the main namespace', () => {
      const io = new kit.Server();
      expect(io.of("")).toBe(io.of("/"));
      expect(io.of("/")).toBe(io.sockets);
      expect(io.sockets.name).toBe("/");
    });

    it("takes a listener for connections", async () => {
      const running = await kit.serve();
      const arrival = new Promise<Socket>((resolve) => {
        running.io.of("/chat", resolve);
      });
      await kit.connected(running, "/chat");
      expect((await arrival).nsp.name).toBe("/chat");
    });

    it("takes a listener for connections of the main namespace", async () => {
      const running = await kit.serve();
      const arrival = new Promise<Socket>((resolve) => {
        running.io.of("/", resolve);
      });
      await kit.connected(running);
      expect((await arrival).nsp.name).toBe("/");
    });

    it("announces what it makes with new_namespace, but not the main namespace", async () => {
      const { io } = await kit.serve();
      const made: string[] = [];
      io.on("new_namespace", (namespace) => made.push(namespace.name));
      io.of("/");
      io.of("/chat");
      io.of("/chat");
      io.of("news");
      expect(made).toEqual(["/chat", "/news"]);
    });

    it("is kept in io._nsps", () => {
      const io = new kit.Server();
      const chat = io.of("/chat");
      expect([...io._nsps.keys()]).toEqual(["/", "/chat"]);
      expect(io._nsps.get("/chat")).toBe(chat);
    });

    it("works with names that objects have by nature", async () => {
      const running = await kit.serve();
      for (const name of ["/__proto__", "/constructor", "/hasOwnProperty", "/toString"]) {
        const refused = await refusal(kit.client(running, name));
        expect(refused.message).toBe("Invalid namespace");
        running.io.of(name);
        const [socket] = await kit.pair(running, name);
        expect(socket.nsp.name).toBe(name);
      }
    });
  });

  describe("the main namespace", () => {
    it("is where the server's own methods go", () => {
      const { io } = { io: new kit.Server() };
      let heard = 0;
      io.on("connection", () => heard++);
      expect(io.sockets.listeners("connection")).toHaveLength(1);
      expect(heard).toBe(0);
    });

    it("has the server's listeners: on, once, off, removeAllListeners", () => {
      const io = new kit.Server();
      const listener = () => {};
      io.on("connection", listener);
      expect(io.listeners("connection")).toEqual([listener]);
      expect(io.sockets.listeners("connection")).toEqual([listener]);
      io.off("connection", listener);
      expect(io.sockets.listeners("connection")).toEqual([]);
      io.once("connection", listener);
      expect(io.listenerCount("connection")).toBe(1);
      io.removeAllListeners("connection");
      expect(io.listenerCount("connection")).toBe(0);
    });

    it("announces connections as connect and as connection", async () => {
      const running = await kit.serve();
      const names: string[] = [];
      const both = new Promise<void>((resolve) => {
        running.io.on("connect", () => names.push("connect"));
        running.io.on("connection", () => {
          names.push("connection");
          resolve();
        });
      });
      await kit.connected(running);
      await both;
      expect(names).toEqual(["connect", "connection"]);
    });
  });

  for (const { title, transports } of transportCases) {
    describe(`over ${title}`, () => {
      it("connects to a static namespace, apart from the main one", async () => {
        const running = await kit.serve();
        running.io.of("/chat");
        const [socket, client] = await kit.pair(running, "/chat", { transports });
        expect(socket.nsp.name).toBe("/chat");
        expect(running.io.sockets.sockets.size).toBe(0);
        expect(running.io.of("/chat").sockets.get(client.id!)).toBe(socket);
      });

      it("refuses an unknown namespace", async () => {
        const running = await kit.serve();
        const error = await refusal(kit.client(running, "/doesnotexist", { transports }));
        expect(error).toBeInstanceOf(Error);
        expect(error.message).toBe("Invalid namespace");
      });

      it("carries several namespaces on one connection", async () => {
        const running = await kit.serve();
        const names = ["/", "/a", "/b", "/c"];
        for (const name of names) running.io.of(name).on("connection", (s) => s.emit("welcome", name));
        const first = kit.client(running, "/", { transports });
        const others = names.slice(1).map((name) => first.io.socket(name));
        const welcomes = [first, ...others].map((client) => once(client, "welcome"));
        expect((await Promise.all(welcomes)).flat()).toEqual(names);
        expect(running.io.engine.clientsCount).toBe(1);
        expect(new Set([first, ...others].map((client) => client.id)).size).toBe(4);
      });

      it("keeps the connection when one of its namespaces is left", async () => {
        const running = await kit.serve();
        running.io.of("/chat");
        const [main, client] = await kit.pair(running, "/", { transports });
        const arrival = once<[Socket]>(running.io.of("/chat"), "connection");
        const chat = client.io.socket("/chat");
        const [socket] = await arrival;
        await settled(chat);
        const left = once(socket, "disconnect");
        chat.disconnect();
        expect(await left).toEqual(["client namespace disconnect", undefined]);
        expect(main.connected).toBe(true);
        main.on("ping", (reply) => reply("pong"));
        expect(await client.emitWithAck("ping")).toBe("pong");
        expect(main.client).toBe(socket.client);
      });
    });
  }

  it("ignores the query of a namespace's name, which becomes the connection's query", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io.of("/chat"), "connection");
    await kit.connected(running, "/chat?token=abc&x=1");
    const [socket] = await arrival;
    expect(socket.nsp.name).toBe("/chat");
    expect(socket.handshake.query).toMatchObject({ token: "abc", x: "1" });
  });

  it("takes the namespace of a raw CONNECT literally, query included", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40/chat?token=abc,");
    expect(await webSocket.next()).toBe('44/chat?token=abc,{"message":"Invalid namespace"}');
    webSocket.send("40/chat,");
    expect(await webSocket.next()).toMatch(/^40\/chat,\{"sid":"/);
  });

  it("gives each socket an id that is not the connection's", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    expect(socket.id).toBe(client.id);
    expect(socket.id).toMatch(/^[\w-]{20}$/);
    expect(socket.id).not.toBe(client.io.engine.id);
    expect((socket.client as unknown as { id: string }).id).toBe(client.io.engine.id);
  });

  it("lists its sockets by id", async () => {
    const running = await kit.serve();
    const [[one], [two]] = await kit.pairs(2, running);
    expect([...running.io.sockets.sockets.entries()]).toEqual([
      [one.id, one],
      [two.id, two],
    ]);
    const left = once(one, "disconnect");
    one.disconnect();
    await left;
    expect([...running.io.of("/").sockets.keys()]).toEqual([two.id]);
  });

  it("knows all ids through allSockets(), per namespace and per room", async () => {
    const running = await kit.serve();
    const [[one], [two]] = await kit.pairs(2, running, "/chat");
    const [elsewhere] = await kit.pair(running);
    one.join("a");
    two.join("b");
    expect(await running.io.of("/chat").allSockets()).toEqual(new Set([one.id, two.id]));
    expect(await running.io.allSockets()).toEqual(new Set([elsewhere.id]));
    expect(await running.io.of("/chat").in("a").allSockets()).toEqual(new Set([one.id]));
    expect(await running.io.of("/chat").to(["a", "b"]).allSockets()).toEqual(new Set([one.id, two.id]));
    expect(await running.io.of("/chat").in("nobody").allSockets()).toEqual(new Set());
  });

  it("delivers emit(), send() and write() to every socket of its own", async () => {
    const running = await kit.serve();
    const chat = running.io.of("/chat");
    const [[, one], [, two]] = await kit.pairs(2, running, "/chat");
    const [, elsewhere] = await kit.pair(running);
    const heard = [one, two, elsewhere].map(record);
    expect(chat.emit("news", 1)).toBe(true);
    expect(chat.send("hi")).toBe(chat);
    expect(chat.write("ho", 2)).toBe(chat);
    await flushed(chat, one, two);
    await flushed(running.io, elsewhere);
    const all = [
      ["news", 1],
      ["message", "hi"],
      ["message", "ho", 2],
    ];
    expect(heard).toEqual([all, all, []]);
  });

  it("delivers the server's send() and write() to the main namespace", async () => {
    const running = await kit.serve();
    const [, client] = await kit.pair(running);
    const heard = record(client);
    expect(running.io.send("a", 1)).toBe(running.io);
    expect(running.io.write("b")).toBe(running.io);
    await flushed(running.io, client);
    expect(heard).toEqual([
      ["message", "a", 1],
      ["message", "b"],
    ]);
  });

  it("connects when the namespace is made after a refusal", async () => {
    const running = await kit.serve();
    const client = kit.client(running, "/soon");
    expect((await refusal(client)).message).toBe("Invalid namespace");
    running.io.of("/soon");
    client.connect();
    await settled(client);
  });

  it("remembers no refused connection", async () => {
    const running = await kit.serve();
    const client = await kit.connected(running);
    const other = client.io.socket("/unknown");
    await refusal(other);
    await nextTurn();
    const [socket] = running.io.sockets.sockets.values();
    expect([...(socket!.client as unknown as { nsps: Map<string, unknown> }).nsps.keys()]).toEqual(["/"]);
  });

  describe("connectTimeout", () => {
    it("closes a connection that joins no namespace", async () => {
      const running = await kit.serve({ connectTimeout: 20 });
      const webSocket = await kit.rawWebSocket(running);
      await webSocket.closed;
    });

    it("closes a connection whose namespaces were all refused", async () => {
      const running = await kit.serve({ connectTimeout: 50 });
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40/unknown,");
      expect(await webSocket.next()).toBe('44/unknown,{"message":"Invalid namespace"}');
      await webSocket.closed;
    });

    it("leaves a connection alone that joined one in time", async () => {
      const running = await kit.serve({ connectTimeout: 50 });
      const [socket, client] = await kit.pair(running);
      // another connection, opened later, is closed: the time has passed for the first one too
      const late = await kit.rawWebSocket(running);
      await late.closed;
      expect(client.connected).toBe(true);
      expect(socket.connected).toBe(true);
    });
  });
});
