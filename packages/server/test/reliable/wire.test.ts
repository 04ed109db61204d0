import { MemoryDisk, MemoryStore, StoreError } from "@holdfast/core";
import { Rejection, retryLater } from "holdfast";
import { io as connect } from "socket.io-client";
import { describe, expect, it } from "vitest";
import { Client, connectWire, deferred, KEY, onCleanup, STORES, start, storeOf } from "./support.ts";

describe("asking for reliable emits", () => {
  it("is granted with what has an outcome, and how many may be unanswered", async () => {
    const { port } = await start({ reliable: { window: 32 } });
    const client = await Client.connect(port);
    expect(client.granted).toEqual({ through: 0, window: 32 });
  });

  it.each([
    ["no object", "yes"],
    ["no key", {}],
    ["a short key", { key: "short" }],
    ["a long key", { key: "k".repeat(129) }],
    ["a key of other characters", { key: `${"k".repeat(22)}!` }],
    ["again that is no flag", { key: KEY, again: "1" }],
  ])("is refused with %s, and the socket is connected all the same", async (_, asked) => {
    const { port, sockets } = await start();
    const client = await Client.connect(port, asked as object);
    expect(client.granted.error).toMatchObject({ code: "PROTOCOL_INVALID" });
    expect(sockets).toHaveLength(1);
  });

  it("is granted after CONNECT too, with the same answer, once", async () => {
    const { port, io, sockets } = await start({ reliable: { window: 32 } });
    io.handle("say", (text) => text);
    const first = await Client.connect(port);
    expect(await first.emit(1, "say", ["first"])).toEqual([0, "first"]);
    await first.close();
    const client = await Client.connect(port, undefined, {}, false);
    const asked = { reliable: { key: KEY, again: 1 } };
    expect(await client.call("holdfast:ask", asked)).toEqual([{ reliable: { through: 1, window: 32 } }]);
    const refused = [{ reliable: { error: { code: "PROTOCOL_INVALID", message: expect.any(String) } } }];
    expect(await client.call("holdfast:ask", asked)).toEqual(refused);
    expect(await client.emit(1, "say", ["again"], { again: 1 })).toEqual([0, "first"]);
    expect(await client.emit(2, "say", ["second"])).toEqual([0, "second"]);
    expect(sockets).toHaveLength(2);
  });

  it("is refused after CONNECT as it is in it, and the socket is connected all the same", async () => {
    const { port, io } = await start({ reliable: { identify: ({ data }) => data.user ?? null } });
    io.on("connection", (socket) => {
      socket.on("login", (user, ack) => {
        socket.data.user = user;
        ack(user);
      });
    });
    const error = (code: string) => [{ reliable: { error: { code, message: expect.any(String) } } }];
    const reliable = { key: KEY, again: 0 };
    const ada = await Client.connect(port, undefined, {}, false);
    // whoever logs in on a socket that is connected is known by then
    await ada.call("login", "ada");
    expect(await ada.call("holdfast:ask", { reliable })).toEqual([{ reliable: { through: 0, window: 256 } }]);
    const bob = await Client.connect(port, undefined, {}, false);
    await bob.call("login", "bob");
    expect(await bob.call("holdfast:ask", { reliable })).toEqual(error("KEY_FOREIGN"));
    const other = await Client.connect(port, undefined, {}, false);
    expect(await other.call("holdfast:ask", { reliable: { key: "short" } })).toEqual(
      error("PROTOCOL_INVALID"),
    );
    expect(await other.call("login", "eve")).toEqual(["eve"]);
  });

  it("is refused to another user than the one who came with the key first", async () => {
    const { port, reports } = await start({
      reliable: { identify: ({ handshake }) => (handshake.auth.user as string | undefined) ?? null },
    });
    expect((await Client.connect(port, { key: KEY }, { user: "ada" })).granted.error).toBeUndefined();
    expect((await Client.connect(port, { key: KEY }, { user: "ada" })).granted.error).toBeUndefined();
    for (const user of ["bob", undefined]) {
      const client = await Client.connect(port, { key: KEY }, { user });
      expect(client.granted.error).toEqual({ code: "KEY_FOREIGN", message: expect.any(String) });
    }
    expect(reports).toEqual([]);
  });

  it("is refused if the user can't be told, and reported", async () => {
    const { port, reports } = await start({
      reliable: { identify: () => Promise.reject(new Error("the database of users is away")) },
    });
    const client = await Client.connect(port);
    expect(client.granted.error).toMatchObject({ code: "INTERNAL" });
    expect(JSON.stringify(client.granted)).not.toContain("database");
    expect(reports).toMatchObject([{ stage: "negotiate" }]);
  });
});

