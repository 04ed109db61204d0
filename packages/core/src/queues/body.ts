import { type Binary, hasBinary, insertBinary, stringifyBinary } from "@holdfast/protocol";
import { QUEUE_LIMITS } from "./options.ts";
import { QueueError, type QueueErrorCode } from "./queue-error.ts";

/**
 * Data of a job, or a result, as it is stored: JSON, or JSON with placeholders followed by the binaries of these
 * `lengths` (the JSON's own length first).
 */
export interface Body {
  readonly bytes: string | Uint8Array;
  readonly lengths: readonly number[] | undefined;
}

export const NO_BODY: Body = { bytes: "", lengths: undefined };

/** Throws with the code given if it is too large, or no JSON. */
export function encodeBody(data: unknown, bytesMax: number, code: QueueErrorCode): Body {
  if (data === undefined) return NO_BODY;
  let body: Body;
  try {
    body = hasBinary(data) ? encodeBinary(data) : { bytes: JSON.stringify(data) ?? "", lengths: undefined };
  } catch (error) {
    throw new QueueError(code, "It cannot be written as JSON", error);
  }
  if (isLonger(body.bytes, bytesMax)) throw new QueueError(code, `It has more than ${bytesMax} bytes`);
  const { binariesMax } = QUEUE_LIMITS;
  if (body.lengths && body.lengths.length - 1 > binariesMax) {
    throw new QueueError(code, `It has more than ${binariesMax} binaries`);
  }
  return body;
}

export function decodeBody({ bytes, lengths }: Body): unknown {
  if (bytes.length === 0) return undefined;
  if (typeof bytes === "string") return JSON.parse(bytes);
  const buffer = asBuffer(bytes);
  if (!lengths) return JSON.parse(buffer.toString("utf8"));
  let at = lengths[0]!;
  const json: unknown = JSON.parse(buffer.toString("utf8", 0, at));
  const binaries: Buffer[] = [];
  for (let i = 1; i < lengths.length; i++) {
    // A copy: who gets it may keep or change it.
    binaries.push(Buffer.from(buffer.subarray(at, at + lengths[i]!)));
    at += lengths[i]!;
  }
  return insertBinary(json, binaries);
}

/** A header (JSON of one line) and a body as one value. */
export function joinRecord(header: string, { bytes }: Body): string | Uint8Array {
  const line = `${header}\n`;
  return typeof bytes === "string" ? line + bytes : Buffer.concat([Buffer.from(line), bytes]);
}

/** Takes such a value apart; `lengths` is in the header. */
export function splitRecord<Header>(value: Uint8Array): { header: Header; bytes: Uint8Array } {
  const buffer = asBuffer(value);
  // headers are short: looking is quicker than asking
  let end = 0;
  while (end < buffer.length && buffer[end] !== 10) end++;
  return { header: JSON.parse(buffer.toString("utf8", 0, end)) as Header, bytes: buffer.subarray(end + 1) };
}

function encodeBinary(data: unknown): Body {
  const found: Binary[] = [];
  const text = stringifyBinary(data, found);
  // What only looks like the place of a binary could not be read again.
  if (text.split('"_placeholder":true').length - 1 !== found.length)
    throw new TypeError("illegal attachments");
  const json = Buffer.from(text);
  const binaries = found.map(bytesOf);
  return {
    bytes: Buffer.concat([json, ...binaries]),
    lengths: [json.length, ...binaries.map(({ length }) => length)],
  };
}

function bytesOf(binary: Binary): Buffer {
  if (ArrayBuffer.isView(binary)) return Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  if (binary instanceof ArrayBuffer) return Buffer.from(binary);
  throw new TypeError("A Blob cannot be stored: read it first");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isLonger(bytes: string | Uint8Array, bytesMax: number): boolean {
  if (bytes.length > bytesMax) return true;
  return typeof bytes === "string" && bytes.length * 3 > bytesMax && Buffer.byteLength(bytes) > bytesMax;
}
