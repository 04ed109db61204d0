import { describe, expect, test } from "vitest";
import { fuzzCodecs } from "../../fuzz/codecs.ts";
import { fuzzSockets } from "../../fuzz/sockets.ts";

// The short form of `npm run fuzz -w conformance`, with fixed seeds.
describe("random input", () => {
  test("gives frames, packets or an Error, and nothing else", () => {
    const tally = fuzzCodecs(30_000, 1);
    expect(tally.packets).toBeGreaterThan(1000);
    expect(tally.refused).toBeGreaterThan(1000);
  });

  test("to a live server harms no other client and leaves nothing behind", async () => {
    const tally = await fuzzSockets(200, 1);
    expect(tally.sessions).toBeGreaterThan(50);
    expect(tally.events).toBeGreaterThan(25);
  });
});
