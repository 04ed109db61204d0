/** What the tests of the chat share: a server on a free port, stock clients, and what one does on the page. */
import type { BrowserContextOptions, Page } from "playwright-core";
import { io, type Socket } from "socket.io-client";
import { atEnd } from "../../shared/test/at-end.ts";
import { browserForTests } from "../../shared/test/browser.ts";
import { type ChatOptions, startChat } from "../server.ts";

export type Chat = Awaited<ReturnType<typeof startChat>>;
/** An answer through an ack; the fields depend on the request. */
export type Answer = { ok: boolean; code?: string; message?: unknown; [field: string]: unknown };

/** Starts a chat that ends with the test. */
export async function chatFor(options: ChatOptions = {}): Promise<Chat> {
  const chat = await startChat({ port: 0, awayMs: 50, store: "memory", ...options });
  atEnd(() => chat.close());
  return chat;
}

/** A stock socket.io-client that has been welcomed. */
export async function stockClient(
  chat: Pick<Chat, "url">,
  name: string,
  auth: object = {},
): Promise<StockClient> {
  const socket = io(chat.url, { auth: { name, ...auth }, forceNew: true, reconnection: false });
  atEnd(() => socket.disconnect());
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

/** Gives each test pages of people who share nothing: no storage, no cookies. */
export function pagesForTests() {
  const { open } = browserForTests();
  /** @param path "#/" and a room's name, to begin there */
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
  return { open, enter };
}

/** Writes a message and sends it with Enter. */
export async function write(page: Page, text: string): Promise<void> {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

/** The room that is shown. */
export const shown = ".scroller:not([hidden])";

/** The texts of the confirmed messages in it. */
export const messages = (page: Page): Promise<string[]> =>
  page.locator(`${shown} [role=log] .text`).allTextContents();

/** Waits until it has a confirmed message with this text. */
export async function sees(page: Page, text: string): Promise<void> {
  await page.locator(`${shown} [role=log] .text`, { hasText: text }).first().waitFor();
}

/** The messages in it that are not confirmed. */
export const pending = (page: Page) => page.locator(`${shown} .pending .message`);

/** Waits until the room of that name is shown. */
export const title = (page: Page, name: string) => page.locator("#room-title", { hasText: name }).waitFor();
