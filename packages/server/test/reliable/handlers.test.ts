import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import { Rejection, retryLater } from "holdfast";
import { describe, expect, it } from "vitest";
import { Client, connectWire, deferred, KEY, start } from "./support.ts";

describe("a handler", () => {
  it("that throws refuses the event for good, tells no more than it means to, and undoes its transaction", async () => {
    const { port, io, reports } = await start();
    let runs = 0;
    io.handle("say", (tx) => {
      runs++;
      tx.to("chat:1").publish("said");
      throw new Error("the password is 1234");
    });
    const client = await Client.connect(port);
    const outcome = [1, { code: "HANDLER_FAILED", message: "the handler failed" }];
    expect(await client.emit(1, "say")).toEqual(outcome);
    expect(await client.emit(1, "say", [], { again: 1 })).toEqual(outcome);
    expect(runs).toBe(1);
    expect(reports).toEqual([
      { code: undefined, message: "the password is 1234", stage: "reliable", event: "say" },
    ]);
    expect(await io.to("chat:1").history()).toEqual([]);
  });

  it("tells its errors where that is asked for", async () => {
    const { port, io } = await start({ reliable: { exposeErrors: true } });
    io.handle("say", () => Promise.reject(new Error("why")));
    const client = await Client.connect(port);
    expect(await client.emit(1, "say")).toEqual([1, { code: "HANDLER_FAILED", message: "why" }]);
  });

  it("can ask to be tried again later, and then what is behind it waits too", async () => {
    const { port, io } = await start();
    let isReady = false;
    io.handle("say", (text, tx) => {
      if (text === "b" && !isReady) retryLater(50, "busy");
      tx.to("chat:1").publish("said", text);
      return text;
    });
    const client = await Client.connect(port);
    const outcomes = await Promise.all(["a", "b", "c"].map((text, i) => client.emit(i + 1, "say", [text])));
    expect(outcomes[0]).toEqual([0, "a"]);
    expect(outcomes[1]).toEqual([2, 50, { code: "RETRY_LATER", message: "busy" }]);
    expect(outcomes[2]).toMatchObject([2, expect.any(Number), { code: "RETRY_LATER" }]);
    isReady = true;
    const again = ["b", "c"].map((text, i) => client.emit(i + 2, "say", [text], { again: 1 }));
    expect(await Promise.all(again)).toEqual([
      [0, "b"],
      [0, "c"],
    ]);
    const history = await io.to("chat:1").history();
    expect(history.map(({ args }) => args[0])).toEqual(["a", "b", "c"]);
  });

  it("that takes too long is refused, its transaction closed, and the next one runs", async () => {
    const { port, io, reports } = await start();
    const late = deferred<unknown>();
    io.handle(
      "slow",
      (tx) =>
        new Promise((_, reject) => {
          tx.signal.addEventListener("abort", () => {
            try {
              tx.to("chat:1").publish("said");
            } catch (error) {
              late.resolve(error);
            }
            reject(new Error("late"));
          });
        }),
      { timeoutMs: 20 },
    );
    io.handle("fast", () => "done");
    const client = await Client.connect(port);
    const [slow, fast] = await Promise.all([client.emit(1, "slow"), client.emit(2, "fast")]);
    expect(slow).toMatchObject([1, { code: "HANDLER_TIMEOUT" }]);
    expect(fast).toEqual([0, "done"]);
    expect(await late.promise).toMatchObject({ code: "TX_CLOSED" });
    expect(await client.emit(1, "slow", [], { again: 1 })).toEqual(slow);
    expect(reports).toMatchObject([{ code: "HANDLER_TIMEOUT", stage: "reliable", event: "slow" }]);
  });

  it("can't publish to a room that is not kept, nor reserved names, nor more than fits", async () => {
    const { port, io } = await start();
    const codes: unknown[] = [];
    const attempt = (step: () => void) => {
      try {
        step();
      } catch (error) {
        codes.push((error as { code?: string }).code ?? (error as Error).message);
      }
    };
    io.handle("try", (tx) => {
      attempt(() => tx.to("open").publish("said"));
      attempt(() => tx.to(tx.socket.id).publish("said"));
      attempt(() => tx.to("chat:1").publish("disconnect"));
      attempt(() => tx.to("chat:1").publish("said", () => {}));
      attempt(() => tx.to("chat:1").publish("said", "x".repeat(17 * 1024 * 1024)));
      attempt(() => {
        for (let n = 0; n < 1001; n++) tx.to("chat:1").publish("said");
      });
      attempt(() => tx.queue("mail"));
    });
    const client = await Client.connect(port);
    expect(await client.emit(1, "try")).toEqual([0, null]);
    expect(codes).toEqual([
      "ROOM_NOT_KEPT",
      "ROOM_NOT_KEPT",
      '"disconnect" is a reserved event name',
      "UNSUPPORTED",
      "EVENT_TOO_LARGE",
      "TX_TOO_LARGE",
      "QUEUE_UNKNOWN",
    ]);
  });

  it("reaches everybody but whom it leaves out", async () => {
    const { port, io } = await start();
    io.on("connection", (socket) => void socket.join(["chat:1", "chat:2"]));
    io.handle("say", (tx) => {
      tx.to("chat:1").to("chat:2").except(tx.socket.id).publish("to others");
      tx.to(["chat:1", "chat:2"]).publish("to all");
    });
    const [sender, other] = [await Client.connect(port), await Client.connect(port, { key: "o".repeat(22) })];
    await sender.emit(1, "say");
    expect((await other.heard(2)).map(([event]) => event)).toEqual(["to others", "to all"]);
    expect((await sender.heard(1)).map(([event]) => event)).toEqual(["to all"]);
  });

  it("is the only one of its event, and goes with its listeners", async () => {
    const { port, sockets } = await start();
    const client = await Client.connect(port);
    const [socket] = sockets as [(typeof sockets)[0]];
    socket.handle("say", () => 1);
    expect(() => socket.handle("say", () => 2)).toThrow(expect.objectContaining({ code: "HANDLER_EXISTS" }));
    expect(await client.emit(1, "say")).toEqual([0, 1]);
    socket.removeAllListeners("say");
    socket.handle("say", () => 2);
    expect(await client.emit(2, "say")).toEqual([0, 2]);
  });

  it("whose reply is too large, or can't be written, is refused without effect", async () => {
    const { port, io, reports } = await start({ reliable: { replyBytesMax: 1_000 } });
    io.handle("large", (tx) => {
      tx.to("chat:1").publish("said");
      return "x".repeat(1_000);
    });
    io.handle("odd", () => 1n);
    io.handle("refuse", () => {
      throw new Rejection("NO", "no", "x".repeat(1_000));
    });
    const client = await Client.connect(port);
    expect(await client.emit(1, "large")).toMatchObject([1, { code: "REPLY_TOO_LARGE" }]);
    expect(await client.emit(2, "odd")).toMatchObject([1, { code: "HANDLER_FAILED" }]);
    expect(await client.emit(3, "refuse")).toEqual([1, { code: "NO", message: "no" }]);
    expect(await io.to("chat:1").history()).toEqual([]);
    expect(reports).toHaveLength(2);
  });

  it("may answer with bytes, which are the same when they are read again", async () => {
    const { port, io } = await start();
    io.handle("bytes", () => ({ bytes: Buffer.from([1, 2, 3]) }));
    for (const again of [0, 1]) {
      const wire = await connectWire(port, { holdfast: { reliable: { key: KEY, again } } });
      await wire.next();
      wire.say(`427${JSON.stringify(["holdfast:emit", 1, 1, again, "bytes"])}`);
      expect(await wire.next()).toBe('461-7[0,{"bytes":{"_placeholder":true,"num":0}}]');
      expect(await wire.next()).toEqual(Buffer.from([1, 2, 3]));
    }
  });
});

