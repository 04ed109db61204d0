import { describe, expect, it } from "vitest";
import { conformance, nextTurn, once, record, type Socket, transportCases, until } from "./support.ts";

type Reason = [reason: string, details: unknown];

conformance("disconnecting", (kit) => {
  for (const { title, transports } of transportCases) {
    describe(`over ${title}`, () => {
      const options = { transports, reconnection: false };

      it("by the client", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const [there, here] = [once<Reason>(socket, "disconnect"), once<Reason>(client, "disconnect")];
        client.disconnect();
        expect(await here).toEqual(["io client disconnect", undefined]);
        expect(await there).toEqual(["client namespace disconnect", undefined]);
        expect(socket.connected).toBe(false);
        expect(socket.disconnected).toBe(true);
      });

      it("by the server", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const [there, here] = [once<Reason>(socket, "disconnect"), once<Reason>(client, "disconnect")];
        expect(socket.disconnect()).toBe(socket);
        expect(await there).toEqual(["server namespace disconnect", undefined]);
        expect((await here)[0]).toBe("io server disconnect");
        expect(client.connected).toBe(false);
      });

      it("by the server with the whole connection", async () => {
        const running = await kit.serve();
        const [socket, client] = await kit.pair(running, "/", options);
        running.io.of("/chat");
        const arrival = once<[Socket]>(running.io.of("/chat"), "connection");
        const chat = client.io.socket("/chat");
        const [other] = await arrival;
        await until("the chat to be connected", () => chat.connected);
        const reasons = [socket, other].map((each) => once<Reason>(each, "disconnect"));
        const told = [client, chat].map((each) => once<Reason>(each, "disconnect"));
        const closed = once(socket.conn, "close");
        socket.disconnect(true);
        expect(await Promise.all(reasons)).toEqual([
          ["server namespace disconnect", undefined],
          ["server namespace disconnect", undefined],
        ]);
        expect((await Promise.all(told)).map(([reason]) => reason)).toEqual([
          "io server disconnect",
          "io server disconnect",
        ]);
        await closed;
        expect(running.io.engine.clientsCount).toBe(0);
      });

      it("by the client's connection", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const there = once<Reason>(socket, "disconnect");
        client.io.engine.close();
        expect((await there)[0]).toBe("transport close");
      });

      it("by the server's connection", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        const [there, here] = [once<Reason>(socket, "disconnect"), once<Reason>(client, "disconnect")];
        socket.conn.close();
        expect((await there)[0]).toBe("forced close");
        expect((await here)[0]).toBe("transport close");
      });

      it("tells of it once, with the rooms still there at first", async () => {
        const running = await kit.serve();
        const [socket, client] = await kit.pair(running, "/", options);
        socket.join(["a", "b"]);
        const story: unknown[] = [];
        socket.on("disconnecting", (reason) => {
          story.push(["disconnecting", reason, new Set(socket.rooms), socket.connected]);
        });
        socket.on("disconnect", (reason) => {
          story.push(["disconnect", reason, new Set(socket.rooms), socket.connected]);
        });
        const closed = once(socket.conn, "close");
        client.disconnect();
        await closed;
        expect(story).toEqual([
          ["disconnecting", "client namespace disconnect", new Set([socket.id, "a", "b"]), true],
          ["disconnect", "client namespace disconnect", new Set(), false],
        ]);
        expect(running.io.sockets.sockets.size).toBe(0);
        expect(running.io.sockets.adapter.rooms.size).toBe(0);
        expect(running.io.sockets.adapter.sids.size).toBe(0);
      });
    });
  }

  it("delivers what was emitted before", async () => {
    const running = await kit.serve();
    for (const transport of ["polling", "websocket"]) {
      const [socket, client] = await kit.pair(running, "/", { transports: [transport] });
      const heard = record(client);
      const gone = once(client, "disconnect");
      socket.emit("last words", 1);
      running.io.emit("to all", Buffer.from([2]));
      socket.disconnect(true);
      await gone;
      expect(heard).toEqual([
        ["last words", 1],
        ["to all", Buffer.from([2])],
      ]);
    }
  });

  it("because the pings stay unanswered", async () => {
    const running = await kit.serve({ pingInterval: 10, pingTimeout: 10 });
    const arrival = once<[Socket]>(running.io, "connection");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    const [socket] = await arrival;
    expect(await once<Reason>(socket, "disconnect")).toEqual(["ping timeout", undefined]);
    await webSocket.closed;
  });

  it("because the TCP connection broke", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    const [socket] = await arrival;
    const gone = once<Reason>(socket, "disconnect");
    webSocket.socket.terminate();
    expect((await gone)[0]).toBe("transport close");
  });

  it("because a message was larger than maxHttpBufferSize", async () => {
    const running = await kit.serve({ maxHttpBufferSize: 100 });
    const [socket, client] = await kit.pair(running, "/", { reconnection: false });
    const gone = once<Reason>(socket, "disconnect");
    client.emit("large", "x".repeat(200));
    const [reason, details] = await gone;
    expect(reason).toBe("transport error");
    expect(details).toBeInstanceOf(Error);
    expect((details as Error).message).toContain("Max payload size exceeded");
  });

  it("because a frame could not be decoded", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    const [socket] = await arrival;
    const gone = once<Reason>(socket, "disconnect");
    webSocket.send("abc");
    expect((await gone)[0]).toBe("parse error");
    await webSocket.closed;
  });

  it("because two polls came at once, with the reason in the details", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const polling = await kit.rawPolling(running);
    await polling.send("40");
    const [socket] = await arrival;
    await polling.next();
    const gone = once<Reason>(socket, "disconnect");
    const answers = await Promise.all([
      polling.get().then(
        ({ status }) => status,
        () => 0,
      ),
      polling.get().then(
        ({ status }) => status,
        () => 0,
      ),
    ]);
    expect(answers).toContain(400);
    const [reason, details] = await gone;
    expect(reason).toBe("transport error");
    expect((details as Error).message).toBe("overlap from client");
  });

  it("leaves namespaces that the client keeps alone", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    const [main, client] = await kit.pair(running);
    const arrival = once<[Socket]>(running.io.of("/chat"), "connection");
    client.io.socket("/chat");
    const [chat] = await arrival;
    chat.disconnect();
    expect(chat.connected).toBe(false);
    expect(main.connected).toBe(true);
    main.on("alive", (reply) => reply(true));
    expect(await client.emitWithAck("alive")).toBe(true);
    expect(running.io.engine.clientsCount).toBe(1);
  });

  it("tells every namespace of a connection that broke", async () => {
    const running = await kit.serve();
    running.io.of("/a");
    running.io.of("/b");
    const webSocket = await kit.rawWebSocket(running);
    for (const packet of ["40", "40/a,", "40/b,"]) {
      webSocket.send(packet);
      await webSocket.next();
    }
    const sockets = ["/", "/a", "/b"].flatMap((name) => [...running.io.of(name).sockets.values()]);
    const reasons = Promise.all(sockets.map((socket) => once<Reason>(socket, "disconnect")));
    webSocket.socket.terminate();
    expect((await reasons).map(([reason]) => reason)).toEqual([
      "transport close",
      "transport close",
      "transport close",
    ]);
  });

  it("happens once, whoever else tries", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    let disconnects = 0;
    socket.on("disconnect", () => disconnects++);
    const gone = once(client, "disconnect");
    socket.disconnect();
    expect(socket.disconnect()).toBe(socket);
    expect(socket.disconnect(true)).toBe(socket);
    await gone;
    await nextTurn();
    expect(disconnects).toBe(1);
  });

  it("ignores what the client sent meanwhile", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.next();
    const [socket] = await arrival;
    const heard = record(socket);
    const closed = once(socket.conn, "close");
    socket.disconnect();
    webSocket.send('42["late"]');
    await closed;
    expect(heard).toEqual([]);
  });

  it("may happen inside the connection handler", async () => {
    const running = await kit.serve();
    const told: string[] = [];
    running.io.on("connection", (socket) => {
      socket.on("disconnect", (reason) => told.push(reason));
      socket.disconnect();
    });
    const client = kit.client(running, "/", { reconnection: false });
    const [reason] = await once<Reason>(client, "disconnect");
    expect(reason).toBe("io server disconnect");
    expect(told).toEqual(["server namespace disconnect"]);
    expect(running.io.sockets.sockets.size).toBe(0);
  });

  it("lets the handler of disconnecting still reach the rooms", async () => {
    const running = await kit.serve();
    const [[one], [two, other]] = await kit.pairs(2, running);
    one.join("room");
    two.join("room");
    one.on("disconnecting", () => {
      for (const room of one.rooms) if (room !== one.id) one.to(room).emit("left", one.id);
    });
    const heard = once(other, "left");
    one.disconnect();
    expect(await heard).toEqual([one.id]);
  });

  it("lets a room be joined no more afterwards", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    socket.disconnect();
    await socket.join("late");
    await socket.leave("late");
    expect(socket.rooms.size).toBe(0);
    expect(running.io.sockets.adapter.rooms.has("late")).toBe(false);
    expect(running.io.sockets.adapter.sids.has(socket.id)).toBe(false);
  });

  it("lets the client come back on the same connection after leaving the namespace", async () => {
    const running = await kit.serve();
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    const first = await webSocket.next();
    const [socket] = running.io.sockets.sockets.values();
    const gone = once(socket!, "disconnect");
    webSocket.send("41");
    await gone;
    webSocket.send("40");
    const second = await webSocket.next();
    expect(second).toMatch(/^40\{"sid":"/);
    expect(second).not.toBe(first);
  });

  it("tells the details of a broken transport as the second argument of both events", async () => {
    const running = await kit.serve({ maxHttpBufferSize: 100 });
    const [socket, client] = await kit.pair(running, "/", { reconnection: false });
    const [before, after] = [once<Reason>(socket, "disconnecting"), once<Reason>(socket, "disconnect")];
    client.emit("large", "x".repeat(200));
    const details = (await before)[1];
    expect(details).toBeInstanceOf(Error);
    expect((await after)[1]).toBe(details);
  });
});
