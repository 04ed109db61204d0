/**
 * Our client's bundles, as they are published, on pages in a real Chromium.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { browserOptions } from "../../../packages/client/build-options.mjs";
import { cleanUpLater } from "../../src/cleanup.ts";
import type { Pair, Running, ServerOptions } from "./support.ts";

const source = (file: string) =>
  fileURLToPath(new URL(`../../../packages/client/src/${file}`, import.meta.url));

async function bundle(entry: string, format: "esm" | "iife", ...extensions: string[]): Promise<string> {
  const { outputFiles } = await build({
    ...browserOptions,
    stdin: {
      contents: [
        ...extensions.map((extension) => `import "${source(extension)}";`),
        format === "esm"
          ? `export * from "${source(entry)}"; export { default } from "${source(entry)}";`
          : `import io from "${source(entry)}"; globalThis.io = io;`,
      ].join("\n"),
      resolveDir: source("."),
    },
    format,
    minify: true,
    write: false,
  });
  return outputFiles![0]!.text;
}

const documents: Record<string, () => Promise<string>> = {
  "/client.mjs": () => bundle("browser.ts", "esm"),
  "/reliable.mjs": () => bundle("browser.ts", "esm", "reliable/index.ts"),
  "/client.js": () => bundle("global.ts", "iife"),
  "/msgpack.js": () => bundle("msgpack.ts", "iife"),
  "/module.html": async () =>
    '<script type="module">import * as client from "/client.mjs"; window.io = client.default; window.client = client;</script>',
  "/reliable.html": async () =>
    '<script type="module">import * as client from "/reliable.mjs"; window.io = client.default;</script>',
  "/script.html": async () => '<script src="/client.js"></script>',
  "/msgpack.html": async () => '<script src="/msgpack.js"></script>',
  "/empty.html": async () => "nothing here",
  "/worker.mjs": async () => `import { io } from "/client.mjs"; ${worker}`,
  "/reliable-worker.mjs": async () => `import { io } from "/reliable.mjs"; ${worker}`,
  "/worker.js": async () => `importScripts("/client.js"); ${worker}`,
  "/service-worker.mjs": async () => `import { io } from "/client.mjs"; ${worker}`,
};

// in a worker: connects as it is told, and says what came back
const worker = `onmessage = ({ data: { url, options }, source }) => {
  const socket = io(url, options);
  socket.on("connect_error", (error) => (source ?? self).postMessage(error.message));
  if (options.outbox) socket.reliable.emit("say", "work").then((reply) => postMessage(reply));
  else socket.emit("echo", new Uint8Array([1, 2]), (answer) =>
    (source ?? self).postMessage([socket.connected, answer instanceof ArrayBuffer, socket.io.engine.transport.name]));
};`;

const built = new Map<string, Promise<string>>();

/** Serves the pages and scripts. */
export async function servePage({ url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = url.replace(/\?.*/, "");
  const make = documents[path];
  if (!make) {
    response.writeHead(404).end();
    return;
  }
  if (!built.has(path)) built.set(path, make());
  const type = /html$/.test(path) ? "text/html" : "text/javascript";
  response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(await built.get(path));
}

/** Where a Chromium is, or undefined: then the tests that need one are skipped. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** One Chromium for a file of tests. */
export class Browser {
  #context: BrowserContext | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-client-"));

  constructor() {
    beforeAll(async () => {
      if (!chromiumPath) return;
      this.#context = await chromium.launchPersistentContext(this.#folder, {
        executablePath: chromiumPath!,
        headless: true,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
        ignoreDefaultArgs: ["--disable-back-forward-cache"],
      });
    }, 60_000);
    afterAll(async () => {
      await this.#context?.close();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  get context(): BrowserContext {
    return this.#context!;
  }

  /** A page of its own, closed when the test ends. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    cleanUpLater(() => page.close());
    await page.goto(url);
    return page;
  }
}

/** A server for pages and sockets together, which echoes. */
export async function serveApp(pair: Pair, options: Partial<ServerOptions> = {}): Promise<Running> {
  const running = await pair.serve(
    options,
    createServer((request, response) => {
      if (!request.url?.startsWith("/socket.io")) void servePage(request, response);
    }),
  );
  running.io.on("connection", (socket) => socket.on("echo", (...args) => args.pop()(...args)));
  return running;
}
