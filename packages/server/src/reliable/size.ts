/** Roughly the memory that a value from the wire takes, in bytes: what an event weighs while it waits. */
export function sizeOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return 16 + value.length;
    case "object":
      if (value === null) return 8;
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 64 + value.byteLength;
      return Array.isArray(value) ? sizeOfList(value) : sizeOfRecord(value as Record<string, unknown>);
    default:
      return 8;
  }
}

function sizeOfList(list: readonly unknown[]): number {
  let size = 32;
  for (const item of list) size += sizeOf(item);
  return size;
}

function sizeOfRecord(record: Record<string, unknown>): number {
  let size = 48;
  for (const key in record) size += key.length + 8 + sizeOf(record[key]);
  return size;
}
