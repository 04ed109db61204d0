import { expect, it } from "vitest";
import { runRetention } from "../bench/retention.ts";

it("retention lets the file stop growing, and leaves what is young enough", async () => {
  const samples = await runRetention(24, "4d", 4);
  const [, second, third] = samples;
  const last = samples[samples.length - 1]!;
  expect(last.fileBytes).toBeLessThan(third!.fileBytes * 1.1);
  expect(last.fileBytes).toBeLessThan(last.bytes * 4);
  expect(Math.abs(last.events - second!.events)).toBeLessThan(second!.events / 10);
}, 60_000);
