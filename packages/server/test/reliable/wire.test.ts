import { MemoryStore } from "@holdfast/core";
import { Rejection } from "holdfast";
import { io as connect } from "socket.io-client";
import { describe, expect, it } from "vitest";
import { Client, deferred, KEY, onCleanup, STORES, start, storeOf } from "./support.ts";

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
