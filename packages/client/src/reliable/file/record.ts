import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import type { Entry } from "../storage.ts";

/** A line of a journal. */
export type JournalRecord =
  /** The first one. `lastId` is the id of the last entry that there ever was. */
  | { readonly key: string; readonly lastId: number; readonly sentId: number }
  | { readonly append: readonly Entry[] }
  | { readonly sentId: number }
  | { readonly remove: readonly number[] };

const HEAD_BYTES = 12;

/** Length (4 bytes), the first 8 bytes of the SHA-256 of what follows, and the record as V8 serializes it. */
export function encodeRecord(record: JournalRecord): Buffer {
  const body = serialize(record);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(body.length);
  digest(body).copy(head, 4);
  return Buffer.concat([head, body]);
}

/** Reads records up to the first that is not whole, and tells where that is: what a crash left of a write. */
export function decodeRecords(bytes: Buffer): { records: JournalRecord[]; end: number } {
  const records: JournalRecord[] = [];
  let end = 0;
  while (end + HEAD_BYTES <= bytes.length) {
    const from = end + HEAD_BYTES;
    const body = bytes.subarray(from, from + bytes.readUInt32BE(end));
    const isWhole = body.length > 0 && digest(body).equals(bytes.subarray(end + 4, from));
    if (!isWhole) break;
    records.push(deserialize(body) as JournalRecord);
    end = from + body.length;
  }
  return { records, end };
}

function digest(body: Buffer): Buffer {
  return createHash("sha256").update(body).digest().subarray(0, 8);
}
