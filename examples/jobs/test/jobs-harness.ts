/** What the tests of the jobs share: a server with its workers, and pages in a real Chromium. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type JobsOptions, startJobs } from "../server.ts";

export type Jobs = Awaited<ReturnType<typeof startJobs>>;

const closers: (() => unknown)[] = [];

/** Runs at the end of the test, in reverse order. */
export const atEnd = (close: () => unknown): number => closers.push(close);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts server and workers that end with the test. Retries come soon. */
export async function jobsFor(options: JobsOptions = {}): Promise<Jobs> {
  const jobs = await startJobs({
    port: 0,
    store: "memory",
    flags: ["--conditions=@holdfast/source"], // the packages as they are written, as in this process
    ...options,
    queue: { backoff: [200], graceMs: 200, ...options.queue },
  });
  atEnd(() => jobs.close());
  return jobs;
}

/** Where a Chromium is, or undefined: then the tests that need one are skipped. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** Gives each test pages that share nothing. */
export function browserForTests(): {
  open(jobs: Pick<Jobs, "url">, options?: BrowserContextOptions): Promise<Page>;
} {
  let browser: Browser;
  beforeAll(async () => {
    const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update"];
    browser = await chromium.launch({
      ...(chromiumPath ? { executablePath: chromiumPath } : {}),
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", ...quiet],
    });
  }, 60_000);
  afterAll(() => browser?.close());

  return {
    async open(jobs, options = {}) {
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
      await page.goto(jobs.url);
      return page;
    },
  };
}

export interface Work {
  title: string;
  seconds?: number;
  count?: number;
  trouble?: "none" | "once" | "always" | "crash";
}

/** Fills in the form and sends it. */
export async function add(
  page: Page,
  { title, seconds = 1, count = 1, trouble = "none" }: Work,
): Promise<void> {
  await page.getByLabel("What is to be done").fill(title);
  await page.getByLabel("How many").fill(`${count}`);
  await page.getByLabel("Seconds each").fill(`${seconds}`);
  await page.getByLabel("How it goes").selectOption(trouble);
  await page.getByRole("button", { name: "Add", exact: true }).click();
}

/** The entry of a job in the list, once it is in this state. */
export async function jobIn(page: Page, title: string, state: string) {
  const job = page.locator(`.job[data-state="${state}"]`, { hasText: title });
  await job.first().waitFor();
  return job.first();
}