describe.each(STORES)("a reliable emit, with %s,", (kind) => {
  it("takes effect with its reply, and once however often it is sent", async () => {
    const { port, io } = await start({ store: storeOf(kind) });
    io.handle("say", async function (text, tx) {
      expect(tx.socket).toBe(this);
      tx.to("chat:1").publish("said", text, tx.sequence);
      return { ok: text };
    });
    io.on("connection", (socket) => void socket.join("chat:1"));
    const client = await Client.connect(port);
    expect(await client.emit(1, "say", ["a"])).toEqual([0, { ok: "a" }]);
    expect(await client.emit(1, "say", ["a"], { again: 1 })).toEqual([0, { ok: "a" }]);
    const many = [2, 3, 4, 5].map((sequence) => client.emit(sequence, "say", [sequence], { low: 2 }));
    expect(await Promise.all(many)).toEqual([2, 3, 4, 5].map((n) => [0, { ok: n }]));
    const events = await client.heard(5);
    expect(events.map(([, text, sequence]) => [text, sequence])).toEqual([
      ["a", 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    const history = await io.to("chat:1").history();
    expect(history.map(({ args }) => args[0])).toEqual(["a", 2, 3, 4, 5]);
  });

  it("is known to the next process", async () => {
    const store = kind === "memory" ? new MemoryStore() : storeOf(kind);
    const first = await start({ store });
    let runs = 0;
    const handler = (text: string) => {
      runs++;
      if (text === "bad") throw new Rejection("BAD", "too bad", { why: 1 });
      return Buffer.from(text).toString("hex");
    };
    first.io.handle("say", handler);
    const client = await Client.connect(first.port);
    const outcomes = await Promise.all([client.emit(1, "say", ["a"]), client.emit(2, "say", ["bad"])]);
    expect(outcomes).toEqual([
      [0, "61"],
      [1, { code: "BAD", message: "too bad", data: { why: 1 } }],
    ]);
    await first.io.close();
    const next = store instanceof MemoryStore ? store.reopen() : store;
    const second = await start({ store: next });
    second.io.handle("say", handler);
    const back = await Client.connect(second.port, { key: KEY, again: 1 });
    expect(back.granted.through).toBe(2);
    expect(await back.emit(1, "say", ["a"], { again: 1 })).toEqual(outcomes[0]);
    expect(await back.emit(2, "say", ["bad"], { again: 1 })).toEqual(outcomes[1]);
    expect(runs).toBe(2);
  });
});

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

describe("connections of one key", () => {
  it("are ordered as one, and each is answered what it asked", async () => {
    const { port, io } = await start();
    const gate = deferred();
    io.handle("say", async (text, tx) => {
      if (text === 1) await gate.promise;
      tx.to("chat:1").publish("said", text);
      return text;
    });
    const [first, second] = [await Client.connect(port), await Client.connect(port)];
    const answers = [first.emit(1, "say", [1]), first.emit(2, "say", [2])];
    answers.push(second.emit(1, "say", [1], { again: 1 }), second.emit(2, "say", [2], { again: 1 }));
    answers.push(second.emit(3, "say", [3]));
    gate.resolve();
    expect(await Promise.all(answers)).toEqual([1, 2, 1, 2, 3].map((n) => [0, n]));
    expect((await io.to("chat:1").history()).map(({ args }) => args[0])).toEqual([1, 2, 3]);
  });

  it("may go in the middle: what runs is finished, and told to the next one", async () => {
    const { port, io } = await start();
    const gate = deferred();
    const started = deferred();
    let runs = 0;
    io.handle("say", async (tx) => {
      runs++;
      started.resolve();
      await gate.promise;
      tx.to("chat:1").publish("said");
      return "done";
    });
    const first = await Client.connect(port);
    void first.emit(1, "say");
    await started.promise;
    await first.close();
    gate.resolve();
    const second = await Client.connect(port, { key: KEY, again: 1 });
    expect(await second.emit(1, "say", [], { again: 1 })).toEqual([0, "done"]);
    expect(runs).toBe(1);
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

describe("clients that break the rules", () => {
  it.each([
    ["no sequence", [undefined, 1, 0, "say"]],
    ["a sequence below 1", [0, 0, 0, "say"]],
    ["a sequence that is no integer", [1.5, 1, 0, "say"]],
    ["a sequence past 2^53", [2 ** 53, 1, 0, "say"]],
    ["a sequence as text", ["1", 1, 0, "say"]],
    ["a low above the sequence", [1, 2, 0, "say"]],
    ["again that is no flag", [1, 1, true, "say"]],
    ["no event", [1, 1, 0]],
    ["an event that is no text", [1, 1, 0, { say: 1 }]],
    ["a reserved event", [1, 1, 0, "disconnect"]],
    ["a control message", [1, 1, 0, "holdfast:emit"]],
  ])("are disconnected for %s", async (_, args) => {
    const { port, sockets } = await start();
    const client = await Client.connect(port);
    const reason = deferred<string>();
    sockets[0]!.on("disconnect", reason.resolve);
    client.wire.say(`421${JSON.stringify(["holdfast:emit", ...args])}`);
    expect(await reason.promise).toBe("parse error");
    await client.wire.closed;
  });

  it("are disconnected without an acknowledgement id, and past the window", async () => {
    const { port, io } = await start({ reliable: { window: 4 } });
    io.handle("wait", () => new Promise(() => {}), { timeoutMs: 200 });
    const first = await Client.connect(port);
    first.wire.say(`42${JSON.stringify(["holdfast:emit", 1, 1, 0, "wait"])}`);
    await first.wire.closed;
    const second = await Client.connect(port);
    for (let sequence = 1; sequence <= 5; sequence++) void second.emit(sequence, "wait");
    await second.wire.closed;
  });

  it("may burn their own sequence, and nobody else's", async () => {
    const { port, io } = await start();
    io.handle("say", () => "done");
    const first = await Client.connect(port);
    expect(await first.emit(Number.MAX_SAFE_INTEGER, "say", [], { low: Number.MAX_SAFE_INTEGER })).toEqual([
      0,
      "done",
    ]);
    expect(await first.emit(5, "say")).toMatchObject([1, { code: "OUTCOME_UNKNOWN" }]);
    const second = await Client.connect(port, { key: "o".repeat(22), again: 0 });
    expect(await second.emit(1, "say")).toEqual([0, "done"]);
  });

  it("find nothing reserved if they have not asked", async () => {
    const { port, sockets } = await start();
    const client = connect(`http://localhost:${port}`, { transports: ["websocket"], forceNew: true });
    onCleanup(() => client.disconnect());
    await new Promise<void>((resolve) => client.once("connect", resolve));
    const heard = new Promise((resolve) => sockets[0]!.on("holdfast:emit", resolve));
    client.emit("holdfast:emit", "mine");
    expect(await heard).toBe("mine");
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
