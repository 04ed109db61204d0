import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  atEnd,
  browserForTests,
  type Chat,
  chatFor,
  chromiumPath,
  messages,
  sees,
  stockClient,
  write,
} from "./chat-harness.ts";
import { chatProcess } from "./chat-process.ts";

const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const people = (page: Page) => texts(page, "#people-list .person-name");
const state = (page: Page) => page.locator("#banner").getAttribute("data-state");
const pending = (page: Page) => page.locator(".scroller:not([hidden]) .pending .message");
const title = (page: Page, name: string) => page.locator("#room-title", { hasText: name }).waitFor();

/** Ends every connection from the server's side, as a crash of the network would. */
const cut = (chat: Chat) => {
  for (const socket of chat.io.sockets.sockets.values()) socket.conn.close();
};

describe.skipIf(!chromiumPath)("the page", () => {
  const { enter, open } = browserForTests();

  it("lets two people talk, and shows who is here and who comes and goes", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    const bob = await enter(chat, "Bob");
    await ada.getByText("Bob joined").waitFor();
    expect(await people(ada)).toEqual(["Ada", "Bob"]);
    await write(ada, "Hello, Bob.");
    await sees(bob, "Hello, Bob.");
    await write(bob, "Hello, Ada.");
    await sees(ada, "Hello, Ada.");
    expect(await messages(ada)).toEqual(["Hello, Bob.", "Hello, Ada."]);
    expect(await messages(bob)).toEqual(await messages(ada));
    expect(await pending(ada).count()).toBe(0);
    await bob.getByRole("button", { name: "Leave" }).click();
    await ada.getByText("Bob left").waitFor();
    expect(await people(ada)).toEqual(["Ada"]);
  });

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
    const folder = mkdtempSync(join(tmpdir(), "holdfast-chat-"));
    atEnd(() => rmSync(folder, { recursive: true }));
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

  it("talks with a stock client, and shows that it is typing", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    const robot = await stockClient(chat, "Robot");
    await robot.ask("join", "lobby", null);
    robot.socket.emit("typing", "lobby");
    await ada.getByText("Robot is typing…").waitFor();
    await robot.say("lobby", "Beep.");
    await sees(ada, "Beep.");
    expect(await ada.locator("#typing").textContent()).toBe("");
    const typing = robot.next("typing");
    await ada.locator("#composer").pressSequentially("Bo");
    expect(await typing).toEqual(["lobby", "Ada"]);
    const heard = robot.next("message");
    await ada.locator("#composer").press("Enter");
    expect(await heard).toMatchObject([{ room: "lobby", from: "Ada", text: "Bo" }]);
  });

  it("makes a room, and deletes it after asking; whoever is in it keeps the words and can make it again", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    const bob = await enter(chat, "Bob");
    await ada.locator("#new-room-name").fill("tea room");
    await ada.getByRole("button", { name: "Create" }).click();
    await title(ada, "tea room");
    await bob.getByRole("link", { name: "tea room" }).click();
    await title(bob, "tea room");
    await write(ada, "Milk?");
    await sees(bob, "Milk?");

    await ada.getByRole("button", { name: "Delete" }).click();
    await ada.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    await ada.getByRole("button", { name: "Delete" }).click();
    await ada.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await title(ada, "lobby");
    await ada.getByRole("link", { name: "tea room" }).waitFor({ state: "detached" });

    await bob.getByText("Ada deleted this room.").waitFor();
    await sees(bob, "Milk?");
    expect(await bob.locator("#composer").isVisible()).toBe(false);
    expect(await bob.evaluate(() => document.activeElement?.id)).toBe("gone-create");
    await bob.getByRole("button", { name: "Create it again" }).click();
    await bob.locator("#composer").waitFor();
    await write(bob, "Sugar?");
    await sees(bob, "Sugar?");
  });

  it("shows markup as the text it is, wherever it stands", async () => {
    const chat = await chatFor();
    const attack = `<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>`;
    const name = "<b onclick=hacked=1>Eve";
    const room = "<svg/onload=hacked=1>";
    const eve = await stockClient(chat, name);
    await eve.ask("create room", room);
    await eve.ask("join", room, null);
    await eve.say(room, attack);
    const ada = await enter(chat, `"><i>Ada</i>`);
    await ada.getByRole("link", { name: room }).click();
    await title(ada, room);
    await sees(ada, "<script>");
    eve.socket.emit("typing", room);
    await ada.getByText(`${name} is typing…`).waitFor();
    expect(await messages(ada)).toEqual([attack]);
    expect(await people(ada)).toEqual([`"><i>Ada</i>`, name]);
    await write(ada, attack);
    await ada.locator(".message[data-mine] .text", { hasText: "<script>" }).waitFor();
    expect(await ada.locator("#chat :is(b, i, script, svg[onload], .text *)").count()).toBe(0);
    expect(await ada.evaluate(() => "hacked" in globalThis)).toBe(false);
  });

  it("refuses a script even if one got into the document", async () => {
    const chat = await chatFor();
    const page = await open(chat);
    const ran = await page
      .evaluate(async () => {
        const script = document.createElement("script");
        try {
          script.textContent = "globalThis.hacked = 1";
        } catch {
          return "refused";
        }
        document.head.append(script);
        return "hacked" in globalThis ? "ran" : "refused";
      })
      .catch(() => "refused");
    expect(ran).toBe("refused");
    page.removeAllListeners("console");
  });

  it("scrolls back through what was said, and does not jump when news arrive meanwhile", async () => {
    const chat = await chatFor({ limits: { burst: 1e6 } });
    const bob = await stockClient(chat, "Bob");
    await bob.ask("join", "lobby", null);
    for (let i = 1; i <= 130; i++) await bob.say("lobby", `message ${i}`);
    const ada = await enter(chat, "Ada");
    await sees(ada, "message 130");
    expect((await messages(ada))[0]).toBe("message 81");
    await expect
      .poll(async () => {
        await ada.locator(".scroller:not([hidden])").evaluate((scroller) => scroller.scrollTo(0, 0));
        return (await messages(ada)).length;
      })
      .toBe(130);
    expect((await messages(ada))[0]).toBe("message 1");
    await ada.getByText("This is where lobby begins.").waitFor();

    await ada.locator(".scroller:not([hidden])").evaluate((scroller) => scroller.scrollTo(0, 0));
    await bob.say("lobby", "news");
    await ada.getByRole("button", { name: "1 new message" }).click();
    await ada.locator("#latest").waitFor({ state: "hidden" });
    const { top, height, whole } = await ada.locator(".scroller:not([hidden])").evaluate((scroller) => {
      return { top: scroller.scrollTop, height: scroller.clientHeight, whole: scroller.scrollHeight };
    });
    expect(whole - top - height).toBeLessThan(5);
  });

  it("counts what is unread in the other rooms, and draws a line above it", async () => {
    const chat = await chatFor();
    const bob = await stockClient(chat, "Bob");
    await bob.ask("create room", "tea");
    await bob.ask("join", "tea", null);
    const ada = await enter(chat, "Ada");
    await ada.getByRole("link", { name: "tea" }).click();
    await bob.say("tea", "seen");
    await sees(ada, "seen");
    await ada.getByRole("link", { name: "lobby" }).click();
    await title(ada, "lobby");
    await bob.say("tea", "unseen 1");
    await bob.say("tea", "unseen 2");
    await ada.getByRole("link", { name: /tea.*2 unread/ }).waitFor();
    expect(await ada.title()).toBe("(2) lobby – Holdfast chat");
    await ada.getByRole("link", { name: "tea" }).click();
    await title(ada, "tea");
    const rows = await texts(ada, ".scroller:not([hidden]) [role=log] li:not(.notice, .day-line)");
    expect(rows.indexOf("New")).toBe(rows.findIndex((row) => row.includes("unseen 1")) - 1);
    expect(await ada.title()).toBe("tea – Holdfast chat");
  });

  it("says why a message was not sent, and lets it be sent again or discarded", async () => {
    const chat = await chatFor();
    const ada = await enter(chat, "Ada");
    await write(ada, "\u200b"); // nothing to read: the server refuses it
    await ada.getByText("Not sent. A message needs something to read.").waitFor();
    await write(ada, "This one goes through all the same.");
    await sees(ada, "goes through");
    await ada.getByRole("button", { name: "Try again" }).click();
    await ada.getByText("Not sent. A message needs something to read.").waitFor();
    await ada.getByRole("button", { name: "Discard" }).click();
    expect(await pending(ada).count()).toBe(0);
  });

  it("waits when the server finds it too fast, and loses nothing", async () => {
    const chat = await chatFor({ limits: { burst: 12, perSecond: 60 } });
    const ada = await enter(chat, "Ada");
    const wanted = Array.from({ length: 8 }, (_, i) => `line ${i}`);
    for (const text of wanted) await write(ada, text);
    await sees(ada, "line 7");
    expect(await messages(ada)).toEqual(wanted);
  });

  it("is where it was after a reload: the name, the rooms, what was said", async () => {
    const chat = await chatFor();
    const bob = await stockClient(chat, "Bob");
    await bob.ask("create room", "tea");
    await bob.ask("join", "tea", null);
    const ada = await enter(chat, "Ada", {}, "#/Tea"); // the server writes it "tea"
    await title(ada, "tea");
    await write(ada, "Here I am.");
    await sees(ada, "Here I am.");
    await ada.reload();
    await sees(ada, "Here I am.");
    await title(ada, "tea");
    expect(await ada.locator("#me-name").textContent()).toBe("Ada");
  });

  it("asks for another name when one is taken, and forgets the name at the log out", async () => {
    const chat = await chatFor();
    await stockClient(chat, "Ada");
    const page = await open(chat);
    await page.getByLabel("Your name").fill("ada");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("alert").filter({ hasText: "is here already" }).waitFor();
    expect(await page.getByLabel("Your name").getAttribute("aria-invalid")).toBe("true");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("name");
    await page.getByLabel("Your name").fill("Grace");
    await page.keyboard.press("Enter");
    await title(page, "lobby");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.reload();
    await page.getByLabel("Your name").waitFor();
    expect(await page.getByLabel("Your name").inputValue()).toBe("");
  });

  it("can be used with the keyboard alone", async () => {
    const chat = await chatFor();
    const bob = await stockClient(chat, "Bob");
    await bob.ask("create room", "tea");
    const page = await open(chat);
    const focused = () =>
      page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);
    const tabTo = async (wanted: (focused: string) => boolean) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        if (wanted(String(await focused()))) return;
      }
      throw new Error("Tab never got there");
    };
    expect(await focused()).toBe("name");
    await page.keyboard.type("Ada");
    await page.keyboard.press("Enter");
    await title(page, "lobby");
    expect(await focused()).toBe("composer");
    await page.keyboard.type("one line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("and another");
    await page.keyboard.press("Enter");
    await sees(page, "one line\nand another");

    await tabTo((id) => id === "skip");
    await page.keyboard.press("Enter");
    expect(await focused()).toBe("composer");
    await tabTo((text) => text.startsWith("tea"));
    await page.keyboard.press("Enter");
    await title(page, "tea");
    expect(await focused()).toBe("composer");
    await page.keyboard.press("Alt+ArrowUp");
    await title(page, "lobby");

    await tabTo((id) => id === "new-room-name");
    await page.keyboard.type("keys");
    await page.keyboard.press("Enter");
    await title(page, "keys");
    expect(await focused()).toBe("composer");
    await tabTo((id) => id === "delete-room");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    expect(await focused()).toBe("delete-room");
    // Everything that takes the focus shows it.
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
    );
    expect(outline).toBe("solid");
    await tabTo((id) => id === "leave-room");
    await page.keyboard.press("Enter");
    await title(page, "tea");
  });

  it("has landmarks, names and a live log for a screen reader", async () => {
    const chat = await chatFor();
    const page = await enter(chat, "Ada");
    await write(page, "Hello.");
    await sees(page, "Hello.");
    await page.getByRole("navigation", { name: "Rooms" }).waitFor();
    await page.getByRole("main", { name: "lobby" }).waitFor();
    await page.getByRole("complementary", { name: "Here now" }).waitFor();
    await page.getByRole("textbox", { name: "Message to lobby" }).waitFor();
    await page.getByRole("button", { name: "Send" }).waitFor();
    await page.getByRole("link", { name: /^lobby\W+1 person$/ }).waitFor();
    const log = page.getByRole("log", { name: "Messages in lobby" });
    expect(await log.getAttribute("aria-live")).toBe("polite");
    expect(await log.getByRole("listitem").last().textContent()).toMatch(/Ada.*Hello\./);
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
  });

  it("fits a phone: the list, then the room, and back; nothing sticks out", async () => {
    const chat = await chatFor();
    const bob = await stockClient(chat, "Wolfeschlegelsteinhausen");
    const room = "thirty-two letters without space";
    await bob.ask("create room", room);
    await bob.ask("join", room, null);
    await bob.say(room, "W".repeat(500));
    const page = await enter(chat, "M".repeat(24), phone);
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    const tallEnough = (selector: string) =>
      page
        .locator(selector)
        .evaluateAll((all) => all.every((item) => item.getBoundingClientRect().height >= 40));
    expect(await fits()).toBe(true);
    expect(await tallEnough(".rooms a:visible")).toBe(true);
    await page.getByRole("link", { name: room }).tap();
    await sees(page, "WWW");
    expect(await page.locator(".rooms").isVisible()).toBe(false);
    expect(await fits()).toBe(true);
    const { right } = await page.locator(".text").evaluate((text) => text.getBoundingClientRect());
    expect(right).toBeLessThanOrEqual(390);
    await page.getByRole("button", { name: "2 people here" }).tap();
    await page.getByRole("complementary").waitFor();
    await page.getByRole("button", { name: "Close the list of people" }).tap();
    await page.getByRole("complementary").waitFor({ state: "hidden" });
    await page.locator("#composer").fill("From a phone");
    await page.getByRole("button", { name: "Send" }).tap();
    await sees(page, "From a phone");
    await page.getByRole("button", { name: "Back to the rooms" }).tap();
    await page.getByRole("link", { name: "lobby" }).waitFor();
    expect(await page.locator(".room").isVisible()).toBe(false);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`is ${colorScheme} when the device is, with enough contrast`, async () => {
      const chat = await chatFor();
      const bob = await stockClient(chat, "Bob");
      await bob.ask("create room", "tea");
      const page = await enter(chat, "Ada", { colorScheme });
      await bob.ask("join", "lobby", null);
      await bob.say("lobby", "Hello.");
      await sees(page, "Hello.");
      await page.context().setOffline(true);
      await write(page, "\u200b");
      await page.locator("#banner[data-state=offline]").waitFor();
      const contrasts = await page.evaluate(contrastsOf, [
        ".text",
        ".author",
        "time",
        ".avatar",
        ".notice",
        ".day-line",
        ".room-name",
        "#joined-title",
        ".you",
        "#banner strong",
        "#banner button",
        ".message-status",
        "#leave-room",
        "#send",
        "#me-name",
        "h1",
      ]);
      const paper = await page.evaluate(
        () => getComputedStyle(document.querySelector(".room") ?? document.body).backgroundColor,
      );
      const light = Math.max(...(paper.match(/\d+/g) ?? []).map(Number)) > 128;
      expect(light).toBe(colorScheme === "light");
      expect(Object.entries(contrasts).filter(([, ratio]) => ratio < 4.5)).toEqual([]);
    });
  }
});

/** Runs in the page: the contrast (WCAG 2) of the first element that matches each selector, on what is behind it. */
function contrastsOf(selectors: string[]): Record<string, number> {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!paint) throw new Error("no canvas");
  const luminance = (colors: string[]) => {
    paint.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      paint.fillStyle = color;
      paint.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = [...paint.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  };
  const found: Record<string, number> = {};
  for (const selector of selectors) {
    const element = document.querySelector(`#chat ${selector}`);
    if (!element) throw new Error(`nothing matches ${selector}`);
    const behind: string[] = [];
    for (let node: Element | null = element; node; node = node.parentElement) {
      behind.unshift(getComputedStyle(node).backgroundColor);
    }
    const back = luminance(behind);
    const front = luminance([...behind, getComputedStyle(element).color]);
    found[selector] = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
  }
  return found;
}
