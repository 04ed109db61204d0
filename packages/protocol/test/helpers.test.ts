import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64, hasBinary, isBinary, nestsDeeper } from "../src/index.ts";
import { fc } from "./fast-check.ts";

describe("nestsDeeper", () => {
  test.each<[string, number, boolean]>([
    ["[]", 1, false],
    ["[[]]", 1, true],
    ["[[]]", 2, false],
    ['{"a":{"b":[]}}', 2, true],
    ['{"a":{"b":[]}}', 3, false],
    ["[[],[],[]]", 2, false],
    ['["[[[[["]', 1, false],
    ['["\\"[[[["]', 1, false],
    ['["\\\\",[[]]]', 2, true],
    ["", 0, false],
  ])("%s beyond %i: %s", (text, depth, deeper) => {
    expect(nestsDeeper(text, depth)).toBe(deeper);
  });

  test("agrees with the depth of what JSON.parse makes of it", () => {
    const depthOf = (value: unknown): number =>
      value !== null && typeof value === "object" ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(6), (value, depthMax) => {
        const text = JSON.stringify(value);
        expect(nestsDeeper(text, depthMax)).toBe(depthOf(JSON.parse(text)) > depthMax);
      }),
    );
  });
});

describe("base64", () => {
  test("decodes what it encodes, and encodes as Node does", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect([...decodeBase64(text)]).toEqual([...bytes]);
      }),
    );
  });
});

describe("binary", () => {
  test.each<[unknown, boolean]>([
    [Buffer.alloc(1), true],
    [new ArrayBuffer(1), true],
    [new Float64Array(1), true],
    [new Blob([]), true],
    ["text", false],
    [{ type: "Buffer", data: [1] }, false],
    [null, false],
    [undefined, false],
    [1, false],
  ])("%o is binary: %s", (value, expected) => {
    expect(isBinary(value)).toBe(expected);
    expect(hasBinary(value)).toBe(expected);
    expect(hasBinary(["a", { b: [value] }])).toBe(expected);
  });

  test("is found only in a value's own members", () => {
    expect(hasBinary(Object.create({ inherited: Buffer.alloc(1) }))).toBe(false);
    expect(hasBinary(Object.assign(Object.create(null), { own: Buffer.alloc(1) }))).toBe(true);
  });

  test("is looked for once in what toJSON returns", () => {
    expect(hasBinary({ toJSON: () => Buffer.alloc(1) })).toBe(true);
    const endless: object = { toJSON: () => endless };
    expect(hasBinary(endless)).toBe(false);
  });
});
