import { createServer } from "node:http";
import type { io as Io } from "holdfast-client";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { listen } from "../../src/servers.ts";
import { Browser, chromiumPath, servePage } from "../client/browser.ts";
import { Taker } from "./taker.ts";

type Client = ReturnType<typeof Io>;

/** What the pages have as globals. */
declare const window: {
  io: typeof Io;
  socket: Client;
  /** What the outbox told. */
  told: string[];
  /** What became of the emits of this page. */
  replies: unknown[];
};

const browser = new Browser();

/** A page of an origin of this test's own, with nothing but the client on it. */
async function openPage(origin: string): Promise<Page> {
  const page = await browser.open(`${origin}/reliable.html`);
  await page.waitForFunction(() => "io" in window);
  return page;
}

async function serveOrigin(): Promise<string> {
  const http = createServer((request, response) => void servePage(request, response));
  const port = await listen(http);
  cleanUpLater(() => http.close());
  return `http://localhost:${port}`;
}

/** Makes the page's socket, which goes on trying to connect. */
const start = (page: Page, url: string, options: object = {}) =>
  page.evaluate(
    ([url, options]) => {
      const socket = window.io(url as string, {
        transports: ["websocket"],
        reconnectionDelay: 20,
        reconnectionDelayMax: 40,
        outbox: "indexeddb",
        ...(options as object),
      });
      window.socket = socket;
      window.told = [];
      window.replies = [];
      const { outbox } = socket;
      outbox.on("settled", ({ event, args, reply, error }) =>
        window.told.push(`${event} ${args.join(" ")}: ${error?.code ?? reply}`),
      );
      outbox.on("error", ({ code }) => window.told.push(code));
    },
    [url, options] as const,
  );

/** Emits, and resolves once everything is stored. */
const say = (page: Page, ...texts: string[]) =>
  page.evaluate(async (texts) => {
    const stored = new Promise<void>((resolve) => {
      let left = texts.length;
      window.socket.outbox.on("added", ({ args }) => {
        if (texts.includes(args[0] as string) && --left === 0) resolve();
      });
    });
    for (const text of texts) {
      window.socket.reliable.emit("say", text).then(
        (reply) => window.replies.push(reply),
        (error) => window.replies.push(error.code),
      );
    }
    await stored;
  }, texts);

const repliesOf = async (page: Page, count: number) => {
  await page.waitForFunction((count) => window.replies.length >= count, count);
  return page.evaluate(() => window.replies);
};
const toldOf = async (page: Page, count: number) => {
  await page.waitForFunction((count) => window.told.length >= count, count);
  return page.evaluate(() => window.told);
};
const outboxOf = (page: Page) =>
  page.evaluate(() => ({ size: window.socket.outbox.size, state: window.socket.outbox.state }));
const becomes = (page: Page, state: string) =>
  page.waitForFunction((state) => window.socket.outbox.state === state, state);
const texts = (taker: Taker) => taker.effects.map(({ event }) => event[1]);
const replies = (...texts: string[]) => texts.map((text) => `reply to say ${text}`);

