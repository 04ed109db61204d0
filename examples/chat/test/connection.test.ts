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
  stockClient,
  title,
  write,
} from "./chat-harness.ts";
import { chatProcess } from "./chat-process.ts";

const state = (page: Page) => page.locator("#banner").getAttribute("data-state");

/** Ends every connection from the server's side, as a crash of the network would. */
const cut = (chat: Chat) => {
  for (const socket of chat.io.sockets.sockets.values()) socket.conn.close();
};

describe.skipIf(!chromiumPath)("the page's connection", () => {
  const { enter } = pagesForTests();

  it("shows in a banner that the connection is gone, and catches up when it is back", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    const bob = await enter(chat, "Bob");
    await write(ada, "before");
    await sees(bob, "before");

    await bob.context().setOffline(true);
    await bob.locator("#banner[data-state=offline]", { hasText: "reconnecting" }).waitFor();
    for (const text of ["missed 1", "missed 2", "missed 3"]) await write(ada, text);
    await sees(ada, "missed 3");
    for (const text of ["tunnel 1", "tunnel 2"]) await write(bob, text);
    expect(await pending(bob).count()).toBe(2);
    expect(await pending(bob).first().getAttribute("data-state")).toBe("waiting");
    expect(await messages(bob)).toEqual(["before"]);

    await bob.context().setOffline(false);
    await sees(ada, "tunnel 2");
    await sees(bob, "tunnel 2");
    const all = ["before", "missed 1", "missed 2", "missed 3", "tunnel 1", "tunnel 2"];
    expect(await messages(bob)).toEqual(all);
    expect(await messages(ada)).toEqual(all);
    expect(await pending(bob).count()).toBe(0);
    expect(await state(bob)).toBe("back");
    expect(await bob.locator("#banner").textContent()).toContain("back online");
  });

  it("comes back when the server cuts the connection, in all its rooms, and hears what comes next", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    await ada.locator("#new-room-name").fill("tea");
    await ada.locator("#new-room-name").press("Enter");
    await title(ada, "tea");
    cut(chat);
    await ada.locator("#banner[data-state=back]").waitFor();
    const bob = await stockClient(chat, "Bob");
    for (const room of ["lobby", "tea"]) {
      expect((await bob.ask("join", room, null)).people).toEqual(["Ada", "Bob"]);
      await bob.say(room, `hello, ${room}`);
    }
    await sees(ada, "hello, tea");
    await ada.locator(`a[href="#/lobby"]`).click();
    await sees(ada, "hello, lobby");
  });

  it("goes on after the server was restarted", async () => {
    const first = await chatFor();
    const port = Number(new URL(first.url).port);
    const ada = await enter(first, "Ada");
    await write(ada, "one");
    await sees(ada, "one");
    await first.close();
    await ada.locator("#banner[data-state=offline]").waitFor();
    await write(ada, "two");
    // one that has forgotten everything, since it keeps its rooms elsewhere
    const second = await chatFor({ port });
    // it may come back by itself before the button is hit
    await ada
      .getByRole("button", { name: "Try now" })
      .click({ timeout: 2_000 })
      .catch(() => {});
    await sees(ada, "two");
    // What the old server had is still on the screen; the line says that there may be a hole.
    expect(await messages(ada)).toEqual(["one", "two"]);
    await ada.locator(".gap-line").waitFor();
    const bob = await stockClient(second, "Bob");
    expect(await bob.join("lobby")).toMatchObject({ messages: [{ text: "two" }] });
  });

  it("has everything again after the server was killed: while it is open, after a reload", async () => {
    const folder = folderForTest();
    const first = await chatProcess(0, folder);
    const port = Number(new URL(first.url).port);
    atEnd(() => first.kill());
    const bob = await stockClient(first, "Bob");
    await bob.ask("create room", "tea");
    await bob.join("tea");
    for (let i = 1; i <= 18; i++) await bob.say("tea", `message ${i}`);
    const ada = await enter(first, "Ada", {}, "#/tea");
    await write(ada, "Here I am.");
    await sees(ada, "Here I am.");
    await first.kill();
    await ada.locator("#banner[data-state=offline]").waitFor();
    await write(ada, "Still here.");
    const second = await chatProcess(port, folder);
    atEnd(() => second.kill());
    await sees(ada, "Still here.");
    const expected = [
      ...Array.from({ length: 18 }, (_, i) => `message ${i + 1}`),
      "Here I am.",
      "Still here.",
    ];
    expect(await messages(ada)).toEqual(expected);
    expect(await ada.locator(".gap-line").count()).toBe(0);
    await second.kill();
    const third = await chatProcess(port, folder);
    atEnd(() => third.kill());
    await ada.reload();
    await sees(ada, "Still here.");
    expect(await messages(ada)).toEqual(expected);
    await title(ada, "tea");
  }, 60_000);

  it("works where nothing but long-polling gets through", async () => {
    const chat = await chatFor({ server: { transports: ["polling"] } });
    const ada = await enter(chat, "Ada");
    const bob = await enter(chat, "Bob");
    await write(ada, "By post.");
    await sees(bob, "By post.");
    cut(chat);
    await bob.locator("#banner[data-state=back]").waitFor();
    await write(bob, "Received.");
    await sees(ada, "Received.");
    expect([...chat.io.sockets.sockets.values()].map(({ conn }) => conn.transport.name)).toEqual([
      "polling",
      "polling",
    ]);
  });
});
