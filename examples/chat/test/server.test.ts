import { io as connect } from "socket.io-client";
import { describe, expect, it } from "vitest";
import { atEnd, folderForTest } from "../../shared/test/at-end.ts";
import { type Answer, type Chat, chatFor, type StockClient, stockClient } from "./chat-harness.ts";

const lobby = "lobby";
const textsOf = (answer: Answer): string[] => (answer.messages as { text: string }[]).map(({ text }) => text);

async function inLobby(chat: Chat, ...names: string[]): Promise<StockClient[]> {
  const clients: StockClient[] = [];
  for (const name of names) {
    const client = await stockClient(chat, name);
    await client.ask("join", lobby, null);
    clients.push(client);
  }
  return clients;
}

describe("entering", () => {
  const refusal = async (chat: Chat, auth: object) => {
    const socket = connect(chat.url, { auth, forceNew: true, reconnection: false });
    atEnd(() => socket.disconnect());
    return new Promise<Error & { data?: { code?: string } }>((resolve, reject) => {
      socket.once("connect_error", resolve).once("connect", () => reject(new Error("was let in")));
    });
  };

  it("welcomes a name with the rooms and the limits", async () => {
    const chat = await chatFor();
    const socket = connect(chat.url, { auth: { name: "  Ada  Lovelace " }, forceNew: true });
    atEnd(() => socket.disconnect());
    const welcome = await new Promise((resolve) => {
      socket.once("welcome", resolve);
    });
    expect(welcome).toMatchObject({
      name: "Ada Lovelace",
      rooms: [{ name: lobby, people: 0, creator: null }],
      limits: { textLength: 2000 },
    });
  });

  it("is refused without a proper name, with a code", async () => {
    const chat = await chatFor();
    for (const name of [undefined, null, "", " ", 7, {}, [], "x".repeat(25)]) {
      expect((await refusal(chat, { name })).data).toEqual({ code: "NAME_INVALID" });
    }
    expect((await refusal(chat, { name: "Ada", key: "short" })).data).toEqual({ code: "ID_INVALID" });
  });

  it("is refused under a name that is in use, until it is free again", async () => {
    const chat = await chatFor();
    const ada = await stockClient(chat, "Ada");
    expect((await refusal(chat, { name: "ADA" })).data).toEqual({ code: "NAME_TAKEN" });
    const gone = new Promise((resolve) => {
      for (const socket of chat.io.sockets.sockets.values())
        socket.on("disconnect", () => setImmediate(resolve));
    });
    ada.socket.disconnect();
    await gone;
    await stockClient(chat, "ada");
  });

  it("takes a second tab with the same key for the same person", async () => {
    const chat = await chatFor();
    const key = "the-key-of-ada";
    const [bob] = (await inLobby(chat, "Bob")) as [StockClient];
    const first = await stockClient(chat, "Ada", { key });
    await first.ask("join", lobby, null);
    const second = await stockClient(chat, "Ada", { key });
    const { people } = await second.ask("join", lobby, null);
    expect(people).toEqual(["Bob", "Ada"]);
    // One tab leaves: Ada is still there, so the next news is of Cleo.
    const news: unknown[] = [];
    bob.socket
      .on("left", (...details) => news.push(details))
      .on("joined", (...details) => news.push(details));
    await first.ask("leave", lobby);
    await inLobby(chat, "Cleo");
    const left = bob.next("left");
    await second.ask("leave", lobby);
    await left;
    expect(news).toEqual([
      [lobby, "Cleo"],
      [lobby, "Ada"],
    ]);
  });
});