describe.skipIf(!chromiumPath)("reliable emits in a browser", () => {
  test("three messages that were written offline survive a reload, and each takes effect once", async () => {
    const taker = await Taker.absent();
    const page = await openPage(await serveOrigin());
    await start(page, taker.url);
    await say(page, "one", "two", "three");
    expect(await outboxOf(page)).toEqual({ size: 3, state: "waiting" });
    await page.reload();
    await page.waitForFunction(() => "io" in window);
    await start(page, taker.url);
    await page.waitForFunction(() => window.socket.outbox.size === 3);
    expect(
      await page.evaluate(async () => (await window.socket.outbox.list()).map(({ args }) => args)),
    ).toEqual([["one"], ["two"], ["three"]]);
    await taker.listen();
    expect(await toldOf(page, 3)).toEqual(
      ["one", "two", "three"].map((text) => `say ${text}: reply to say ${text}`),
    );
    expect(texts(taker)).toEqual(["one", "two", "three"]);
    await becomes(page, "empty");
    // and nothing is left for another page
    await page.reload();
    await page.waitForFunction(() => "io" in window);
    await start(page, taker.url);
    expect(await page.evaluate(() => window.socket.outbox.list())).toEqual([]);
    expect(taker.faults).toEqual([]);
  });

  test("two tabs share an outbox: one sends for both, each effect is one, and each tab gets its replies", async () => {
    const taker = await Taker.absent();
    const origin = await serveOrigin();
    const [a, b] = [await openPage(origin), await openPage(origin)];
    await start(a, taker.url);
    await start(b, taker.url);
    await say(a, "a1", "a2");
    await say(b, "b1", "b2");
    await say(a, "a3");
    // each knows of the other's
    for (const page of [a, b]) await page.waitForFunction(() => window.socket.outbox.size === 5);
    await taker.listen();
    expect(await repliesOf(a, 3)).toEqual(replies("a1", "a2", "a3"));
    expect(await repliesOf(b, 2)).toEqual(replies("b1", "b2"));
    expect(texts(taker)).toEqual(["a1", "a2", "b1", "b2", "a3"]);
    for (const page of [a, b]) await becomes(page, "empty");
    // connected, it goes on so
    await say(b, "b3");
    await say(a, "a4");
    expect(await repliesOf(a, 4)).toContain("reply to say a4");
    expect(await repliesOf(b, 3)).toContain("reply to say b3");
    expect(texts(taker).slice(5)).toEqual(["b3", "a4"]);
    expect(new Set(taker.effects.map(({ key }) => key)).size).toBe(1);
    expect(new Set(taker.effects.map(({ connection }) => connection)).size).toBe(1);
    for (const page of [a, b]) expect(await toldOf(page, 7)).toHaveLength(7);
    expect(taker.faults).toEqual([]);
  });

  test.each([
    ["is closed", (page: Page) => page.close()],
    ["crashes", (page: Page) => crash(page)],
    ["disconnects", (page: Page) => page.evaluate(() => void window.socket.disconnect())],
  ])("when the tab that sends %s, another goes on", async (_, end) => {
    const taker = await Taker.absent();
    taker.isAnswering = false;
    await taker.listen();
    const origin = await serveOrigin();
    const holder = await openPage(origin);
    await start(holder, taker.url);
    await say(holder, "h1");
    await becomes(holder, "sending");
    const other = await openPage(origin);
    await start(other, taker.url);
    await becomes(other, "elsewhere");
    await say(other, "o1", "o2");
    await say(holder, "h2");
    await taker.arrivals.take(4);
    const { connection } = taker.effects[0]!;
    await end(holder);
    // sent again by the other one
    const again = await taker.arrivals.take(4);
    expect(again.map(({ event }) => event[1])).toEqual(["h1", "o1", "o2", "h2"]);
    expect(again.every((entry) => entry.connection !== connection)).toBe(true);
    taker.answer();
    expect(await repliesOf(other, 2)).toEqual(replies("o1", "o2"));
    expect(await toldOf(other, 4)).toHaveLength(4);
    await becomes(other, "empty");
    expect(texts(taker)).toEqual(["h1", "o1", "o2", "h2"]);
    expect(taker.faults).toEqual([]);
  });

  test("what a crashed tab left is sent by the next one", async () => {
    const taker = await Taker.absent();
    taker.isAnswering = false;
    await taker.listen();
    const origin = await serveOrigin();
    const page = await openPage(origin);
    await start(page, taker.url);
    await say(page, "one", "two");
    await taker.arrivals.take(2);
    await crash(page);
    taker.isAnswering = true;
    const next = await openPage(origin);
    await start(next, taker.url);
    expect(await toldOf(next, 2)).toEqual(["say one: reply to say one", "say two: reply to say two"]);
    expect(texts(taker)).toEqual(["one", "two"]);
  });

  test("an event that another tab would send can be given up", async () => {
    const taker = await Taker.absent();
    const origin = await serveOrigin();
    const [a, b] = [await openPage(origin), await openPage(origin)];
    for (const page of [a, b]) await start(page, taker.url);
    await say(a, "a1", "a2");
    await b.waitForFunction(() => window.socket.outbox.size === 2);
    expect(await b.evaluate(() => window.socket.outbox.remove(1))).toBe(true);
    await a.waitForFunction(() => window.socket.outbox.size === 1);
    expect(await repliesOf(a, 1)).toEqual(["NOT_SENT"]);
    await taker.listen();
    expect(await repliesOf(a, 2)).toEqual(["NOT_SENT", "reply to say a2"]);
    expect(texts(taker)).toEqual(["a2"]);
  });

  test("users of one browser have outboxes and keys apart", async () => {
    const taker = await Taker.absent();
    const origin = await serveOrigin();
    const page = await openPage(origin);
    await start(page, taker.url, { user: "ann" });
    await say(page, "ann's");
    await page.evaluate(() => window.socket.outbox.use("bob"));
    expect(await repliesOf(page, 1)).toEqual(["USER_CHANGED"]);
    await say(page, "bob's");
    await taker.listen();
    expect(await repliesOf(page, 2)).toEqual(["USER_CHANGED", "reply to say bob's"]);
    expect(texts(taker)).toEqual(["bob's"]);
    await page.evaluate(() => window.socket.outbox.use("ann"));
    await toldOf(page, 2);
    expect(texts(taker)).toEqual(["bob's", "ann's"]);
    expect(taker.effects[0]!.key).not.toBe(taker.effects[1]!.key);
  });

  test("bytes and Blobs survive in storage", async () => {
    const taker = await Taker.absent();
    const page = await openPage(await serveOrigin());
    await start(page, taker.url);
    const kept = await page.evaluate(async () => {
      void window.socket.reliable.emit("file", new Uint8Array([1, 2]), new Blob(["abc"]));
      await new Promise<void>((resolve) => window.socket.outbox.once("added", () => resolve()));
      const { args } = (await window.socket.outbox.list())[0]!;
      return [[...(args[0] as Uint8Array)], await (args[1] as Blob).text()];
    });
    expect(kept).toEqual([[1, 2], "abc"]);
  });
});

/** Ends the page's process, as the system does with one that takes too much memory. */
async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = new Promise((resolve) => page.once("crash", resolve));
  session.send("Page.crash").catch(() => {});
  await crashed;
}
