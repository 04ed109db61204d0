import { type Binary, isBinary, type Placeholder } from "./binary.ts";

/**
 * JSON with numbered placeholders in the place of binaries, which are pushed to `found`. A replacer would see a
 * Buffer only after it has become an array of numbers, 1000 times slower: stringify-binary.browser.ts need not care.
 */
export const stringifyBinary = (data: unknown, found: Binary[]): string =>
  JSON.stringify(extract(data, found));

/** A copy in which each binary is a placeholder. */
function extract(value: unknown, found: Binary[], fromToJson?: boolean): unknown {
  if (!value || typeof value !== "object") return value;
  if (isBinary(value)) return { _placeholder: true, num: found.push(value) - 1 } satisfies Placeholder;
  if (Array.isArray(value)) return value.map((item) => extract(item, found));
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function" && !fromToJson) return extract(toJSON.call(value), found, true);
  // fromEntries defines properties: a key named __proto__ stays a key
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, extract(item, found)]));
}
