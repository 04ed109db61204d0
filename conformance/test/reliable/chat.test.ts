import { createServer } from "node:http";
import { MemoryStore } from "@holdfast/core";
import { Server, type Socket } from "holdfast";
import { io } from "holdfast-client";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { until } from "../../src/events.ts";
import { listen } from "../../src/servers.ts";
import { Browser, chromiumPath } from "../client/browser.ts";
import { ReliablePage, serveOrigin } from "./page.ts";

const browser = new Browser();

/** A chat of one kept room, and somebody who reads it. Page's sockets get there once the network is on. */
async function serveChat() {
  const http = createServer();
  const server = new Server(http, { store: new MemoryStore(), rooms: { lobby: { keep: true } } });
  server.on("connection", (socket: Socket) => {
    void socket.join("lobby");
    socket.handle("say", (text: string, tx) => {
      tx.to("lobby").publish("said", text);
      return `said ${text}`;
    });
  });
  let isOnline = false;
  server.engine.use(
    (request: { headers: Record<string, unknown> }, _: unknown, next: (error?: Error) => void) =>
      next(isOnline || request.headers.reader ? undefined : new Error("offline")),
  );
  const url = `http://localhost:${await listen(http)}`;
  cleanUpLater(() => server.close());
  const reader = io(url, { extraHeaders: { reader: "1" }, transports: ["websocket"], forceNew: true });
  cleanUpLater(() => reader.disconnect());
  const said: unknown[] = [];
  reader.on("said", (text) => said.push(text));
  await new Promise<void>((resolve) => reader.once("connect", () => resolve()));
  return { url, said, goOnline: () => (isOnline = true) };
}

describe.skipIf(!chromiumPath)("a chat in a browser, on our server", () => {
  test("three messages written offline, before a reload, appear once for everyone", async () => {
    const { url, said, goOnline } = await serveChat();
    const page = await ReliablePage.open(browser, await serveOrigin(), url);
    await page.say("one", "two", "three");
    await page.reload();
    await page.holds(3);
    goOnline();
    expect(await page.told(3)).toEqual(["one", "two", "three"].map((text) => `say ${text}: said ${text}`));
    await until(() => said.length >= 3, "3 messages");
    await page.say("four");
    await until(() => said.length >= 4, "4 messages");
    expect(said).toEqual(["one", "two", "three", "four"]);
  });

  test("those of two tabs, too", async () => {
    const { url, said, goOnline } = await serveChat();
    const origin = await serveOrigin();
    const a = await ReliablePage.open(browser, origin, url);
    const b = await ReliablePage.open(browser, origin, url);
    await a.say("a1", "a2");
    await b.say("b1");
    await a.say("a3");
    goOnline();
    expect(await a.replies(3)).toEqual(["said a1", "said a2", "said a3"]);
    expect(await b.replies(1)).toEqual(["said b1"]);
    await b.say("b2");
    await until(() => said.length >= 5, "5 messages");
    expect(said).toEqual(["a1", "a2", "b1", "a3", "b2"]);
  });
});
