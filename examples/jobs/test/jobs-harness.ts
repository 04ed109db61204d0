/** What the tests of the jobs share: a server with its workers, and what one does on the page. */
import type { Page } from "playwright-core";
import { atEnd } from "../../shared/test/at-end.ts";
import { type JobsOptions, startJobs } from "../server.ts";

export type Jobs = Awaited<ReturnType<typeof startJobs>>;

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