describe("rooms", () => {
  it("are made, joined, left and deleted, and everyone hears of it", async () => {
    const chat = await chatFor();
    const ada = await stockClient(chat, "Ada");
    const bob = await stockClient(chat, "Bob");
    const made = bob.next("room");
    expect(await ada.ask("create room", " tea  room ")).toEqual({ ok: true, room: "tea room" });
    expect(await made).toEqual([{ name: "tea room", people: 0, creator: "Ada" }]);

    await ada.ask("join", "tea room", null);
    const joined = ada.next("joined");
    expect(await bob.ask("join", "Tea Room", null)).toMatchObject({
      ok: true,
      room: "tea room",
      people: ["Ada", "Bob"],
    });
    expect(await joined).toEqual(["tea room", "Bob"]);

    const left = ada.next("left");
    expect((await bob.ask("leave", "tea room")).ok).toBe(true);
    expect(await left).toEqual(["tea room", "Bob"]);
    expect((await bob.say("tea room", "hello?")).code).toBe("NOT_IN_ROOM");

    const deleted = bob.next("room deleted");
    expect((await ada.ask("delete room", "tea room")).ok).toBe(true);
    expect(await deleted).toEqual(["tea room", "Ada"]);
    expect((await ada.say("tea room", "still here?")).code).toBe("NO_ROOM");
  });

  it("that are made anew know nothing of what was said before", async () => {
    const chat = await chatFor();
    const ada = await stockClient(chat, "Ada");
    await ada.ask("create room", "tea");
    await ada.ask("join", "tea", null);
    const { message } = await ada.say("tea", "secret");
    await ada.ask("delete room", "tea");
    await ada.ask("create room", "tea");
    expect((await ada.say("tea", "x")).code).toBe("NOT_IN_ROOM");
    const again = await ada.join("tea", (message as { position: string }).position);
    expect(again).toMatchObject({ messages: [], earlier: false, gap: true });
  });

  it("can be deleted by others only when nobody else is in them; the lobby stays", async () => {
    const chat = await chatFor();
    const ada = await stockClient(chat, "Ada");
    const bob = await stockClient(chat, "Bob");
    await ada.ask("create room", "tea");
    await ada.ask("join", "tea", null);
    expect((await bob.ask("delete room", "tea")).code).toBe("NOT_YOURS");
    await bob.ask("join", "tea", null);
    expect((await bob.ask("delete room", "tea")).code).toBe("NOT_YOURS");
    await ada.ask("leave", "tea");
    expect((await bob.ask("delete room", "tea")).ok).toBe(true);
    expect((await bob.ask("delete room", lobby)).code).toBe("NOT_YOURS");
  });

  it("are bounded in number, in people and in names", async () => {
    const chat = await chatFor({ limits: { rooms: 2, peopleInRoom: 1 } });
    const ada = await stockClient(chat, "Ada");
    const bob = await stockClient(chat, "Bob");
    expect((await ada.ask("create room", "LOBBY")).code).toBe("ROOM_EXISTS");
    expect((await ada.ask("create room", "tea")).ok).toBe(true);
    expect((await ada.ask("create room", "coffee")).code).toBe("ROOMS_FULL");
    expect((await ada.ask("join", "tea", null)).ok).toBe(true);
    expect((await ada.ask("join", "tea", null)).ok).toBe(true);
    expect((await bob.ask("join", "tea", null)).code).toBe("ROOM_FULL");
    for (const name of ["", "x".repeat(33), null, 7, ["lobby"], { a: 1 }]) {
      for (const event of ["create room", "delete room", "leave"]) {
        expect((await ada.ask(event, name)).code).toBe("ROOM_INVALID");
      }
    }
  });

  it("named like a socket's id or a person do not reach them", async () => {
    const chat = await chatFor();
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const heard: unknown[] = [];
    bob.socket.on("message", (message) => heard.push(message));
    for (const room of [String(bob.socket.id), "person:bob"]) {
      await ada.ask("create room", room);
      await ada.ask("join", room, null);
      expect((await ada.say(room, "psst")).ok).toBe(true);
    }
    await ada.say(lobby, "last");
    while (heard.length === 0) await bob.next("message");
    expect(heard).toMatchObject([{ room: lobby, text: "last" }]);
  });
});

