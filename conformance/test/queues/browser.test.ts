import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Server } from "holdfast";
import type { io as Io } from "holdfast-client";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { listen } from "../../src/servers.ts";
import { Browser, chromiumPath } from "../client/browser.ts";

declare const window: { io: typeof Io };

const browser = new Browser();
const isBuilt = existsSync(
  fileURLToPath(new URL("../../../packages/server/dist/client/socket.io.work.min.js", import.meta.url)),
);

const pages: Record<string, string> = {
  "/script.html":
    '<script src="/socket.io/socket.io.min.js"></script><script src="/socket.io/socket.io.work.min.js"></script>',
  "/module.html":
    '<script type="module">import { io } from "/socket.io/socket.io.esm.min.js"; import "/socket.io/socket.io.work.esm.min.js"; window.io = io;</script>',
};

describe.skipIf(!chromiumPath || !isBuilt)("the files that a server gives out", () => {
  test.each(Object.keys(pages))("work, add and wait on %s", async (path) => {
    const http = createServer((request, response) => {
      const html = pages[request.url!];
      response.writeHead(html ? 200 : 404, { "Content-Type": "text/html" }).end(html);
    });
    const server = new Server(http, { store: "memory", queues: { authorize: () => true } });
    const queue = server.queue<number, number>("sums");
    const url = `http://localhost:${await listen(http)}`;
    cleanUpLater(() => server.close());
    const page = await browser.open(url + path);
    await page.waitForFunction(() => "io" in window);
    const handle = await queue.add(20);
    const done = await page.evaluate(async () => {
      const socket = window.io();
      const worker = socket.work<number, number>("sums", { prefetch: 2 }, async (job) => {
        job.progress(0.5);
        return job.data + 1;
      });
      const own = await socket.queue<number, number>("sums").add(30);
      const result = await own.done();
      await worker.close();
      return result;
    });
    expect([await handle.done(), done]).toEqual([21, 31]);
  });
});
