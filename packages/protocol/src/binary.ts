/** What travels as a binary attachment. Blob and File exist in browsers and are sent by clients only. */
export type Binary = ArrayBuffer | ArrayBufferView | Blob;

interface Placeholder {
  _placeholder: true;
  num: number;
}

export function isBinary(value: unknown): value is Binary {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || value instanceof Blob;
}

/** Whether `value` holds binary data anywhere, looking through `toJSON` once, as JSON.stringify would. */
export function hasBinary(value: unknown, fromToJson?: boolean): boolean {
  if (!value || typeof value !== "object") return false;
  if (isBinary(value)) return true;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function" && !fromToJson) return hasBinary(toJSON.call(value), true);
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (hasBinary(item)) return true;
  return false;
}

/** A binary on its way through JSON.stringify, which would first ask a Buffer for an array of all its bytes. */
class Held {
  readonly binary: Binary;

  constructor(binary: Binary) {
    this.binary = binary;
  }
}

const hold = (item: unknown) => (isBinary(item) ? new Held(item) : item);

/** JSON with numbered placeholders in the place of binaries, which are pushed to `found`. */
export function stringifyBinary(data: unknown, found: Binary[]): string {
  return JSON.stringify(data, (_key, value) => {
    if (!value || typeof value !== "object") return value;
    const binary = value instanceof Held ? value.binary : value;
    if (isBinary(binary)) return { _placeholder: true, num: found.push(binary) - 1 } satisfies Placeholder;
    if (!Object.values(value).some(isBinary)) return value;
    return Array.isArray(value)
      ? value.map(hold)
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hold(item)]));
  });
}

/** Puts binaries in the place of placeholders. Throws when a placeholder names no binary. */
export function insertBinary(value: unknown, binaries: readonly unknown[]): unknown {
  const { _placeholder, num } = value as Placeholder;
  if (_placeholder === true) {
    if (typeof num !== "number" || !isBinary(binaries[num])) throw new Error("illegal attachments");
    return binaries[num];
  }
  const record = value as Record<string, unknown>;
  // keys of JSON: a __proto__ among them is changed in place, never assigned
  for (const key of Object.keys(record)) {
    if (record[key] && typeof record[key] === "object") record[key] = insertBinary(record[key], binaries);
  }
  return value;
}