describe("messages", () => {
  it("reach everyone in the room in one order, the sender too, and nobody else", async () => {
    const chat = await chatFor();
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const outside = await stockClient(chat, "Eve");
    const strays: unknown[] = [];
    outside.socket.on("message", (message) => strays.push(message));
    const [heard, own] = [bob.next("message"), ada.next("message")];
    const answer = await ada.say(lobby, "Hello, Bob.");
    expect(answer).toMatchObject({ ok: true, message: { room: lobby, from: "Ada", text: "Hello, Bob." } });
    expect(await heard).toEqual([answer.message]);
    expect(await own).toEqual([answer.message]);
    await outside.ask("create room", "x"); // an answer: whatever was sent before it has arrived
    expect(strays).toEqual([]);
  });

  it("sent again after a lost answer appear once", async () => {
    const chat = await chatFor();
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const heard: string[] = [];
    bob.socket.on("message", ({ text }: { text: string }) => heard.push(text));
    const first = await ada.say(lobby, "once", "the-same-id");
    expect(await ada.say(lobby, "once", "the-same-id")).toEqual(first);
    await ada.say(lobby, "then");
    while (heard.length < 2) await bob.next("message");
    expect(heard).toEqual(["once", "then"]);
  });

  it("sent again over a new connection appear once, if the key is the same", async () => {
    const chat = await chatFor();
    const key = "the-key-of-ada";
    const before = await stockClient(chat, "Ada", { key });
    await before.ask("join", lobby, null);
    const first = await before.say(lobby, "once", "the-same-id");
    before.socket.disconnect();
    const after = await stockClient(chat, "Ada", { key });
    await after.ask("join", lobby, null);
    expect(await after.say(lobby, "once", "the-same-id")).toEqual(first);
    expect(textsOf(await after.join(lobby))).toEqual(["once"]);
  });

  it("that were missed come with the next join, in order; older ones page by page", async () => {
    const chat = await chatFor({ limits: { page: 2 } });
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const seen = (await ada.say(lobby, "one")).message as { position: string };
    bob.socket.disconnect();
    for (const text of ["two", "three", "four"]) await ada.say(lobby, text);
    const back = await stockClient(chat, "Bobby");
    expect(textsOf(await back.join(lobby, seen.position))).toEqual(["two", "three", "four"]);
    const latest = await back.join(lobby);
    expect([textsOf(latest), latest.earlier]).toEqual([["three", "four"], true]);
    const [{ position }] = latest.messages as [{ position: string }];
    const older = await back.ask("history", lobby, position);
    expect([textsOf(older), older.earlier]).toEqual([["one", "two"], false]);
  });

  it("are there after a restart, and so are the rooms; deleted ones are not", async () => {
    const store = folderForTest();
    const first = await chatFor({ store });
    const ada = await stockClient(first, "Ada", { key: "the-key-of-ada" });
    for (const room of ["tea", "coffee"]) {
      await ada.ask("create room", room);
      await ada.join(room);
      await ada.say(room, `${room}, please`, `order-of-${room}`);
    }
    const seen = (await ada.say("tea", "seen")).message as { position: string };
    await ada.say("tea", "missed");
    await ada.ask("delete room", "coffee");
    await first.close();

    const second = await chatFor({ store });
    const back = await stockClient(second, "Ada", { key: "the-key-of-ada" });
    expect([...((await back.join("tea", seen.position)).messages as object[])]).toMatchObject([
      { text: "missed" },
    ]);
    expect(textsOf(await back.join("tea"))).toEqual(["tea, please", "seen", "missed"]);
    const again = await back.say("tea", "tea, please", "order-of-tea");
    expect(again.message).toMatchObject({ text: "tea, please" });
    expect(textsOf(await back.join("tea"))).toHaveLength(3);
    expect((await back.join("coffee")).code).toBe("NO_ROOM");
    await back.ask("create room", "coffee");
    expect((await back.join("coffee")).messages).toEqual([]);
    expect((await back.ask("delete room", "tea")).ok).toBe(true);
  });

  it("must have a room, an id and a text within their limits", async () => {
    const chat = await chatFor();
    const [ada] = (await inLobby(chat, "Ada")) as [StockClient];
    const id = "0123456789";
    for (const said of [undefined, null, 7, "text", [], {}, { room: lobby }]) {
      expect((await ada.ask("say", said)).ok).toBe(false);
    }
    expect((await ada.ask("say", { room: lobby, id, text: "x".repeat(2001) })).code).toBe("TEXT_INVALID");
    expect((await ada.ask("say", { room: lobby, id, text: { toString: "x" } })).code).toBe("TEXT_INVALID");
    expect((await ada.ask("say", { room: lobby, id: "", text: "x" })).code).toBe("ID_INVALID");
    expect((await ada.ask("say", { room: "nowhere", id, text: "x" })).code).toBe("NO_ROOM");
    expect((await ada.ask("say", { room: lobby, id, text: "x".repeat(2000) })).ok).toBe(true);
  });

  it("come no faster than the allowance; the answer says how long to wait", async () => {
    const chat = await chatFor({ limits: { burst: 20, perSecond: 0.001 } });
    const [ada] = (await inLobby(chat, "Ada")) as [StockClient]; // costs 1
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => ada.say(lobby, `${i}`)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false, false, false]);
    expect(answers[5]).toMatchObject({ code: "RETRY_LATER", retryMs: expect.any(Number) });
  });
});

