import { describe, expect, it } from "vitest";
import {
  conformance,
  flushed,
  type Namespace,
  once,
  record,
  refusal,
  type Socket,
  settled,
  transportCases,
  until,
} from "./support.ts";

conformance("dynamic namespaces", (kit) => {
  for (const { title, transports } of transportCases) {
    it(`are made by a regular expression (${title})`, async () => {
      const running = await kit.serve();
      const parent = running.io.of(/^\/dynamic-\d+$/);
      const sockets: Socket[] = [];
      parent.on("connection", (socket) => {
        sockets.push(socket);
        socket.emit("where", socket.nsp.name);
      });
      const client = kit.client(running, "/dynamic-101", { transports });
      expect(await once(client, "where")).toEqual(["/dynamic-101"]);
      expect(sockets[0]!.nsp.name).toBe("/dynamic-101");
      const refused = await refusal(kit.client(running, "/dynamic-abc", { transports }));
      expect(refused.message).toBe("Invalid namespace");
    });
  }

  it("announce connections as connect and connection, in the listeners of the parent", async () => {
    const running = await kit.serve();
    const names: string[] = [];
    const parent = running.io.of(/^\/dynamic-\d+$/);
    parent.on("connect", (socket) => names.push(`connect ${socket.nsp.name}`));
    parent.on("connection", (socket) => names.push(`connection ${socket.nsp.name}`));
    await kit.connected(running, "/dynamic-1");
    expect(names).toEqual(["connect /dynamic-1", "connection /dynamic-1"]);
  });

  it("take a listener as the second argument of of()", async () => {
    const running = await kit.serve();
    const arrival = new Promise<Socket>((resolve) => {
      running.io.of(/^\/dynamic-\d+$/, resolve);
    });
    await kit.connected(running, "/dynamic-7");
    expect((await arrival).nsp.name).toBe("/dynamic-7");
  });

  it("are made once per name", async () => {
    const running = await kit.serve();
    const made: string[] = [];
    running.io.on("new_namespace", ({ name }) => made.push(name));
    running.io.of(/^\/dynamic-\d+$/);
    await kit.connected(running, "/dynamic-1");
    await kit.connected(running, "/dynamic-1");
    await kit.connected(running, "/dynamic-2");
    expect(made).toEqual(["/dynamic-1", "/dynamic-2"]);
    expect(running.io.of("/dynamic-1").sockets.size).toBe(2);
  });

  it("are made by a function that is asked with name and auth", async () => {
    const running = await kit.serve();
    const asked: [string, unknown][] = [];
    const parent = running.io.of((name, auth, decide) => {
      asked.push([name, { ...auth }]);
      decide(null, name === "/allowed");
    });
    parent.on("connection", (socket) => socket.emit("welcome"));
    const client = kit.client(running, "/allowed", { auth: { token: "abc" } });
    await once(client, "welcome");
    const refused = await refusal(kit.client(running, "/other", { auth: { token: "def" } }));
    expect(refused.message).toBe("Invalid namespace");
    expect(asked).toEqual([
      ["/allowed", { token: "abc" }],
      ["/other", { token: "def" }],
    ]);
  });

  it("are refused by a function that fails", async () => {
    const running = await kit.serve();
    running.io.of((_name, _auth, decide) => decide(new Error("storage is down"), true));
    expect((await refusal(kit.client(running, "/any"))).message).toBe("Invalid namespace");
  });

  it("may be decided later", async () => {
    const running = await kit.serve();
    running.io.of((_name, _auth, decide) => {
      setImmediate(() => decide(null, true));
    });
    await kit.connected(running, "/any");
  });

  it("are made once when two clients ask while the function decides", async () => {
    const running = await kit.serve();
    const made: string[] = [];
    running.io.on("new_namespace", ({ name }) => made.push(name));
    const decisions: (() => void)[] = [];
    running.io.of((_name, _auth, decide) => {
      decisions.push(() => decide(null, true));
    });
    const clients = [kit.client(running, "/same"), kit.client(running, "/same")];
    await until("both ask", () => decisions.length === 2);
    for (const decide of decisions) decide();
    await Promise.all(clients.map(settled));
    expect(made).toEqual(["/same"]);
    expect(running.io.of("/same").sockets.size).toBe(2);
  });

  it("ask the next parent when one refuses", async () => {
    const running = await kit.serve();
    const parents: string[] = [];
    running.io.of(/^\/a-/).on("connection", () => parents.push("a"));
    running.io
      .of((name, _auth, decide) => decide(null, name.startsWith("/b-")))
      .on("connection", () => parents.push("b"));
    await kit.connected(running, "/a-1");
    await kit.connected(running, "/b-1");
    expect(parents).toEqual(["a", "b"]);
  });

  it("let a static namespace win over them", async () => {
    const running = await kit.serve();
    const heard: string[] = [];
    running.io.of("/dynamic-1").on("connection", () => heard.push("static"));
    running.io.of(/^\/dynamic-\d+$/).on("connection", () => heard.push("dynamic"));
    await kit.connected(running, "/dynamic-1");
    expect(heard).toEqual(["static"]);
  });

  it("are children of their parent when made by of() with a matching name", async () => {
    const running = await kit.serve();
    let runs = 0;
    const parent = running.io.of(/^\/dynamic-\d+$/);
    parent.use((_socket, next) => {
      runs++;
      next();
    });
    const made: string[] = [];
    running.io.on("new_namespace", ({ name }) => made.push(name));
    const child = running.io.of("/dynamic-101");
    expect(child.name).toBe("/dynamic-101");
    expect(running.io.of("/dynamic-101")).toBe(child);
    expect(made).toEqual(["/dynamic-101"]);
    const [, client] = await kit.pair(running, "/dynamic-101");
    expect(runs).toBe(1);
    const heard = once(client, "news");
    parent.emit("news", 1);
    expect(await heard).toEqual([1]);
  });

  it("run the parent's middleware for each child", async () => {
    const running = await kit.serve();
    const seen: string[] = [];
    running.io.of(/^\/dynamic-\d+$/).use((socket, next) => {
      seen.push(socket.nsp.name);
      next();
    });
    await kit.connected(running, "/dynamic-1");
    await kit.connected(running, "/dynamic-2");
    expect(seen).toEqual(["/dynamic-1", "/dynamic-2"]);
  });

  it("take the parent's middleware and listeners when they are made, not later", async () => {
    const running = await kit.serve();
    const parent = running.io.of(/^\/dynamic-\d+$/);
    const heard: string[] = [];
    await kit.connected(running, "/dynamic-1");
    parent.use((socket, next) => {
      heard.push(`use ${socket.nsp.name}`);
      next();
    });
    parent.on("connection", (socket) => heard.push(`connection ${socket.nsp.name}`));
    await kit.connected(running, "/dynamic-1");
    await kit.connected(running, "/dynamic-2");
    expect(heard).toEqual(["use /dynamic-2", "connection /dynamic-2"]);
  });

  it("refuse expressions with state", () => {
    const io = new kit.Server();
    expect(() => io.of(/^\/a/g)).toThrow("stateful regular expressions are not supported");
    expect(() => io.of(/^\/a/y)).toThrow("stateful regular expressions are not supported");
  });

  describe("a parent", () => {
    async function family() {
      const running = await kit.serve();
      const parent: Namespace = running.io.of(/^\/dynamic-\d+$/);
      return { running, parent };
    }

    it("broadcasts to the sockets of all its children", async () => {
      const { running, parent } = await family();
      const clients = [
        await kit.connected(running, "/dynamic-1"),
        await kit.connected(running, "/dynamic-2"),
        await kit.connected(running),
      ] as const;
      const heard = clients.map(record);
      parent.emit("news", 1, "a");
      await flushed(running.io.of("/dynamic-1"), clients[0]);
      await flushed(running.io.of("/dynamic-2"), clients[1]);
      await flushed(running.io, clients[2]);
      expect(heard).toEqual([[["news", 1, "a"]], [["news", 1, "a"]], []]);
    });

    it("sends with send() and write() too", async () => {
      const { running, parent } = await family();
      const client = await kit.connected(running, "/dynamic-2");
      const heard = record(client);
      parent.send("x");
      parent.write("y");
      await flushed(running.io.of("/dynamic-2"), client);
      expect(heard).toEqual([
        ["message", "x"],
        ["message", "y"],
      ]);
    });

    it("broadcasts to a room, or except one, of all its children", async () => {
      const { running, parent } = await family();
      parent.on("connection", (socket) => {
        if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room);
      });
      const inA = await kit.connected(running, "/dynamic-2", { auth: { room: "a" } });
      const inB = await kit.connected(running, "/dynamic-3", { auth: { room: "b" } });
      const [heardInA, heardInB] = [record(inA), record(inB)];
      parent.to("a").emit("for a");
      parent.in(["a", "b"]).emit("for both");
      parent.except("a").emit("not for a");
      parent.volatile.compress(false).emit("maybe");
      await flushed(running.io.of("/dynamic-2"), inA);
      await flushed(running.io.of("/dynamic-3"), inB);
      expect(heardInA.slice(0, 2)).toEqual([["for a"], ["for both"]]);
      expect(heardInB.slice(0, 2)).toEqual([["for both"], ["not for a"]]);
      expect(heardInA).not.toContainEqual(["not for a"]);
    });

    it("refuses fetchSockets()", async () => {
      const { parent } = await family();
      expect(() => parent.fetchSockets()).toThrow("fetchSockets() is not supported on parent namespaces");
    });
  });

  describe("cleanupEmptyChildNamespaces", () => {
    it("removes a child when its last socket has gone", async () => {
      const running = await kit.serve({ cleanupEmptyChildNamespaces: true });
      running.io.of(/^\/dynamic-\d+$/);
      const one = await kit.connected(running, "/dynamic-101");
      const two = await kit.connected(running, "/dynamic-101");
      expect(running.io._nsps.has("/dynamic-101")).toBe(true);
      const [first, second] = [...running.io._nsps.get("/dynamic-101")!.sockets.values()];
      const firstGone = once(first!, "disconnect");
      one.disconnect();
      await firstGone;
      expect(running.io._nsps.has("/dynamic-101")).toBe(true);
      const secondGone = once(second!, "disconnect");
      two.disconnect();
      await secondGone;
      expect(running.io._nsps.has("/dynamic-101")).toBe(false);
    });

    it("closes the child's adapter", async () => {
      const { Adapter } = await import("socket.io-adapter");
      const closed: string[] = [];
      class Watched extends Adapter {
        override close() {
          closed.push(this.nsp.name);
        }
      }
      const running = await kit.serve({ cleanupEmptyChildNamespaces: true, adapter: Watched });
      running.io.of(/^\/dynamic-\d+$/);
      const client = await kit.connected(running, "/dynamic-101");
      client.disconnect();
      await until("the namespace goes", () => !running.io._nsps.has("/dynamic-101"));
      expect(closed).toEqual(["/dynamic-101"]);
    });

    it("removes a child whose only client was refused by a middleware", async () => {
      const running = await kit.serve({ cleanupEmptyChildNamespaces: true });
      running.io.of(/^\/dynamic-\d+$/).use((_socket, next) => next(new Error("not you")));
      const error = await refusal(kit.client(running, "/dynamic-101"));
      expect(error.message).toBe("not you");
      expect(running.io._nsps.has("/dynamic-101")).toBe(false);
    });

    it("makes the child anew for the next client", async () => {
      const running = await kit.serve({ cleanupEmptyChildNamespaces: true });
      const made: string[] = [];
      running.io.on("new_namespace", ({ name }) => made.push(name));
      running.io.of(/^\/dynamic-\d+$/).on("connection", (socket) => socket.emit("welcome"));
      const first = kit.client(running, "/dynamic-101");
      await once(first, "welcome");
      first.disconnect();
      await until("the namespace goes", () => !running.io._nsps.has("/dynamic-101"));
      await once(kit.client(running, "/dynamic-101"), "welcome");
      expect(made).toEqual(["/dynamic-101", "/dynamic-101"]);
    });

    it("leaves static namespaces alone", async () => {
      const running = await kit.serve({ cleanupEmptyChildNamespaces: true });
      const chat = running.io.of("/chat");
      const [socket, client] = await kit.pair(running, "/chat");
      const gone = once(socket, "disconnect");
      client.disconnect();
      await gone;
      expect(running.io._nsps.get("/chat")).toBe(chat);
    });

    it("is off unless asked for", async () => {
      const running = await kit.serve();
      running.io.of(/^\/dynamic-\d+$/);
      const client = await kit.connected(running, "/dynamic-101");
      const namespace = running.io._nsps.get("/dynamic-101")!;
      const [socket] = namespace.sockets.values();
      const gone = once(socket!, "disconnect");
      client.disconnect();
      await gone;
      expect(running.io._nsps.get("/dynamic-101")).toBe(namespace);
    });
  });
});
