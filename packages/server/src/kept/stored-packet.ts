import { bytesOf, type Part } from "../outbox/index.ts";

// A packet as the log stores it. Text alone is stored as it is: it starts with the digit of its type. With attachments,
// or from a foreign parser: a zero byte, and for each part its kind (0 text, 1 bytes), its length in four bytes, and
// itself.

const MARKER = 0;
const TEXT = 0;
const BYTES = 1;
const HEADER_BYTES = 5;

/** What the log is given for an encoded packet. */
export function toStored(parts: readonly Part[]): string | Buffer {
  const [first] = parts;
  if (parts.length === 1 && typeof first === "string" && first.charCodeAt(0) > MARKER) return first;
  const chunks: Buffer[] = [Buffer.of(MARKER)];
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : bytesOf(part);
    const header = Buffer.alloc(HEADER_BYTES);
    header[0] = typeof part === "string" ? TEXT : BYTES;
    header.writeUInt32BE(bytes.length, 1);
    chunks.push(header, bytes);
  }
  return Buffer.concat(chunks);
}

/** The inverse of {@link toStored}. */
export function fromStored(payload: Uint8Array): Part[] {
  const bytes = bytesOf(payload);
  if (bytes[0] !== MARKER) return [bytes.toString()];
  const parts: Part[] = [];
  for (let at = 1; at < bytes.length; ) {
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 1);
    const content = bytes.subarray(at + HEADER_BYTES, end);
    parts.push(bytes[at] === TEXT ? content.toString() : content);
    at = end;
  }
  return parts;
}
