/** Resume on pages in a real Chromium, with the bundles as they are published: core and chunk are files of their own. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket as ServerSocket } from "holdfast";
import type { io as connect } from "holdfast-client";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { buildIfStale } from "../../../scripts/build.mjs";
import { cleanUpLater } from "../../src/cleanup.ts";
import { Browser, chromiumPath } from "./browser.ts";

const ROOM = "chat:1";
const BUILD_TIMEOUT_MS = 300_000;

/** What the pages have as globals. */
interface Globals {
  io: typeof connect;
  socket: ReturnType<typeof connect>;
  heard: number[];
  told: string[];
}
declare const window: Globals;

const start = `
  window.heard = [];
  window.told = [];
  window.socket = io({ resume: true, transports: ["websocket"], reconnectionDelay: 20 });
  socket.on("chat", (n) => heard.push(n));
  socket.on("welcome", (resumed) => told.push("welcome " + resumed));
  socket.on("disconnect", () => told.push("disconnect"));
  socket.recovery.on("error", (error) => told.push("error " + error.code + " " + error));
`;
const pages: Record<string, string> = {
  "/script.html": `<script src="/socket.io/socket.io.min.js"></script><script>${start}</script>`,
  "/module.html": `<script type="module">import { io } from "/socket.io/socket.io.esm.min.js"; ${start}</script>`,
  "/all.html": `<script src="/socket.io/socket.io.js"></script><script>${start}</script>`,
  "/late.html": `<script src="/socket.io/socket.io.min.js"></script><script>
    window.heard = [];
    window.told = [];
    window.socket = io({ resume: true, transports: ["websocket"] });
    socket.on("connect", async () => {
      await new Promise((resolve) => socket.recovery.once("replayed", resolve));
      await fetch("/nothing.html");
      socket.on("chat", (n) => heard.push(n));
    });
  </script>`,
};

