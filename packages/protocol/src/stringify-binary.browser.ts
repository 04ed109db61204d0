import { type Binary, isBinary, type Placeholder } from "./binary.ts";

/** What stringify-binary.ts does, in little space: package.json's "browser" map puts this in its place. */
export const stringifyBinary = (data: unknown, found: Binary[]): string =>
  JSON.stringify(data, function (this: Record<string, unknown>, key, value) {
    // a polyfilled Buffer has become an object by now
    const binary = isBinary(this[key]) ? this[key] : value;
    return isBinary(binary)
      ? ({ _placeholder: true, num: found.push(binary) - 1 } satisfies Placeholder)
      : value;
  });
