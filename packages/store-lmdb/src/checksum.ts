import * as zlib from "node:zlib";

// Missing in early releases of Node 20: what they write carries 0, which is never checked.
const crc32: ((bytes: Uint8Array) => number) | undefined = zlib.crc32;

/** CRC-32 of some bytes, never 0 unless it cannot be computed here. */
export function checksum(bytes: Uint8Array): number {
  return crc32 ? crc32(bytes) || 1 : 0;
}

/** True unless the bytes are known to differ from those that were summed. */
export function isIntact(bytes: Uint8Array, sum: number): boolean {
  return sum === 0 || !crc32 || checksum(bytes) === sum;
}
