/** What has to end with a test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const closers: (() => unknown)[] = [];

/** Runs at the end of the test, in reverse order. */
export const atEnd = (close: () => unknown): number => closers.push(close);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A folder that goes with the test. */
export function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-example-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