describe("plain listeners", () => {
  it("get reliable emits with an acknowledgement, once they have acknowledged", async () => {
    const { port, sockets } = await start();
    const client = await Client.connect(port);
    let runs = 0;
    sockets[0]!.on("say", (text, ack) => {
      runs++;
      ack(`${text}!`);
    });
    expect(await client.emit(1, "say", ["a"])).toEqual([0, "a!"]);
    expect(await client.emit(1, "say", ["a"], { again: 1 })).toEqual([0, "a!"]);
    expect(runs).toBe(1);
  });

  it("that do not acknowledge run out of time", async () => {
    const { port, sockets } = await start({ reliable: { handlerTimeoutMs: 20 } });
    const client = await Client.connect(port);
    sockets[0]!.on("say", () => {});
    expect(await client.emit(1, "say")).toMatchObject([1, { code: "HANDLER_TIMEOUT" }]);
  });

  it("that are none make a refusal", async () => {
    const { port } = await start();
    const client = await Client.connect(port);
    expect(await client.emit(1, "say")).toMatchObject([1, { code: "NO_HANDLER" }]);
  });

  it("hear what a handler answers, and middleware sees and may refuse it", async () => {
    const { port, io } = await start();
    const seen: unknown[] = [];
    io.handle("say", (text) => text);
    io.on("connection", (socket) => {
      socket.on("say", (...args) => seen.push(["listener", ...args]));
      socket.onAny((event, ...args) => seen.push(["any", event, args.length]));
      socket.on("error", (error) => seen.push(["error", error.message]));
      socket.use(([, text], next) => {
        if (text === "secret") next(new Error("not this"));
        else if (text === "coded") next(new Rejection("CODED", "told"));
        else next();
      });
    });
    const client = await Client.connect(port);
    expect(await client.emit(1, "say", ["a"])).toEqual([0, "a"]);
    expect(await client.emit(2, "say", ["secret"])).toMatchObject([1, { code: "EVENT_REFUSED" }]);
    expect(await client.emit(3, "say", ["coded"])).toEqual([1, { code: "CODED", message: "told" }]);
    expect(seen).toEqual([
      ["any", "say", 2],
      ["listener", "a"],
      ["any", "say", 2],
      ["error", "not this"],
      ["any", "say", 2],
      ["error", "told"],
    ]);
  });
});

