import { expect, it } from "vitest";
import { conformance, nextTurn, once, record, transportCases } from "./support.ts";

conformance("socket.use()", (kit) => {
  for (const { title, transports } of transportCases) {
    it(`runs each middleware in order, before the handler (${title})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", { transports });
      const order: unknown[] = [];
      socket.use((event, next) => {
        order.push(["first", ...event]);
        next();
      });
      socket.use((_event, next) => {
        order.push("second");
        setImmediate(next);
      });
      const handled = once(socket, "join");
      client.emit("join", "woot", 1);
      expect(await handled).toEqual(["woot", 1]);
      expect(order).toEqual([["first", "join", "woot", 1], "second"]);
    });
  }

  it("chains", async () => {
    const [socket] = await kit.pair(await kit.serve());
    expect(socket.use((_event, next) => next())).toBe(socket);
  });

  it("may change the event's name and arguments", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    socket.use((event, next) => {
      event[0] = "wrap";
      event[1] = `${event[1]}!`;
      event.push("extra");
      next();
    });
    const handled = once(socket, "wrap");
    client.emit("join", "woot");
    expect(await handled).toEqual(["woot!", "extra"]);
  });

  it("sees the ack of an event as its last argument, and may answer it", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    let handled = false;
    socket.on("question", () => {
      handled = true;
    });
    socket.use((event) => event.at(-1)("from the middleware"));
    expect(await client.emitWithAck("question", 1)).toBe("from the middleware");
    expect(handled).toBe(false);
  });

  it("stops the event and emits an error on the socket when next() is given one", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const heard: string[] = [];
    socket.on("forbidden", () => heard.push("forbidden"));
    socket.use(([name], next) => next(name === "forbidden" ? new Error("not allowed") : undefined));
    let third = false;
    socket.use(([name], next) => {
      if (name === "forbidden") third = true;
      next();
    });
    const failed = once<[Error]>(socket, "error");
    client.emit("forbidden");
    expect((await failed)[0].message).toBe("not allowed");
    socket.on("allowed", (reply) => reply());
    await client.emitWithAck("allowed");
    expect(heard).toEqual([]);
    expect(third).toBe(false);
    expect(socket.connected).toBe(true);
  });

  it("does not end the process when nobody listens for that error", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    socket.use(([name], next) => next(name === "forbidden" ? new Error("not allowed") : undefined));
    client.emit("forbidden");
    socket.on("allowed", (reply) => reply("fine"));
    expect(await client.emitWithAck("allowed")).toBe("fine");
  });

  it("runs after the catch-all listeners", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const order: string[] = [];
    socket.onAny((name) => order.push(`any ${name}`));
    socket.use(([name], next) => {
      order.push(`use ${name}`);
      next();
    });
    const handled = once(socket, "hello");
    client.emit("hello");
    await handled;
    expect(order).toEqual(["any hello", "use hello"]);
  });

  it("drops the event when the socket disconnected before next()", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const heard = record({ onAny: () => socket });
    socket.on("late", () => heard.push(["late"]));
    const gone = once(socket, "disconnect");
    socket.use((_event, next) => {
      socket.once("disconnect", () => setImmediate(next));
      socket.disconnect();
    });
    client.emit("late");
    await gone;
    await nextTurn();
    expect(heard).toEqual([]);
  });
});