async function serve() {
  const asked: string[] = [];
  const http = createServer(({ url = "" }, response) => {
    if (url.startsWith("/socket.io/?")) return;
    response.writeHead(pages[url] ? 200 : 404, { "Content-Type": "text/html" }).end(pages[url]);
  });
  const server = new Server(http, { store: "memory", rooms: { "chat:*": { keep: true } } });
  http.on("request", ({ url = "" }) => asked.push(url));
  server.on("connection", (socket: ServerSocket) => {
    void socket.join(ROOM, { since: "last" }).then(({ resumed }) => socket.emit("welcome", resumed));
  });
  await new Promise<void>((resolve) => http.listen(0, resolve));
  cleanUpLater(() => void server.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { server, url, asked };
}

async function say(server: Server, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await server.to(ROOM).publish("chat", n);
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const tells = (page: Page, line: string) =>
  page.waitForFunction((line) => window.told?.includes(line), line, { polling: 20 });
const hears = (page: Page, n: number) =>
  page.waitForFunction((n) => window.heard?.at(-1) === n, n, { polling: 20 });
const heard = (page: Page) => page.evaluate(() => window.heard);

const browser = new Browser();

describe.skipIf(!chromiumPath)("resume in Chromium", () => {
  beforeAll(buildIfStale, BUILD_TIMEOUT_MS);

  test.each(["script", "module", "all"])("a page with the %s build goes on after a reload", async (name) => {
    const { server, url, asked } = await serve();
    const page = await browser.open(`${url}/${name}.html`);
    await tells(page, "welcome false");
    expect(asked.includes("/socket.io/socket.io.resume.min.js")).toBe(name !== "all");
    for (let round = 0; round < 3; round++) {
      await say(server, round * 20, round * 20 + 10);
      await hears(page, round * 20 + 9);
      await page.goto("about:blank");
      await say(server, round * 20 + 10, round * 20 + 20);
      await page.goto(`${url}/${name}.html`);
      await tells(page, "welcome true");
      await hears(page, round * 20 + 19);
      expect(await heard(page)).toEqual(numbers(round * 20 + 10, round * 20 + 20));
    }
    expect(await page.evaluate(() => window.told.filter((line) => line.startsWith("error")))).toEqual([]);
  });

  test("what comes right before a reload is handled or comes again", async () => {
    const { server, url } = await serve();
    const page = await browser.open(`${url}/script.html`);
    await tells(page, "welcome false");
    const all: number[] = [];
    let said = 0;
    let isOver = false;
    const talking = (async () => {
      // however long a reload takes, something comes right before and right after it
      while (!isOver) {
        await say(server, said, said + 5);
        said += 5;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    for (let round = 0; round < 3; round++) {
      await page.waitForFunction(() => window.heard.length > 50, undefined, { polling: 10 });
      // in one turn of the page: what it has heard, and the end of it
      all.push(
        ...(await page.evaluate(() => {
          const { heard } = window;
          globalThis.dispatchEvent(new Event("pagehide"));
          window.socket.off("chat");
          return heard;
        })),
      );
      await page.reload();
    }
    isOver = true;
    await talking;
    await hears(page, said - 1);
    all.push(...(await heard(page)));
    expect([...new Set(all)].sort((a, b) => a - b)).toEqual(numbers(0, said));
  });

  test("two tabs, of which one is a copy, each get everything once", async () => {
    const { server, url } = await serve();
    const page = await browser.open(`${url}/script.html`);
    await tells(page, "welcome false");
    await say(server, 0, 10);
    await hears(page, 9);
    const [copy] = await Promise.all([
      browser.context.waitForEvent("page"),
      // a page that is opened by another gets a copy of its sessionStorage
      page.evaluate(async () => {
        globalThis.dispatchEvent(new Event("pagehide"));
        await null;
        await null;
        globalThis.open("/script.html");
      }),
    ]);
    cleanUpLater(() => copy.close());
    await tells(copy, "welcome true");
    await say(server, 10, 20);
    await Promise.all([hears(page, 19), hears(copy, 19)]);
    expect(await heard(page)).toEqual(numbers(0, 20));
    expect(await heard(copy)).toEqual(numbers(10, 20));
    await copy.goto("about:blank");
    await say(server, 20, 30);
    await hears(page, 29);
    await copy.goto(`${url}/script.html`);
    await hears(copy, 29);
    expect(await heard(copy)).toEqual(numbers(20, 30));
    await page.reload();
    await tells(page, "welcome true");
    expect(await heard(page)).toEqual([]);
  });

  test("a page in the background and one that is offline miss nothing", async () => {
    const { server, url } = await serve();
    const page = await browser.open(`${url}/script.html`);
    await tells(page, "welcome false");
    const front = await browser.open("about:blank");
    await front.bringToFront();
    await say(server, 0, 100);
    await hears(page, 99);
    await browser.context.setOffline(true);
    await tells(page, "disconnect");
    await say(server, 100, 200);
    await browser.context.setOffline(false);
    await hears(page, 199);
    expect(await heard(page)).toEqual(numbers(0, 200));
  });

  test("a handler behind an await misses nothing", async () => {
    const { server, url } = await serve();
    const page = await browser.open(`${url}/script.html`);
    await tells(page, "welcome false");
    await say(server, 0, 1);
    await hears(page, 0);
    await page.goto("about:blank");
    await say(server, 1, 300);
    await page.goto(`${url}/late.html`);
    await hears(page, 299);
    expect(await heard(page)).toEqual(numbers(1, 300));
  });

  test("a page that may store nothing is told, and connected", async () => {
    const { url } = await serve();
    const page = await browser.context.newPage();
    cleanUpLater(() => page.close());
    await page.addInitScript(() => {
      Object.defineProperty(globalThis, "sessionStorage", {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    });
    await page.goto(`${url}/script.html`);
    await tells(page, "welcome false");
    await tells(page, "error STORAGE_FAILED Error: SecurityError: denied");
  });

  test("a page whose chunk is missing connects without", async () => {
    const { url } = await serve();
    const page = await browser.context.newPage();
    cleanUpLater(() => page.close());
    await page.route("**/socket.io.resume.min.js", (route) => route.abort());
    await page.goto(`${url}/script.html`);
    await tells(page, "welcome false");
    expect(await page.evaluate(() => window.told[0])).toMatch(/^error undefined TypeError/);
  });
});
