import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { atEnd, folderForTest } from "../../shared/test/at-end.ts";
import { chromiumPath } from "../../shared/test/browser.ts";
import {
  type Chat,
  chatFor,
  messages,
  pagesForTests,
  pending,
  sees,
  shown,
  stockClient,
  write,
} from "./chat-harness.ts";
import { chatProcess } from "./chat-process.ts";

const waits = (page: Page, count: number) => expect.poll(() => pending(page).count()).toBe(count);
const rows = (page: Page) =>
  page
    .locator(`${shown} [role=log] li:not(.notice, .day-line) :is(.text, span:only-child)`)
    .allTextContents();

/** Another tab of the same browser: what a tab keeps for itself is not there. */
async function tabBeside(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await tab.locator("#chat").waitFor();
  return tab;
}

/** A switch for the line between browsers and the chat. Pages can be loaded all the same. */
function lineTo(chat: Chat) {
  let isUp = true;
  const isPage = (headers: NodeJS.Dict<unknown>) => /Chrome/.test(`${headers["user-agent"]}`);
  chat.io.engine.use((request: { headers: object }, _: unknown, next: (error?: Error) => void) =>
    next(isUp || !isPage({ ...request.headers }) ? undefined : new Error("The line is down")),
  );
  return {
    down() {
      isUp = false;
      for (const socket of chat.io.sockets.sockets.values())
        if (isPage(socket.handshake.headers)) socket.conn.close();
    },
    up() {
      isUp = true;
    },
  };
}

