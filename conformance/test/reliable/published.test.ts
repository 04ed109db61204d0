import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { MemoryStore } from "@holdfast/core";
import { Server, type Socket } from "holdfast";
import type { io as Io } from "holdfast-client";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { listen } from "../../src/servers.ts";
import { Browser, chromiumPath } from "../client/browser.ts";

declare const window: { io: typeof Io };

const browser = new Browser();
const isBuilt = existsSync(
  fileURLToPath(new URL("../../../packages/server/dist/client/socket.io.reliable.min.js", import.meta.url)),
);

const pages: Record<string, string> = {
  "/script.html":
    '<script src="/socket.io/socket.io.min.js"></script><script src="/socket.io/socket.io.reliable.min.js"></script>',
  "/module.html":
    '<script type="module">import { io } from "/socket.io/socket.io.esm.min.js"; import "/socket.io/socket.io.reliable.esm.min.js"; window.io = io;</script>',
};

describe.skipIf(!chromiumPath || !isBuilt)("the files that a server gives out", () => {
  test.each(Object.keys(pages))("emit reliably on %s", async (path) => {
    const http = createServer((request, response) => {
      const html = pages[request.url!];
      response.writeHead(html ? 200 : 404, { "Content-Type": "text/html" }).end(html);
    });
    const server = new Server(http, { store: new MemoryStore() });
    server.on("connection", (socket: Socket) => socket.handle("say", (text: string) => `said ${text}`));
    const url = `http://localhost:${await listen(http)}`;
    cleanUpLater(() => server.close());
    const page = await browser.open(url + path);
    await page.waitForFunction(() => "io" in window);
    const said = await page.evaluate(async () => {
      const socket = window.io({ outbox: "indexeddb" });
      const reply = await socket.reliable.emit("say", "hello");
      return [reply, socket.outbox.state, await socket.outbox.list()];
    });
    expect(said).toEqual(["said hello", "empty", []]);
  });
});
