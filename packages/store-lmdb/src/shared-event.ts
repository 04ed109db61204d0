import { type AppendOperation, type StoredEvent, StoreError } from "@holdfast/core";
import type { Arena } from "./arena.ts";
import { checksum, isIntact } from "./checksum.ts";
import type { Database } from "./database.ts";
import { eventBytesBound, readExtras, writeEvent, writeShortText } from "./event-bytes.ts";
import { KEY, offsetKey } from "./keys.ts";

/*
 * An event of several rooms: how many logs still refer to it (4), checksum of what follows (4), time (8), number of
 * rooms (2), rooms (2 + bytes each), the event.
 */

const CHECKED_FROM = 8;

export function encodeShared(arena: Arena, event: AppendOperation, timeMs: number): Buffer {
  let bound = 18 + eventBytesBound(event);
  for (const room of event.rooms) bound += 2 + room.length * 3;
  const taken = arena.take(bound);
  taken.writeUInt32LE(event.rooms.length, 0);
  taken.writeDoubleLE(timeMs, 8);
  taken.writeUInt16LE(event.rooms.length, 16);
  let at = 18;
  for (const room of event.rooms) at = writeShortText(taken, at, room);
  at = writeEvent(taken, at, event, 0, 0);
  arena.giveBack(taken.length - at);
  const bytes = taken.subarray(0, at);
  bytes.writeUInt32LE(checksum(bytes.subarray(CHECKED_FROM)), 4);
  return bytes;
}

/** The payload's size in what `encodeShared` made. */
export function sharedPayloadBytes(bytes: Buffer): number {
  return bytes.readUInt32LE(eventStart(bytes) + 9);
}

function eventStart(bytes: Buffer): number {
  let at = 18;
  for (let left = bytes.readUInt16LE(16); left > 0; left--) at += 2 + bytes.readUInt16LE(at);
  return at;
}

export function readShared(
  database: Database,
  namespaceNumber: number,
  offset: number,
): StoredEvent | undefined {
  const bytes = database.get(offsetKey(KEY.shared, namespaceNumber, offset));
  if (!bytes) return undefined;
  if (!isIntact(bytes.subarray(CHECKED_FROM), bytes.readUInt32LE(4))) {
    throw new StoreError("STORE_DAMAGED", "A stored event is not what was written");
  }
  const rooms = new Array<string>(bytes.readUInt16LE(16));
  let at = 18;
  for (let i = 0; i < rooms.length; i++) {
    const length = bytes.readUInt16LE(at);
    rooms[i] = bytes.toString("utf8", at + 2, at + 2 + length);
    at += 2 + length;
  }
  const { sender, except, payloadStart } = readExtras(bytes, at);
  const payload = bytes.subarray(payloadStart, payloadStart + bytes.readUInt32LE(at + 9));
  return { offset, timeMs: bytes.readDoubleLE(8), rooms, payload, except, sender };
}
