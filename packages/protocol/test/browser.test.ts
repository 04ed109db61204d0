import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../src/base64.browser.ts";
import * as node from "../src/base64.ts";
import { decode as decodeInBrowser } from "../src/decode.browser.ts";
import { decode } from "../src/decode.ts";
import type { Binary } from "../src/index.ts";
import { stringifyBinary as stringifySmall } from "../src/stringify-binary.browser.ts";
import { stringifyBinary } from "../src/stringify-binary.ts";
import { fc } from "./fast-check.ts";

/** The packet without what is undefined, or that there is none. */
function outcome(of: typeof decode, text: string): unknown {
  try {
    return JSON.parse(JSON.stringify(of(text)));
  } catch {
    return "refused";
  }
}

describe("the small codec of browsers does what the fast one does", () => {
  test.each([
    "",
    "0",
    '0{"sid":"a"}',
    "0/admin,",
    "0/admin",
    '0/admin,{"a":1}',
    "0[]",
    "0null",
    "1",
    "1/admin,",
    "1{}",
    '2["a"]',
    '2[ "a" , 1 ]',
    "2[1]",
    "2[-1]",
    '21["a"]',
    '2/a,12["a"]',
    '2/a?b=c,["a"]',
    "2[]",
    "2[null]",
    "2{}",
    '2["connect"]',
    '2["a"',
    "2[,]",
    "3[]",
    "31[1]",
    "3{}",
    '4{"message":"m"}',
    '4"m"',
    "4[]",
    "4",
    '51-["a",{"_placeholder":true,"num":0}]',
    '52-/a,3["a"]',
    "61-/a,3[]",
    "61-3[1]",
    "5",
    "5[]",
    "50-[]",
    "5-[]",
    "5-1-[]",
    "51.5-[]",
    "5abc-[]",
    '51-["connect"]',
    "51-{}",
    '21-["a"]',
    "31-{}",
    "41-",
    '71-{"a":1}',
    "7",
    "x",
    "/2",
    "-1",
    "\n",
    "\u00002",
  ])("%j", (text) => {
    expect(outcome(decodeInBrowser, text)).toEqual(outcome(decode, text));
  });

  test("for any text that looks like a packet", () => {
    const part = fc.oneof(
      fc.constantFrom(
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "-",
        "/",
        ",",
        "[",
        "]",
        "{",
        "}",
        '"a"',
        '"b":',
        "12",
      ),
      fc.string({ maxLength: 2 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        const text = parts.join("");
        expect(outcome(decodeInBrowser, text)).toEqual(outcome(decode, text));
      }),
      { numRuns: 5000 },
    );
  });

  test("for binary in JSON", () => {
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.uint8Array({ maxLength: 4 }),
        fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
        fc.constantFrom(null, undefined, 1, "a", new Date(0), { toJSON: () => new Uint8Array([1]) }),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.string({ maxLength: 2 }), tie("any"), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.array(value), (data) => {
        const small: Binary[] = [];
        const fast: Binary[] = [];
        expect(stringifySmall(data, small)).toBe(stringifyBinary(data, fast));
        expect(small).toEqual(fast);
      }),
    );
  });

  test("for base64", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(node.encodeBase64(bytes));
        expect(encodeBase64(new Uint8Array(bytes).buffer)).toBe(text);
        expect([...new Uint8Array(decodeBase64(text))]).toEqual([...bytes]);
      }),
    );
  });
});
