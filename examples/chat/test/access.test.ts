import { describe, expect, it } from "vitest";
import { chromiumPath } from "../../shared/test/browser.ts";
import { chatFor, pagesForTests, sees, stockClient, title, write } from "./chat-harness.ts";

const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };

describe.skipIf(!chromiumPath)("the page, on any device and by any means,", () => {
  const { enter, open } = pagesForTests();

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
