/** What the tests of the chat share: a server on a free port, stock clients, and pages in a real Chromium. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { io, type Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type ChatOptions, startChat } from "../server.ts";

export type Chat = Awaited<ReturnType<typeof startChat>>;
/** An answer through an ack; the fields depend on the request. */
export type Answer = { ok: boolean; code?: string; message?: unknown; [field: string]: unknown };

const closers: (() => unknown)[] = [];

/** Starts a chat that ends with the test. */
export async function chatFor(options: ChatOptions = {}): Promise<Chat> {
  const chat = await startChat({ port: 0, awayMs: 50, store: "memory", ...options });
  closers.push(() => chat.close());
  return chat;
}

/** Runs at the end of the test, in reverse order. */
export const atEnd = (close: () => unknown): number => closers.push(close);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A stock socket.io-client that has been welcomed. */
export async function stockClient(
  chat: Pick<Chat, "url">,
  name: string,
  auth: object = {},
): Promise<StockClient> {
  const socket = io(chat.url, { auth: { name, ...auth }, forceNew: true, reconnection: false });
  closers.push(() => socket.disconnect());
  const client = new StockClient(socket);
  const welcome = client.next("welcome");
  await Promise.race([
    welcome,
    new Promise((_, reject) => {
      socket.once("connect_error", reject);
    }),
  ]);
  return client;
}

export class StockClient {
  constructor(readonly socket: Socket) {}

  async ask(event: string, ...details: unknown[]): Promise<Answer> {
    const answer = await this.socket.timeout(5000).emitWithAck(event, ...details);
    return { ok: !answer.error, ...answer, ...answer.error };
  }

  /** Joins a room; the answer, and the messages and the gap that came before it. */
  async join(room: string, since: unknown = null): Promise<Answer> {
    const messages: unknown[] = [];
    let gap = false;
    const onMessage = (message: unknown) => messages.push(message);
    const onGap = () => {
      gap = true;
    };
    this.socket.on("message", onMessage).on("gap", onGap);
    const answer = await this.ask("join", room, since);
    this.socket.off("message", onMessage).off("gap", onGap);
    return { ...answer, messages, gap };
  }

  /** The arguments of the next such event; register before what causes it. */
  next(event: string): Promise<unknown[]> {
    return new Promise((resolve) => {
      this.socket.once(event, (...details) => resolve(details));
    });
  }

  say(room: string, text: string, id: string = crypto.randomUUID()): Promise<Answer> {
    return this.ask("say", { room, id, text });
  }
}

/** Where a Chromium is, or undefined: then the tests that need one are skipped. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

type OpenPage = (chat: Pick<Chat, "url">, options?: BrowserContextOptions, path?: string) => Promise<Page>;
type EnterPage = (
  chat: Pick<Chat, "url">,
  name: string,
  options?: BrowserContextOptions,
  path?: string,
) => Promise<Page>;

/** Gives each test pages of people who share nothing: no storage, no cookies. */
export function browserForTests(): { enter: EnterPage; open: OpenPage } {
  let browser: Browser;
  beforeAll(async () => {
    const quiet = [
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ];
    browser = await chromium.launch({
      ...(chromiumPath ? { executablePath: chromiumPath } : {}),
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet],
    });
  }, 60_000);
  afterAll(() => browser?.close());

  async function open(
    chat: Pick<Chat, "url">,
    options: BrowserContextOptions = {},
    path = "",
  ): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
    context.setDefaultTimeout(8000);
    const page = await context.newPage();
    // A script error or a breach of the Content-Security-Policy fails the test.
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (entry) => {
      if (/Content.Security.Policy|TrustedHTML/i.test(entry.text())) errors.push(entry.text());
    });
    closers.push(async () => {
      await context.close();
      if (errors.length > 0) throw new Error(`The page complained: ${errors.join("; ")}`);
    });
    await page.goto(chat.url + path);
    return page;
  }

  async function enter(
    chat: Pick<Chat, "url">,
    name: string,
    options: BrowserContextOptions = {},
    path = "",
  ): Promise<Page> {
    const page = await open(chat, options, path);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Enter" }).click();
    await page.locator("#chat").waitFor();
    return page;
  }
  return { enter, open };
}

/** Writes a message and sends it with Enter. */
export async function write(page: Page, text: string): Promise<void> {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

/** The texts of the confirmed messages in the room that is shown. */
export const messages = (page: Page): Promise<string[]> =>
  page.locator(".scroller:not([hidden]) [role=log] .text").allTextContents();

/** Waits until the room that is shown has a confirmed message with this text. */
export async function sees(page: Page, text: string): Promise<void> {
  await page.locator(".scroller:not([hidden]) [role=log] .text", { hasText: text }).first().waitFor();
}
