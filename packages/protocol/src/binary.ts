/** What travels as a binary attachment. Blob and File exist in browsers and are sent by clients only. */
export type Binary = ArrayBuffer | ArrayBufferView | Blob;

/** Stands in JSON where a binary was. */
export interface Placeholder {
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
  if (Array.isArray(value)) return value.some((item) => hasBinary(item));
  return Object.keys(value).some((key) => hasBinary(value[key as never]));
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