describe("when the disk is full", () => {
  it("nothing happens, is delivered or answered as done, until there is room", async () => {
    const disk = new MemoryDisk();
    const { port, io, reports } = await start({ store: new MemoryStore({ disk }) });
    io.on("connection", (socket) => void socket.join("chat:1"));
    io.handle("say", (text, tx) => {
      tx.to("chat:1").publish("said", text);
      return text;
    });
    const client = await Client.connect(port);
    disk.failNext(new StoreError("STORE_FULL", "full"));
    expect(await client.emit(1, "say", ["a"])).toEqual([
      2,
      1000,
      { code: "STORE_FULL", message: expect.any(String) },
    ]);
    expect(await client.emit(1, "say", ["a"], { again: 1 })).toEqual([0, "a"]);
    expect(await client.heard(1)).toEqual([["said", "a"]]);
    expect(reports).toMatchObject([{ code: "STORE_FULL", stage: "reliable" }]);
  });
});

describe("closing a server", () => {
  it("answers what runs before it disconnects anybody", async () => {
    const { port, io } = await start();
    const gate = deferred();
    const started = deferred();
    io.handle("say", async (tx) => {
      started.resolve();
      await gate.promise;
      tx.to("chat:1").publish("said");
      return "done";
    });
    const client = await Client.connect(port);
    const answer = client.emit(1, "say");
    await started.promise;
    const closed = io.close();
    gate.resolve();
    expect(await answer).toEqual([0, "done"]);
    await closed;
  });

  it("does not wait for a handler for ever", async () => {
    const { port, io } = await start({ reliable: { closeTimeoutMs: 20 } });
    const started = deferred();
    io.handle(
      "say",
      () => {
        started.resolve();
        return new Promise(() => {});
      },
      { timeoutMs: 100 },
    );
    const client = await Client.connect(port);
    void client.emit(1, "say");
    await started.promise;
    await io.close();
    await client.wire.closed;
  });
});
