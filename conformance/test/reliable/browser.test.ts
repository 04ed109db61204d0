import { describe, expect, test } from "vitest";
import { Browser, chromiumPath } from "../client/browser.ts";
import { ReliablePage, serveOrigin } from "./page.ts";
import { Taker } from "./taker.ts";

const browser = new Browser();
const texts = (taker: Taker) => taker.effects.map(({ event }) => event[1]);
const replies = (...texts: string[]) => texts.map((text) => `reply to say ${text}`);
const settled = (...texts: string[]) => texts.map((text) => `say ${text}: reply to say ${text}`);

describe.skipIf(!chromiumPath)("reliable emits in a browser", () => {
  test("three messages that were written offline survive a reload, and each takes effect once", async () => {
    const taker = await Taker.absent();
    const page = await ReliablePage.open(browser, await serveOrigin(), taker.url);
    await page.say("one", "two", "three");
    await page.becomes("waiting");
    await page.reload();
    await page.holds(3);
    expect((await page.list()).map(({ args }) => args)).toEqual([["one"], ["two"], ["three"]]);
    await taker.listen();
    expect(await page.told(3)).toEqual(settled("one", "two", "three"));
    expect(texts(taker)).toEqual(["one", "two", "three"]);
    await page.becomes("empty");
    // and nothing is left for another page
    await page.reload();
    expect(await page.list()).toEqual([]);
    expect(taker.faults).toEqual([]);
  });

  test("two tabs share an outbox: one sends for both, each effect is one, and each tab gets its replies", async () => {
    const taker = await Taker.absent();
    const origin = await serveOrigin();
    const a = await ReliablePage.open(browser, origin, taker.url);
    const b = await ReliablePage.open(browser, origin, taker.url);
    await a.say("a1", "a2");
    await b.say("b1", "b2");
    await a.say("a3");
    // each knows of the other's
    for (const page of [a, b]) await page.holds(5);
    await taker.listen();
    expect(await a.replies(3)).toEqual(replies("a1", "a2", "a3"));
    expect(await b.replies(2)).toEqual(replies("b1", "b2"));
    expect(texts(taker)).toEqual(["a1", "a2", "b1", "b2", "a3"]);
    for (const page of [a, b]) await page.becomes("empty");
    // connected, it goes on so
    await b.say("b3");
    await a.say("a4");
    expect(await a.replies(4)).toContain("reply to say a4");
    expect(await b.replies(3)).toContain("reply to say b3");
    expect(texts(taker).slice(5)).toEqual(["b3", "a4"]);
    expect(new Set(taker.effects.map(({ key }) => key)).size).toBe(1);
    expect(new Set(taker.effects.map(({ connection }) => connection)).size).toBe(1);
    for (const page of [a, b]) expect(await page.told(7)).toHaveLength(7);
    expect(taker.faults).toEqual([]);
  });

  test.each([
    ["is closed", (tab: ReliablePage) => tab.page.close()],
    ["crashes", (tab: ReliablePage) => tab.crash()],
    ["disconnects", (tab: ReliablePage) => tab.disconnect()],
  ])("when the tab that sends %s, another goes on", async (_, end) => {
    const taker = await Taker.absent();
    taker.isAnswering = false;
    await taker.listen();
    const origin = await serveOrigin();
    const holder = await ReliablePage.open(browser, origin, taker.url);
    await holder.say("h1");
    await holder.becomes("sending");
    const other = await ReliablePage.open(browser, origin, taker.url);
    await other.becomes("elsewhere");
    await other.say("o1", "o2");
    await holder.say("h2");
    await taker.arrivals.take(4);
    const { connection } = taker.effects[0]!;
    await end(holder);
    // sent again by the other one
    const again = await taker.arrivals.take(4);
    expect(again.map(({ event }) => event[1])).toEqual(["h1", "o1", "o2", "h2"]);
    expect(again.every((entry) => entry.connection !== connection)).toBe(true);
    taker.answer();
    expect(await other.replies(2)).toEqual(replies("o1", "o2"));
    expect(await other.told(4)).toHaveLength(4);
    await other.becomes("empty");
    expect(texts(taker)).toEqual(["h1", "o1", "o2", "h2"]);
    expect(taker.faults).toEqual([]);
  });

  test("what a crashed tab left is sent by the next one", async () => {
    const taker = await Taker.absent();
    taker.isAnswering = false;
    await taker.listen();
    const origin = await serveOrigin();
    const page = await ReliablePage.open(browser, origin, taker.url);
    await page.say("one", "two");
    await taker.arrivals.take(2);
    await page.crash();
    taker.isAnswering = true;
    const next = await ReliablePage.open(browser, origin, taker.url);
    expect(await next.told(2)).toEqual(settled("one", "two"));
    expect(texts(taker)).toEqual(["one", "two"]);
  });

  test("an event that another tab wrote can be removed, as long as nobody sent it", async () => {
    const taker = await Taker.absent();
    const origin = await serveOrigin();
    const a = await ReliablePage.open(browser, origin, taker.url);
    const b = await ReliablePage.open(browser, origin, taker.url);
    await a.say("a1", "a2");
    await b.holds(2);
    expect(await b.remove(1)).toBe(true);
    await a.holds(1);
    expect(await a.replies(1)).toEqual(["NOT_SENT"]);
    await taker.listen();
    expect(await a.replies(2)).toEqual(["NOT_SENT", "reply to say a2"]);
    expect(texts(taker)).toEqual(["a2"]);
  });

  test("users of one browser have outboxes and keys apart", async () => {
    const taker = await Taker.absent();
    const page = await ReliablePage.open(browser, await serveOrigin(), taker.url, { user: "ann" });
    await page.say("ann's");
    await page.use("bob");
    expect(await page.replies(1)).toEqual(["USER_CHANGED"]);
    await page.say("bob's");
    await taker.listen();
    expect(await page.replies(2)).toEqual(["USER_CHANGED", "reply to say bob's"]);
    expect(texts(taker)).toEqual(["bob's"]);
    await page.use("ann");
    await page.told(2);
    expect(texts(taker)).toEqual(["bob's", "ann's"]);
    expect(taker.effects[0]!.key).not.toBe(taker.effects[1]!.key);
  });

  test("a worker and a page share an outbox", async () => {
    const taker = await Taker.absent();
    const page = await ReliablePage.open(browser, await serveOrigin(), taker.url);
    await page.say("page");
    const reply = page.page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const worker = new Worker("/reliable-worker.mjs", { type: "module" });
          worker.onmessage = ({ data }) => data !== "websocket error" && resolve(data);
          worker.postMessage({ url, options: { transports: ["websocket"], outbox: "indexeddb" } });
        }),
      taker.url,
    );
    await page.holds(2);
    await taker.listen();
    expect(await reply).toBe("reply to say work");
    expect(await page.told(2)).toEqual(settled("page", "work"));
    expect(new Set(taker.effects.map(({ connection }) => connection)).size).toBe(1);
  });

  test("bytes and Blobs survive in storage", async () => {
    const taker = await Taker.absent();
    const { page } = await ReliablePage.open(browser, await serveOrigin(), taker.url);
    const kept = await page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: the page's own
      const { socket } = window as any;
      void socket.reliable.emit("file", new Uint8Array([1, 2]), new Blob(["abc"]));
      await new Promise<void>((resolve) => socket.outbox.once("added", resolve));
      const [{ args }] = await socket.outbox.list();
      return [[...args[0]], await args[1].text()];
    });
    expect(kept).toEqual([[1, 2], "abc"]);
  });
});
