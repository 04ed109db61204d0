const REFERENCE_BYTES = 8;

/**
 * Roughly the memory that a value from the wire takes, in bytes: what an event weighs while it waits. Not by recursion:
 * parsers of others let pass what is nested deeper than the stack.
 */
export function sizeOf(value: unknown): number {
  const open: object[] = [];
  let size = sizeOfOne(value, open);
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (Array.isArray(one)) {
      size += 32;
      for (const item of one) size += sizeOfOne(item, open);
    } else {
      size += 48;
      for (const key in one) {
        size += key.length + REFERENCE_BYTES + sizeOfOne((one as Record<string, unknown>)[key], open);
      }
    }
  }
  return size;
}

/** @param open takes what has parts */
function sizeOfOne(value: unknown, open: object[]): number {
  if (typeof value === "string") return 16 + value.length;
  if (typeof value !== "object" || value === null) return REFERENCE_BYTES;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 64 + value.byteLength;
  open.push(value);
  return 0;
}
