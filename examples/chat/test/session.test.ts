import { io } from "holdfast-client";
import { describe, expect, it } from "vitest";
import { atEnd } from "../../shared/test/at-end.ts";
import type { Conversation } from "../public/conversation.js";
import { Session } from "../public/session.js";
import { type Chat, chatFor } from "./chat-harness.ts";

/** The page's own session, in Node: it needs no document. */
async function sessionFor(chat: Chat, name: string): Promise<{ session: Session; lobby: Conversation }> {
  const session = new Session(
    (options) => io(chat.url, { ...options, outbox: "memory" }),
    name,
    `the-key-of-${name}`,
  );
  atEnd(() => session.close());
  await until(session, "status", () => session.status === "online");
  const lobby = session.join("lobby");
  await until(lobby, "state", () => lobby.entered);
  return { session, lobby };
}

/** Waits for events of `target` until `holds` does. */
function until(target: EventTarget, type: string, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      target.removeEventListener(type, look);
      resolve();
    };
    target.addEventListener(type, look);
    look();
  });
}

const textsOf = (conversation: Conversation) => conversation.messages.map(({ text }) => text);

describe("the page's session", () => {
  it("loses, doubles and reorders nothing while connections are cut again and again", async () => {
    const perPerson = 60;
    const chat = await chatFor({ limits: { burst: 1e6, messagesKept: 1000 }, awayMs: 10_000 });
    let said = 0;
    let cuts = 0;
    // Every seventh message costs its sender the connection, before it is answered.
    chat.io.on("connection", (socket) => {
      socket.use(([event], next) => {
        next();
        if (event !== "say" || ++said % 7 !== 0) return;
        cuts++;
        socket.conn.close();
      });
    });
    const people = await Promise.all(["Ada", "Bob", "Cleo"].map((name) => sessionFor(chat, name)));
    for (const { session } of people) {
      session.addEventListener("status", () => session.status === "offline" && session.reconnect());
    }
    for (let i = 0; i < perPerson; i++) {
      for (const { session, lobby } of people) session.say(lobby, `${session.name} ${i}`);
    }
    await Promise.all(
      people.map(({ lobby }) => until(lobby, "append", () => lobby.messages.length >= 3 * perPerson)),
    );

    const [first] = people.map(({ lobby }) => textsOf(lobby));
    for (const { session, lobby } of people) {
      expect(textsOf(lobby)).toEqual(first);
      const own = textsOf(lobby).filter((text) => text.startsWith(session.name));
      expect(own).toEqual(Array.from({ length: perPerson }, (_, i) => `${session.name} ${i}`));
      expect(lobby.pending).toEqual([]);
    }
    expect(first).toHaveLength(3 * perPerson);
    expect(cuts).toBeGreaterThan(20);
  }, 60_000);

  it("lets others see no coming and going when a connection is cut", async () => {
    const chat = await chatFor({ awayMs: 10_000 });
    const { lobby } = await sessionFor(chat, "Ada");
    const { session, lobby: bobs } = await sessionFor(chat, "Bob");
    await until(lobby, "people", () => lobby.people.has("Bob"));
    const news: unknown[] = [];
    lobby.addEventListener("notice", (event) => news.push((event as CustomEvent).detail));
    session.drop();
    await until(session, "status", () => session.status === "offline");
    await until(bobs, "state", () => bobs.entered);
    session.say(bobs, "here");
    await until(lobby, "append", () => lobby.messages.length === 1);
    expect(news).toEqual([]);
  });

  it("holds no more messages than its bound, and can load them again", async () => {
    const chat = await chatFor({ limits: { burst: 1e6, messagesKept: 1000 } });
    const { session, lobby } = await sessionFor(chat, "Ada");
    for (let i = 0; i < 620; i++) session.say(lobby, `${i}`);
    await until(lobby, "append", () => lobby.messages.length === 620);
    expect(lobby.trim()).toBe(20);
    expect([textsOf(lobby)[0], lobby.earlier]).toEqual(["20", true]);
    const loaded = until(lobby, "prepend", () => lobby.messages.length === 620);
    session.loadEarlier(lobby);
    await loaded;
    expect([textsOf(lobby)[0], lobby.earlier]).toEqual(["0", false]);
  });
});
