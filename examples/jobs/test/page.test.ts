import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { folderForTest } from "../../shared/test/at-end.ts";
import { browserForTests, chromiumPath } from "../../shared/test/browser.ts";
import { add, jobIn, jobsFor } from "./jobs-harness.ts";

const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const count = (page: Page, name: string, value: number) =>
  page.locator(`[data-count="${name}"] dd`, { hasText: new RegExp(`^${value}$`) }).waitFor();

describe.skipIf(!chromiumPath)("the page", () => {
  const { open } = browserForTests();

  it("shows a job queued, running with its progress, and done", async () => {
    const jobs = await jobsFor({ workers: 1 });
    const page = await open(jobs);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await add(page, { title: "Poster", seconds: 1, count: 2 });
    await jobIn(page, "Poster 1", "waiting");
    await count(page, "queued", 2);
    await page.getByRole("button", { name: "Resume" }).click();
    const running = await jobIn(page, "Poster 1", "running");
    const bar = running.locator("progress");
    await page.waitForFunction(
      (element) => Number((element as unknown as { value: number }).value) > 0,
      await bar.elementHandle(),
    );
    await jobIn(page, "Poster 1", "done");
    expect(await (await jobIn(page, "Poster 2", "done")).textContent()).toMatch(/did it in \d/);
    await count(page, "done", 2);
    await page.getByRole("button", { name: "Clear finished" }).click();
    expect(await page.locator(".job").count()).toBe(0);
  });

  it("shows a job that is delivered again when its worker is killed in the middle", async () => {
    const jobs = await jobsFor({ workers: 2 });
    const page = await open(jobs);
    await add(page, { title: "Mural", seconds: 3 });
    const running = await jobIn(page, "Mural", "running");
    const busy = page.locator('#workers li[data-state="busy"]', { hasText: "Mural" });
    await busy.waitFor();
    const first = await busy.getAttribute("data-name");
    await busy.getByRole("button").click();
    await page.locator(`.job[data-state="running"][data-attempt="2"]`, { hasText: "Mural" }).waitFor();
    expect(await running.getAttribute("data-attempt")).toBe("2");
    const second = await busy.getAttribute("data-name");
    expect(second).not.toBe(first);
    expect(await (await jobIn(page, "Mural", "done")).textContent()).toContain(`${second} did it`);
    // and the one that was killed has a successor
    await page.locator(`#workers li[data-name="${first}"][data-state="idle"]`).waitFor();
  });

  it("shows a job that fails, waits and succeeds; and one that is dead, until it is tried again", async () => {
    const jobs = await jobsFor({ workers: 1, queue: { attempts: 2 } });
    const page = await open(jobs);
    await add(page, { title: "Flyer", seconds: 0.2, trouble: "once" });
    expect(await (await jobIn(page, "Flyer", "done")).textContent()).toContain("Attempt 2 of 2");
    await add(page, { title: "Banner", seconds: 0.2, trouble: "always" });
    const dead = await jobIn(page, "Banner", "dead");
    expect(await dead.textContent()).toContain("The paper got stuck.");
    await dead.getByRole("button", { name: "Try again" }).click();
    await page.locator('.job:not([data-state="dead"])', { hasText: "Banner" }).waitFor();
    const again = await jobIn(page, "Banner", "dead");
    await again.getByRole("button", { name: "Throw away" }).click();
    await page.locator(".job", { hasText: "Banner" }).waitFor({ state: "detached" });
    await count(page, "dead", 0);
  });

  it("shows a job that kills its workers among the dead ones, and the workers are there again", async () => {
    const jobs = await jobsFor({ workers: 1, queue: { attempts: 2 } });
    const page = await open(jobs);
    await add(page, { title: "Bomb", seconds: 0.2, trouble: "crash" });
    const dead = await jobIn(page, "Bomb", "dead");
    expect(await dead.getAttribute("data-attempt")).toBe("2");
    await add(page, { title: "Card", seconds: 0.2 });
    await jobIn(page, "Card", "done");
  });

  it("knows its jobs after a reload, and after the server was started again on the same folder", async () => {
    const store = folderForTest();
    const first = await jobsFor({ workers: 0, store });
    const page = await open(first);
    await add(page, { title: "Poster" });
    await jobIn(page, "Poster", "waiting");
    await page.reload();
    await jobIn(page, "Poster", "waiting");
    await first.close();
    await page.locator("#status", { hasText: "The server is gone" }).waitFor();
    await add(page, { title: "Later" });
    await jobIn(page, "Later", "adding");
    await jobsFor({ workers: 1, store, port: Number(new URL(first.url).port) });
    await jobIn(page, "Poster", "done");
    await jobIn(page, "Later", "done");
  });

  it("takes markup for text, and refuses what the server does not want", async () => {
    const jobs = await jobsFor({ workers: 0 });
    const page = await open(jobs);
    await add(page, { title: "<img src=x onerror=alert(1)>" });
    expect(await (await jobIn(page, "<img", "waiting")).locator("img").count()).toBe(0);
    expect(jobs.tasks.counts().waiting).toBe(1);
  });

  it.each(["light", "dark"] as const)(
    "fits a phone, with fields large enough to touch, %s",
    async (colorScheme) => {
      const jobs = await jobsFor({ workers: 2 });
      const page = await open(jobs, { ...phone, colorScheme });
      await add(page, {
        title: "A poster with a name that is longer than a phone is wide, by far",
        seconds: 30,
      });
      await page.locator(".job").waitFor();
      const [wide, low] = await page.evaluate(() => {
        const { document } = globalThis as unknown as {
          document: {
            documentElement: { scrollWidth: number };
            querySelectorAll(selector: string): Iterable<{ offsetHeight: number; offsetParent: unknown }>;
          };
        };
        const buttons = [...document.querySelectorAll("button, input, select")].filter(
          (each) => each.offsetParent,
        );
        return [document.documentElement.scrollWidth, Math.min(...buttons.map((each) => each.offsetHeight))];
      });
      expect(wide).toBe(phone.viewport.width);
      expect(low).toBeGreaterThanOrEqual(42);
      if (process.env.SCREENSHOTS)
        await page.screenshot({ path: `${process.env.SCREENSHOTS}/${colorScheme}.png`, fullPage: true });
    },
  );
});
