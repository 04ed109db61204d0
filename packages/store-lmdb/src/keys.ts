/** The first byte of every key. Numbers stand in for names, so that keys have a fixed width (see directory.ts). */
export const KEY = {
  meta: 1,
  namespace: 2,
  log: 3,
  kind: 4,
  /** log number, first offset → events of one batch (see segment.ts). */
  segment: 5,
  /** namespace number, offset → an event of several rooms. */
  shared: 6,
  /** kind number, key → record. */
  record: 7,
} as const;

const OFFSET_END = 13;

/** kind of key, number */
export function numberKey(kind: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = kind;
  key.writeUInt32BE(number, 1);
  return key;
}

/** kind of key, number, offset */
export function offsetKey(kind: number, number: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(OFFSET_END);
  key[0] = kind;
  key.writeUInt32BE(number, 1);
  key.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), 5);
  key.writeUInt32BE(offset % 0x1_0000_0000, 9);
  return key;
}

/** The offset at the end of such a key. */
export function offsetOf(key: Buffer): number {
  return key.readUInt32BE(5) * 0x1_0000_0000 + key.readUInt32BE(9);
}

/** The number in any key but those of meta. */
export function numberOf(key: Buffer): number {
  return key.readUInt32BE(1);
}

/** A record's key: kind number and the UTF-8 bytes of its own key, so that LMDB's order is the port's. */
export function recordKey(kindNumber: number, key: string): Buffer {
  const length = Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(5 + length);
  bytes[0] = KEY.record;
  bytes.writeUInt32BE(kindNumber, 1);
  bytes.write(key, 5, length, "utf8");
  return bytes;
}

/** The record's own key in such a key. */
export function recordKeyText(key: Buffer): string {
  return key.toString("utf8", 5);
}
