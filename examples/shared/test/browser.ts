/** Pages in a real Chromium. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { atEnd } from "./at-end.ts";

/** Where a Chromium is, or undefined: then the tests that need one are skipped. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** Gives each test pages of people who share nothing: no storage, no cookies. */
export function browserForTests(): {
  open(server: { readonly url: string }, options?: BrowserContextOptions, path?: string): Promise<Page>;
} {
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

  return {
    async open({ url }, options = {}, path = "") {
      const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
      context.setDefaultTimeout(15_000);
      const page = await context.newPage();
      // A script error or a breach of the Content-Security-Policy fails the test.
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (entry) => {
        if (/Content.Security.Policy|TrustedHTML/i.test(entry.text())) errors.push(entry.text());
      });
      atEnd(async () => {
        await context.close();
        if (errors.length > 0) throw new Error(`The page complained: ${errors.join("; ")}`);
      });
      await page.goto(url + path);
      return page;
    },
  };
}
