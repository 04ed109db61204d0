import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { nextEvent, until } from "../../src/events.ts";
import { Browser, chromiumPath, serveApp } from "./browser.ts";
import { describeOurs } from "./support.ts";

/** What the pages have as globals. */
interface Globals {
  io: typeof import("socket.io-client").io;
  client: typeof import("socket.io-client");
  socket: ReturnType<typeof import("socket.io-client").io>;
  told: string[];
}
declare const window: Globals;

const browser = new Browser();

/** Connects on the page, tells of what happens, and waits until connected. */
async function connect(page: Page, url: string, options: object = {}): Promise<void> {
  await page.evaluate(
    ([url, options]) =>
      new Promise<void>((resolve, reject) => {
        const socket = window.io(url as string, { reconnectionDelay: 20, ...(options as object) });
        window.socket = socket;
        window.told = [];
        socket.on("connect", () => window.told.push("connect"));
        socket.on("disconnect", (reason, details) =>
          window.told.push(
            `disconnect ${reason} ${(details as { description?: string })?.description ?? ""}`.trim(),
          ),
        );
        socket.once("connect", () => resolve());
        socket.once("connect_error", reject);
      }),
    [url, options] as const,
  );
}

const hears = (page: Page, line: string, times = 1) =>
  page.waitForFunction(
    ([line, times]) =>
      window.told.filter((told) => told.startsWith(line as string)).length >= (times as number),
    [line, times] as const,
  );

