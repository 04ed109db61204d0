import { expect, it } from "vitest";
import { conformance, flushed, once, record, type Socket, until } from "./support.ts";

conformance("volatile events", (kit) => {
  /** Resolves once nothing stands between the server and the client: what is volatile will pass. */
  const writable = (socket: Socket) =>
    until("the connection to be writable", () => (socket.conn.transport as { writable: boolean }).writable);

  for (const transport of ["polling", "websocket"]) {
    const options = { transports: [transport] };

    it(`pass when the connection is ready (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      await writable(socket);
      const heard = once(client, "now");
      expect(socket.volatile).toBe(socket);
      expect(socket.volatile.emit("now", 1)).toBe(true);
      expect(await heard).toEqual([1]);
    });

    it(`are dropped right behind a regular event (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      const heard = record(client);
      await writable(socket);
      socket.emit("regular");
      socket.volatile.emit("volatile");
      await flushed(running.io, client);
      expect(heard).toEqual([["regular"]]);
    });

    it(`pass once when several are emitted in a row (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      const heard = record(client);
      await writable(socket);
      socket.volatile.emit("volatile", 1);
      socket.volatile.emit("volatile", 2);
      await flushed(running.io, client);
      expect(heard).toEqual([["volatile", 1]]);
    });

    it(`do not stop regular events behind them (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      const heard = record(client);
      await writable(socket);
      socket.emit("regular", 1);
      socket.volatile.emit("volatile");
      socket.emit("regular", 2);
      await flushed(running.io, client);
      expect(heard).toEqual([
        ["regular", 1],
        ["regular", 2],
      ]);
    });

    it(`are dropped right behind the answer to CONNECT (${transport})`, async () => {
      const running = await kit.serve();
      running.io.on("connection", (socket) => socket.volatile.emit("volatile"));
      const client = kit.client(running, "/", options);
      const heard = record(client);
      await once(client, "connect");
      await flushed(running.io, client);
      expect(heard).toEqual([]);
    });

    it(`may be broadcast (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      const heard = record(client);
      socket.join("room");
      await writable(socket);
      running.io.volatile.emit("all", 1);
      running.io.volatile.emit("all", 2);
      await flushed(running.io, client);
      await writable(socket);
      running.io.to("room").volatile.emit("room", 1);
      running.io.of("/").in("room").volatile.emit("room", 2);
      await flushed(running.io, client);
      expect(heard).toEqual([
        ["all", 1],
        ["room", 1],
      ]);
    });

    it(`may carry bytes: once when several are emitted in a row (${transport})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", options);
      const heard = record(client);
      await writable(socket);
      socket.volatile.emit("volatile", Buffer.from([1]));
      socket.volatile.emit("volatile", Buffer.from([2]));
      await flushed(running.io, client);
      await writable(socket);
      running.io.volatile.emit("volatile", Buffer.from([3]));
      running.io.volatile.emit("volatile", Buffer.from([4]));
      await flushed(running.io, client);
      expect(heard).toEqual([
        ["volatile", Buffer.from([1])],
        ["volatile", Buffer.from([3])],
      ]);
    });

    it(`may be sent to others: socket.volatile.to() and socket.broadcast.volatile (${transport})`, async () => {
      const running = await kit.serve();
      const [[one], [two, client]] = await kit.pairs(2, running, "/", options);
      const heard = record(client);
      two.join("room");
      await writable(two);
      one.volatile.to("room").emit("to", 1);
      one.to("room").volatile.emit("to", 2);
      await flushed(running.io, client);
      await writable(two);
      one.broadcast.volatile.emit("broadcast", 1);
      one.volatile.broadcast.emit("broadcast", 2);
      await flushed(running.io, client);
      expect(heard).toEqual([
        ["to", 1],
        ["broadcast", 1],
      ]);
    });
  }

  it("are dropped over polling while no poll is pending", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const polling = await kit.rawPolling(running);
    await polling.send("40");
    const [socket] = await arrival;
    expect(await polling.next()).toMatch(/^40/);
    socket.volatile.emit("volatile");
    socket.emit("regular");
    expect(await polling.poll()).toEqual(['42["regular"]']);
  });

  it("hold for one emit only", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const heard = record(client);
    await until("writable", () => (socket.conn.transport as { writable: boolean }).writable);
    socket.volatile.emit("volatile");
    socket.emit("regular");
    socket.emit("regular");
    await flushed(running.io, client);
    expect(heard).toEqual([["volatile"], ["regular"], ["regular"]]);
  });
});
