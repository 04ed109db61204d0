import { createHash } from "node:crypto";
import {
  type Operation,
  type PutOperation,
  type StoredRecord,
  StoreError,
  sortable,
} from "../store/index.ts";

/** What was made of an entry, encoded: opaque here. */
export type Payload = string | Uint8Array;

/** An entry's sequence and what became of it. */
export interface StoredOutcome {
  readonly sequence: number;
  readonly payload: Payload;
}

/** What is stored of a key besides its outcomes. */
export interface Mark {
  /** All entries up to this sequence have an outcome. */
  readonly through: number;
  /** Whom it belongs to (a hash); null: to somebody without a name; undefined: nobody has asked yet. */
  readonly user: string | null | undefined;
  /** When it was last used, ms since 1970. */
  readonly atMs: number;
  /** How many outcomes are stored. */
  readonly outcomes: number;
  /** And how many bytes these hold. */
  readonly bytes: number;
}

/** The outcomes of one commit, in one record, by the sequence of the last. */
export interface Batch {
  readonly first: number;
  readonly last: number;
  readonly outcomes: number;
  readonly bytes: number;
}

export const MARK = "outcomes:mark";
export const REPLY = "outcomes:reply";
const SEPARATOR = ":";
const NEWLINE = 10;

/** The name that a key is known by. The key itself is a secret, and is kept nowhere. */
export function ledgerId(namespace: string, key: string): string {
  return digest(JSON.stringify([namespace, key]));
}

/** A user's name as it is stored: of a fixed length, whatever it is. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

export function putMark(id: string, mark: Mark): PutOperation {
  return { type: "put", kind: MARK, key: id, value: JSON.stringify(mark) };
}

export function parseMark({ value }: StoredRecord): Mark {
  const mark = parse(text(value)) as Mark;
  if (!Number.isSafeInteger(mark.through)) throw damaged();
  return mark;
}

export function replyKey(id: string, { last }: Pick<Batch, "last">): string {
  return `${id}${SEPARATOR}${sortable(last)}`;
}

/** Begins the keys of all records with outcomes of a key. */
export function replyPrefix(id: string): string {
  return `${id}${SEPARATOR}`;
}

export function deleteReply(key: string): Operation {
  return { type: "delete", kind: REPLY, key };
}

/** A line of JSON that says where each is, then all of them. */
export function encodeBatch(outcomes: readonly StoredOutcome[]): { value: Payload; batch: Batch } {
  const index = outcomes.map(({ sequence, payload }) => [sequence, byteLength(payload)] as const);
  const header = `${JSON.stringify(index)}\n`;
  let bytes = header.length;
  for (const [, length] of index) bytes += length;
  const batch: Batch = {
    first: outcomes[0]!.sequence,
    last: outcomes[outcomes.length - 1]!.sequence,
    outcomes: outcomes.length,
    bytes,
  };
  let value: Payload = header;
  for (const { payload } of outcomes) {
    if (typeof payload === "string" && typeof value === "string") value += payload;
    else value = Buffer.concat([bytesOf(value), bytesOf(payload)]);
  }
  return { value, batch };
}

export function parseBatch({ value }: StoredRecord): Batch {
  const { index } = readIndex(value);
  const [first] = index[0]!;
  const [last] = index[index.length - 1]!;
  return { first, last, outcomes: index.length, bytes: value.length };
}

/** The outcome of one entry; undefined if this batch has none. */
export function findInBatch({ value }: StoredRecord, sequence: number): Uint8Array | undefined {
  const { index, start } = readIndex(value);
  let at = start;
  for (const [other, length] of index) {
    if (other === sequence) return value.subarray(at, at + length);
    at += length;
  }
  return undefined;
}

export function byteLength(payload: Payload): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
}

function readIndex(value: Uint8Array): { index: readonly (readonly [number, number])[]; start: number } {
  const end = value.indexOf(NEWLINE);
  const index = parse(text(value.subarray(0, Math.max(0, end))));
  if (!Array.isArray(index) || index.length === 0) throw damaged();
  return { index, start: end + 1 };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause?: unknown): StoreError {
  return new StoreError("STORE_DAMAGED", "A record of a reliable emit is not what was written", cause);
}

function text(bytes: Uint8Array): string {
  return bytesOf(bytes).toString();
}

function bytesOf(payload: Payload): Buffer {
  if (typeof payload === "string") return Buffer.from(payload);
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
