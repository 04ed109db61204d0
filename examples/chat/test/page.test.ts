import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { chromiumPath } from "../../shared/test/browser.ts";
import {
  chatFor,
  messages,
  pagesForTests,
  pending,
  sees,
  shown,
  stockClient,
  title,
  write,
} from "./chat-harness.ts";

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const people = (page: Page) => texts(page, "#people-list .person-name");

describe.skipIf(!chromiumPath)("the page", () => {
  const { enter, open } = pagesForTests();

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
        await ada.locator(shown).evaluate((scroller) => scroller.scrollTo(0, 0));
        return (await messages(ada)).length;
      })
      .toBe(130);
    expect((await messages(ada))[0]).toBe("message 1");
    await ada.getByText("This is where lobby begins.").waitFor();

    await ada.locator(shown).evaluate((scroller) => scroller.scrollTo(0, 0));
    await bob.say("lobby", "news");
    await ada.getByRole("button", { name: "1 new message" }).click();
    await ada.locator("#latest").waitFor({ state: "hidden" });
    const { top, height, whole } = await ada.locator(shown).evaluate((scroller) => {
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
    const rows = await texts(ada, `${shown} [role=log] li:not(.notice, .day-line)`);
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
});