describe.skipIf(!chromiumPath)("in a browser", () => {
  describeOurs("our client in Chromium", (pair) => {
    describe.each(["module.html", "script.html", "msgpack.html"])("on a page with %s", (file) => {
      test("connects to its own server without a URL, upgrades and exchanges everything", async () => {
        const parser = file === "msgpack.html" ? { parser: await import("socket.io-msgpack-parser") } : {};
        const running = await serveApp(pair, parser);
        const page = await browser.open(`${running.url}/${file}`);
        const answer = await page.evaluate(async () => {
          const socket = window.io();
          const upgraded = new Promise<void>((resolve) => socket.io.engine.once("upgrade", () => resolve()));
          const text = await socket.emitWithAck("echo", { text: "€👍", n: [1, null] });
          const overPolling = (await socket.emitWithAck(
            "echo",
            new Uint8Array([1, 2]).buffer,
          )) as ArrayBuffer;
          await upgraded;
          const overWebSocket = (await socket.emitWithAck("echo", new Uint8Array([3]).buffer)) as ArrayBuffer;
          const bytes = (data: ArrayBuffer) => [...new Uint8Array(data)];
          return [
            text,
            bytes(overPolling),
            bytes(overWebSocket),
            socket.io.engine.transport.name,
            socket.connected,
          ];
        });
        expect(answer).toEqual([{ text: "€👍", n: [1, null] }, [1, 2], [3], "websocket", true]);
      });
    });

    test("a namespace relative to the page", async () => {
      const running = await serveApp(pair);
      const arrival = nextEvent(running.io.of("/чат"), "connection");
      const page = await browser.open(`${running.url}/module.html`);
      await connect(page, "/чат");
      await arrival;
    });

    test.each([["polling"], ["websocket"]])("Blobs and Files go out over %s, in order", async (transport) => {
      const running = await serveApp(pair);
      const heard: unknown[] = [];
      running.io.on("connection", (socket) => socket.onAny((...args) => heard.push(args.slice(0, 2))));
      const page = await browser.open(`${running.url}/module.html`);
      await connect(page, running.url, { transports: [transport] });
      await page.evaluate(async () => {
        const { socket } = window;
        socket.emit("before", 1);
        socket.emit("blob", new Blob(["abc"]));
        socket.emit("file", { file: new File(["def"], "name.txt") });
        socket.emit("view", new Uint8Array([0, 7, 8, 0]).subarray(1, 3));
        await socket.emitWithAck("echo", "end");
      });
      expect(heard).toEqual([
        ["before", 1],
        ["blob", Buffer.from("abc")],
        ["file", { file: Buffer.from("def") }],
        ["view", Buffer.from([7, 8])],
        ["echo", "end"],
      ]);
    });

    test.each(["polling", "websocket"])("bytes come as Blobs over %s when asked for", async (transport) => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/module.html`);
      const text = await page.evaluate(
        async ([url, transport]) => {
          const socket = window.io(url!, { transports: [transport!] });
          socket.io.engine.binaryType = "blob";
          return ((await socket.emitWithAck("echo", new Uint8Array([97, 98]))) as Blob).text();
        },
        [running.url, transport],
      );
      expect(text).toBe("ab");
    });

    test.each(["Fetch", "XHR"] as const)("the exported %s polls", async (name) => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/module.html`);
      const answer = await page.evaluate(
        async ([url, name]) => {
          const transports = [window.client[name as "Fetch"], window.client.WebSocket];
          const socket = window.io(url!, { transports });
          const upgraded = new Promise<void>((resolve) => socket.io.engine.once("upgrade", () => resolve()));
          const echo = await socket.emitWithAck("echo", "x");
          await upgraded;
          return echo;
        },
        [running.url, name],
      );
      expect(answer).toBe("x");
    });

    test.each([
      ["worker.mjs", "module", ["polling"]],
      ["worker.mjs", "module", ["websocket"]],
      ["worker.js", "classic", ["polling"]],
    ] as const)("in a worker: %s (%s) over %s", async (file, type, transports) => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/empty.html`);
      const answer = await page.evaluate(
        ([file, type, url, transports]) =>
          new Promise((resolve) => {
            const worker = new Worker(`/${file}`, { type: type as WorkerType });
            worker.onmessage = ({ data }) => resolve(data);
            worker.postMessage({ url, options: { transports } });
          }),
        [file, type, running.url, transports] as const,
      );
      expect(answer).toEqual([true, true, transports[0]]);
    });

    test.each(["polling", "websocket"])("in a service worker, over %s", async (transport) => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/empty.html`);
      const answer = await page.evaluate(
        async ([url, transport]) => {
          await navigator.serviceWorker.register("/service-worker.mjs", { type: "module" });
          const { active } = await navigator.serviceWorker.ready;
          return new Promise((resolve) => {
            navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
            navigator.serviceWorker.startMessages();
            active!.postMessage({ url, options: { transports: [transport], forceNew: true } });
          });
        },
        [running.url, transport],
      );
      expect(answer).toEqual([true, true, transport]);
    });

    test("cookies cross origins only with withCredentials", async () => {
      const cors = { origin: true, credentials: true };
      const running = await serveApp(pair, { cors, cookie: true });
      const other = await serveApp(pair);
      // the same site, since ports do not count, and so cookies go along where credentials do
      const page = await browser.open(`${other.url}/module.html`);
      const cookies: (string | undefined)[] = [];
      running.http.on("request", ({ headers, method }) => {
        if (method === "POST") cookies.push(headers.cookie);
      });
      await connect(page, running.url, { transports: ["polling"], forceNew: true });
      expect(cookies.every((cookie) => cookie === undefined)).toBe(true);
      cookies.length = 0;
      await connect(page, running.url, { transports: ["polling"], forceNew: true, withCredentials: true });
      expect(cookies.at(-1)).toMatch(/io=/);
    });

    test("a page that is offline knows at once, and is back when the network is", async () => {
      const running = await serveApp(pair);
      const url = `http://127.0.0.1:${running.port}`;
      const page = await browser.open(`${url}/module.html`);
      await connect(page, url, { transports: ["websocket"] });
      await browser.context.setOffline(true);
      await hears(page, "disconnect transport close network connection lost");
      await browser.context.setOffline(false);
      await hears(page, "connect", 2);
    });

    test("a page that wakes up past its deadline closes at once and reconnects", async () => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/module.html`);
      await connect(page, running.url, { transports: ["websocket"] });
      await page.evaluate(() => {
        // timers stand still while a machine sleeps; the clock does not
        const { now } = Date;
        Date.now = () => now() + 60_000;
        document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      });
      await hears(page, "disconnect ping timeout");
      await hears(page, "connect", 2);
    });

    test("an event sent past the deadline is kept for the next connection", async () => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/module.html`);
      await connect(page, running.url, { transports: ["websocket"] });
      const [answer, reasons] = await page.evaluate(async () => {
        const { now } = Date;
        Date.now = () => now() + 60_000;
        return [await window.socket.emitWithAck("echo", "late"), window.told] as const;
      });
      expect(answer).toBe("late");
      expect(reasons).toEqual(["connect", "disconnect ping timeout", "connect"]);
    });

    test.each(["polling", "websocket"])(
      "a tab that stood still for too long comes back, over %s",
      async (transport) => {
        const running = await serveApp(pair, { pingInterval: 200, pingTimeout: 200 });
        const page = await browser.open(`${running.url}/module.html`);
        await connect(page, running.url, { transports: [transport] });
        const session = await browser.context.newCDPSession(page);
        const lost = nextEvent<[string]>([...running.io.sockets.sockets.values()][0]!, "disconnect");
        await session.send("Debugger.enable");
        await session.send("Debugger.pause");
        expect((await lost)[0]).toBe("ping timeout");
        await session.send("Debugger.resume");
        await hears(page, "disconnect");
        await hears(page, "connect", 2);
      },
    );

    test.each(["polling", "websocket"])(
      "a page from the back-forward cache reconnects, over %s",
      async (transport) => {
        const running = await serveApp(pair, { pingInterval: 200, pingTimeout: 200 });
        const page = await browser.open(`${running.url}/module.html`);
        await connect(page, running.url, { transports: [transport] });
        await page.goto(`${running.url}/empty.html`);
        await until(() => running.io.sockets.sockets.size === 0, "the server to miss the page");
        const back = nextEvent(running.io, "connection");
        await page.goBack({ waitUntil: "commit" });
        await back;
        await hears(page, "connect", 2);
        // the page was not loaded anew: it remembers
        expect((await page.evaluate(() => window.told))[1]).toMatch(/^disconnect/);
      },
    );

    test("closeOnBeforeunload closes without a word", async () => {
      const running = await serveApp(pair);
      const page = await browser.open(`${running.url}/module.html`);
      await connect(page, running.url, { transports: ["websocket"], closeOnBeforeunload: true });
      const gone = nextEvent<[string]>([...running.io.sockets.sockets.values()][0]!, "disconnect");
      expect(
        await page.evaluate(() => {
          dispatchEvent(new Event("beforeunload"));
          return [window.told, window.socket.connected];
        }),
      ).toEqual([["connect"], true]);
      expect((await gone)[0]).toBe("transport close");
    });
  });
});
