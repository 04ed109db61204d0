import { expect, it } from "vitest";
import { sizeOf } from "../../src/reliable/size.ts";

/** What a parser of somebody else may hand us: it need not bound how deep data is nested. */
function nested(depth: number, wrap: (value: unknown) => unknown): unknown {
  let value: unknown = null;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

it("weighs what is nested deeper than the stack", () => {
  expect(sizeOf(nested(100_000, (value) => [value]))).toBe(3_200_008);
  expect(sizeOf(nested(100_000, (value) => ({ a: value })))).toBe(5_700_008);
});

it("weighs everything once", () => {
  expect(sizeOf([1, "text", null, undefined, { key: [true], bytes: Buffer.alloc(100) }])).toBe(
    32 + 8 + 20 + 8 + 8 + (48 + (3 + 8 + 32 + 8) + (5 + 8 + 164)),
  );
});
