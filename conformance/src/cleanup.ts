import { onTestFinished } from "vitest";

/** Runs `release` when the current test ends, whatever its outcome. Later registrations run first. */
export function cleanUpLater(release: () => unknown): void {
  onTestFinished(async () => {
    await release();
  });
}
