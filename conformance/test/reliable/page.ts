import { createServer } from "node:http";
import type { io as Io } from "holdfast-client";
import type { Page } from "playwright-core";
import { cleanUpLater } from "../../src/cleanup.ts";
import { listen } from "../../src/servers.ts";
import { type Browser, servePage } from "../client/browser.ts";

/** What the pages have as globals. */
declare const window: {
  io: typeof Io;
  socket: ReturnType<typeof Io>;
  /** What the outbox told. */
  told: string[];
  /** What became of the emits of this page. */
  replies: unknown[];
};

/** Serves pages from an origin of their own: no other test shares its outboxes. */
export async function serveOrigin(): Promise<string> {
  const http = createServer((request, response) => void servePage(request, response));
  const port = await listen(http);
  cleanUpLater(() => http.close());
  return `http://localhost:${port}`;
}

/** Opens a page, or opens it anew, and makes its socket, which goes on trying to connect. */
export class ReliablePage {
  readonly page: Page;
  readonly #url: string;
  readonly #options: object;

  private constructor(page: Page, url: string, options: object) {
    this.page = page;
    this.#url = url;
    this.#options = options;
  }

  static async open(
    browser: Browser,
    origin: string,
    url: string,
    options: object = {},
  ): Promise<ReliablePage> {
    const page = new ReliablePage(await browser.open(`${origin}/reliable.html`), url, options);
    await page.#start();
    return page;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.page.waitForFunction(() => "io" in window);
    await this.page.evaluate(
      ([url, options]) => {
        const socket = window.io(url as string, {
          transports: ["websocket"],
          reconnectionDelay: 20,
          reconnectionDelayMax: 40,
          outbox: "indexeddb",
          ...(options as object),
        });
        Object.assign(window, { socket, told: [], replies: [] });
        socket.outbox.on("settled", ({ event, args, reply, error }) =>
          window.told.push(`${event} ${args.join(" ")}: ${error?.code ?? reply}`),
        );
        socket.outbox.on("error", ({ code }) => window.told.push(code));
      },
      [this.#url, this.#options] as const,
    );
  }

  /** Emits, and resolves once everything is stored. */
  say(...texts: string[]): Promise<void> {
    return this.page.evaluate(async (texts) => {
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
  }

  /** The replies to this page's emits, once there are as many. */
  async replies(count: number): Promise<unknown[]> {
    await this.page.waitForFunction((count) => window.replies.length >= count, count);
    return this.page.evaluate(() => window.replies);
  }

  /** What the outbox told, once there is as much. */
  async told(count: number): Promise<string[]> {
    await this.page.waitForFunction((count) => window.told.length >= count, count);
    return this.page.evaluate(() => window.told);
  }

  async becomes(state: string): Promise<void> {
    await this.page.waitForFunction((state) => window.socket.outbox.state === state, state);
  }

  async holds(size: number): Promise<void> {
    await this.page.waitForFunction((size) => window.socket.outbox.size === size, size);
  }

  list(): Promise<{ args: unknown[] }[]> {
    return this.page.evaluate(() => window.socket.outbox.list());
  }

  remove(id: number): Promise<boolean> {
    return this.page.evaluate((id) => window.socket.outbox.remove(id), id);
  }

  use(user: string): Promise<void> {
    return this.page.evaluate((user) => window.socket.outbox.use(user), user);
  }

  async disconnect(): Promise<void> {
    await this.page.evaluate(() => void window.socket.disconnect());
  }

  /** Ends the page's process, as the system does with one that takes too much memory. */
  async crash(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const crashed = new Promise((resolve) => this.page.once("crash", resolve));
    session.send("Page.crash").catch(() => {});
    await crashed;
  }
}
