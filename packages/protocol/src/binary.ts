/** What travels as a binary attachment. Blob and File exist in browsers and are sent by clients only. */
export type Binary = ArrayBuffer | ArrayBufferView | Blob;

type Placeholder = { _placeholder: true; num: number };

export function isBinary(value: unknown): value is Binary {
  return (
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    (typeof Blob !== "undefined" && value instanceof Blob)
  );
}

/** Whether `value` holds binary data anywhere, looking through `toJSON` once, as JSON.stringify would. */
export function hasBinary(value: unknown, fromToJson?: boolean): boolean {
  if (!value || typeof value !== "object") return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (hasBinary(value[i])) return true;
    return false;
  }
  if (isBinary(value)) return true;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function" && !fromToJson) return hasBinary(toJSON.call(value), true);
  for (const key in value) {
    if (Object.hasOwn(value, key) && hasBinary((value as Record<string, unknown>)[key])) return true;
  }
  return false;
}

/** A copy of `value` with each binary replaced by a numbered placeholder; the binaries are pushed to `found`. */
export function extractBinary(value: unknown, found: Binary[], fromToJson?: boolean): unknown {
  if (!value || typeof value !== "object" || value instanceof Date) return value;
  if (isBinary(value)) return { _placeholder: true, num: found.push(value) - 1 } satisfies Placeholder;
  if (Array.isArray(value)) return value.map((item) => extractBinary(item, found));
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function" && !fromToJson) return extractBinary(toJSON.call(value), found, true);
  // fromEntries defines properties: a key named __proto__ stays a key
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, extractBinary(item, found)]));
}

/** The inverse of {@link extractBinary}, in place. Throws when a placeholder names no attachment. */
export function insertBinary(value: unknown, binaries: readonly unknown[]): unknown {
  if (!value || typeof value !== "object") return value;
  if ((value as Placeholder)._placeholder === true) {
    const { num } = value as Placeholder;
    if (typeof num !== "number" || !(num in binaries)) throw new Error("illegal attachments");
    return binaries[num];
  }
  const record = value as Record<string, unknown>;
  for (const key of Object.keys(record)) {
    const item = record[key];
    // only what can change is assigned
    if (item && typeof item === "object") record[key] = insertBinary(item, binaries);
  }
  return value;
}