describe("people", () => {
  it("who type are shown to the others in the room", async () => {
    const chat = await chatFor();
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const typing = bob.next("typing");
    ada.socket.emit("typing", lobby);
    expect(await typing).toEqual([lobby, "Ada"]);
  });

  it("whose connection ends leave their rooms after a while", async () => {
    const chat = await chatFor({ awayMs: 1 });
    const [ada, bob] = (await inLobby(chat, "Ada", "Bob")) as [StockClient, StockClient];
    const left = bob.next("left");
    ada.socket.io.engine.close();
    expect(await left).toEqual([lobby, "Ada"]);
  });

  it("who come back in time were never away", async () => {
    const chat = await chatFor({ awayMs: 200 });
    const key = "the-key-of-ada";
    const before = await stockClient(chat, "Ada", { key });
    await before.ask("join", lobby, null);
    const [bob] = (await inLobby(chat, "Bob")) as [StockClient];
    const news: unknown[] = [];
    bob.socket
      .on("left", (...details) => news.push(details))
      .on("joined", (...details) => news.push(details));
    before.socket.disconnect();
    const after = await stockClient(chat, "Ada", { key });
    await after.ask("join", lobby, null);
    const left = bob.next("left");
    after.socket.disconnect(); // now for good: news of this, and of this only
    await left;
    expect(news).toEqual([[lobby, "Ada"]]);
  });

  it("who send nonsense disturb nobody", async () => {
    const chat = await chatFor({ limits: { burst: 1e6 } });
    const [ada, eve] = (await inLobby(chat, "Ada", "Eve")) as [StockClient, StockClient];
    const junk = [
      undefined,
      null,
      0,
      "",
      "__proto__",
      [],
      {},
      { room: { toString: 1 } },
      Buffer.from("x"),
      [[[]]],
    ];
    for (const event of [
      "create room",
      "delete room",
      "join",
      "leave",
      "say",
      "history",
      "typing",
      "unknown",
    ]) {
      for (const value of junk) {
        eve.socket.emit(event, value);
        eve.socket.emit(event, value, value, value);
        eve.socket.emit(event);
      }
    }
    eve.socket.emit(
      "join",
      () => {},
      () => {},
    );
    const answer = await ada.say(lobby, "All is well.");
    expect(answer.ok).toBe(true);
  });
});