describe.skipIf(!chromiumPath)("whoever was away", () => {
  const { enter } = pagesForTests();

  it("has what was written offline sent after a reload, each message once for everyone", async () => {
    const chat = await chatFor();
    const line = lineTo(chat);
    const ada = await enter(chat, "Ada");
    const bob = await stockClient(chat, "Bob");
    await bob.join("lobby");
    line.down();
    await ada.locator("#banner[data-state=offline]").waitFor();
    for (const text of ["one", "two", "three"]) await write(ada, text);
    await waits(ada, 3);
    await ada.getByText("Waiting for the connection").first().waitFor();

    await ada.reload();
    await ada.locator("#banner[data-state=offline]").waitFor();
    await waits(ada, 3);
    line.up();
    await sees(ada, "three");
    await waits(ada, 0);
    expect(await messages(ada)).toEqual(["one", "two", "three"]);
    const { messages: heard } = await bob.join("lobby");
    expect(heard).toMatchObject([{ text: "one" }, { text: "two" }, { text: "three" }]);
    await write(ada, "four");
    await sees(ada, "four");
    expect(await messages(ada)).toEqual(["one", "two", "three", "four"]);
  });

  it("sees in each tab what any of them has written, and it is sent once", async () => {
    const chat = await chatFor();
    const line = lineTo(chat);
    const first = await enter(chat, "Ada");
    const second = await tabBeside(first);
    const bob = await enter(chat, "Bob");
    line.down();
    for (const tab of [first, second]) await tab.locator("#banner[data-state=offline]").waitFor();
    await write(first, "one");
    await waits(second, 1);
    await write(second, "two");
    await waits(first, 2);
    await write(first, "three");
    await waits(second, 3);
    await first.close();
    await second.reload();
    line.up();
    for (const page of [second, bob]) {
      await sees(page, "three");
      await expect.poll(() => messages(page)).toEqual(["one", "two", "three"]);
    }
    await waits(second, 0);
  });

  it("finds the line where they left when the tab was killed, in every room, and has missed nothing", async () => {
    const chat = await chatFor({ limits: { burst: 1e6, page: 20 } });
    const bob = await stockClient(chat, "Bob");
    await bob.ask("create room", "tea");
    for (const room of ["lobby", "tea"]) await bob.join(room);
    const ada = await enter(chat, "Ada");
    await ada.getByRole("link", { name: "tea" }).click();
    await bob.say("tea", "read");
    await sees(ada, "read");
    await ada.getByRole("link", { name: "lobby" }).click();
    await bob.say("lobby", "read too");
    await sees(ada, "read too");
    await bob.say("tea", "came, but was not looked at");
    await ada.getByRole("link", { name: /tea.*1 unread/ }).waitFor();
    const keeper = await ada.context().newPage(); // the browser stays
    await ada.close({ runBeforeUnload: false });

    const missed = Array.from({ length: 70 }, (_, i) => `missed ${i}`);
    for (const text of missed) await bob.say("lobby", text);
    await bob.say("tea", "missed");
    await keeper.goto(chat.url);
    await sees(keeper, "missed 69");
    await keeper.locator(`${shown} .new-line`).waitFor();
    expect(await rows(keeper)).toEqual(["read too", "New", ...missed]);
    await expect.poll(() => keeper.locator(`${shown} .new-line`).isVisible()).toBe(true);
    await keeper.getByRole("link", { name: /tea.*2 unread/ }).click();
    await sees(keeper, "missed");
    expect(await rows(keeper)).toEqual(["read", "New", "came, but was not looked at", "missed"]);

    // now everything is read
    await keeper.reload();
    await sees(keeper, "missed");
    expect(await keeper.locator(".new-line").count()).toBe(0);
  });

  it("is told in the room that something is missing, if it is no longer kept", async () => {
    const chat = await chatFor();
    const line = lineTo(chat);
    const bob = await stockClient(chat, "Bob");
    await bob.join("lobby");
    const ada = await enter(chat, "Ada");
    await bob.say("lobby", "seen");
    await sees(ada, "seen");
    line.down();
    await ada.locator("#banner[data-state=offline]").waitFor();
    await bob.say("lobby", "lost");
    await chat.io.in("chat:lobby").forget();
    await bob.say("lobby", "kept");
    line.up();
    await sees(ada, "kept");
    const gap = "Some messages were not kept and are missing here";
    expect(await rows(ada)).toEqual(["seen", gap, "kept"]);
  });

  it("still knows after a reload what was refused, and can try again or let it be", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    await write(ada, "\u200b"); // nothing to read: the server refuses it
    await write(ada, "fine");
    await sees(ada, "fine");
    await ada.reload();
    await sees(ada, "fine");
    await ada.getByText("Not sent. A message needs something to read.").waitFor();
    await ada.getByRole("button", { name: "Discard" }).click();
    await ada.reload();
    await sees(ada, "fine");
    await waits(ada, 0);
  });

  it("does not send what somebody else wrote in the same browser", async () => {
    const chat = await chatFor();
    const line = lineTo(chat);
    const page = await enter(chat, "Ada");
    line.down();
    await page.locator("#banner[data-state=offline]").waitFor();
    await write(page, "Ada's");
    await waits(page, 1);
    await page.getByRole("button", { name: "Log out" }).click();
    line.up();
    const enterAs = async (name: string) => {
      await page.getByLabel("Your name").fill(name);
      await page.getByRole("button", { name: "Enter" }).click();
      await page.locator("#chat").waitFor();
    };
    await enterAs("Bob");
    await write(page, "Bob's");
    await sees(page, "Bob's");
    expect([await messages(page), await pending(page).count()]).toEqual([["Bob's"], 0]);
    await page.getByRole("button", { name: "Log out" }).click();
    await enterAs("Ada");
    await sees(page, "Ada's");
    expect(await messages(page)).toEqual(["Bob's", "Ada's"]);
  });

  it("loses and doubles nothing while the server is killed again and again", async () => {
    const folder = folderForTest();
    let chat = await chatProcess(0, folder);
    const port = Number(new URL(chat.url).port);
    atEnd(() => chat.kill());
    const pages = [await enter(chat, "Ada"), await enter(chat, "Bob")];
    const wanted = Array.from({ length: 24 }, (_, i) => `line ${i}`);
    for (const [i, text] of wanted.entries()) {
      for (const page of pages) await write(page, text);
      if (i % 8 !== 4) continue;
      await chat.kill();
      chat = await chatProcess(port, folder);
    }
    for (const page of pages) {
      await expect.poll(async () => (await messages(page)).length, { timeout: 20_000 }).toBe(48);
      await waits(page, 0);
    }
    const [first, second] = await Promise.all(pages.map(messages));
    expect(first).toEqual(second);
    const bylines = await pages[0]!
      .locator(`${shown} [role=log] .message`)
      .evaluateAll((items) =>
        items.map((item) => `${item.getAttribute("data-from")}: ${item.querySelector(".text")?.textContent}`),
      );
    for (const name of ["Ada", "Bob"]) {
      const own = bylines.filter((byline) => byline.startsWith(name));
      expect(own).toEqual(wanted.map((text) => `${name}: ${text}`));
    }
  }, 60_000);
});
