import type { AppendOperation } from "@holdfast/core";
import { StoreError } from "@holdfast/core";
import type { Arena } from "./arena.ts";
import { checksum, isIntact } from "./checksum.ts";
import {
  EVENT_HEADER,
  eventBytesBound,
  eventEnd,
  IS_REFERENCE,
  writeEvent,
  writeReference,
} from "./event-bytes.ts";

/*
 * A segment holds what one batch added to one log, in pieces of about 32 kB, under the key (log, first offset).
 * Header: layout (1), flags (1), count (2), checksum of what follows it (4), time of the first event (8), events and
 * payload bytes of the log up to and including this segment since the log began (8 each), difference between last
 * and first offset (4) and time (4). These running totals give a log's size from its last segment alone, and let a
 * seek by count find its place.
 */

const HEADER = 40;
const LAYOUT = 1;
const HAS_REFERENCES = 1;
const SEGMENT_BYTES = 32 * 1024 - 64;
const EVENTS_MAX = 4096;

export interface SegmentHead {
  readonly first: number;
  readonly last: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly hasReferences: boolean;
  /** Of the log, this segment included. */
  readonly totalEvents: number;
  readonly totalBytes: number;
}

/** Builds one segment after another in an arena. */
export class SegmentWriter {
  readonly #arena: Arena;
  #bytes: Buffer | undefined;
  #end = 0;
  #count = 0;
  #flags = 0;
  #first = 0;
  #firstMs = 0;
  #last = 0;
  #lastMs = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get first(): number {
    return this.#first;
  }

  /** Returns the payload's bytes, or -1 if the event does not fit: `finish`, then add it again. */
  add(event: AppendOperation, offset: number, timeMs: number): number {
    const bound = eventBytesBound(event);
    const bytes = this.#room(bound, offset, timeMs);
    if (!bytes) return -1;
    const start = this.#end;
    this.#end = writeEvent(bytes, start, event, offset - this.#first, timeMs - this.#firstMs);
    return bytes.readUInt32LE(start + 9);
  }

  /** Likewise, for an event of several rooms. */
  addReference(payloadBytes: number, offset: number, timeMs: number): number {
    const bytes = this.#room(EVENT_HEADER, offset, timeMs);
    if (!bytes) return -1;
    this.#flags |= HAS_REFERENCES;
    this.#end = writeReference(bytes, this.#end, payloadBytes, offset - this.#first, timeMs - this.#firstMs);
    return payloadBytes;
  }

  /** The finished segment, if there is one. */
  finish(totalEvents: number, totalBytes: number): Buffer | undefined {
    const taken = this.#bytes;
    if (!taken) return undefined;
    this.#bytes = undefined;
    this.#arena.giveBack(taken.length - this.#end);
    const bytes = taken.subarray(0, this.#end);
    bytes[0] = LAYOUT;
    bytes[1] = this.#flags;
    bytes.writeUInt16LE(this.#count, 2);
    bytes.writeDoubleLE(this.#firstMs, 8);
    bytes.writeDoubleLE(totalEvents, 16);
    bytes.writeDoubleLE(totalBytes, 24);
    bytes.writeUInt32LE(this.#last - this.#first, 32);
    bytes.writeUInt32LE(this.#lastMs - this.#firstMs, 36);
    bytes.writeUInt32LE(checksum(bytes.subarray(8)), 4);
    return bytes;
  }

  #room(bound: number, offset: number, timeMs: number): Buffer | undefined {
    if (!this.#bytes) {
      this.#bytes = this.#arena.take(Math.max(SEGMENT_BYTES, HEADER + bound));
      this.#end = HEADER;
      this.#count = 0;
      this.#flags = 0;
      this.#first = offset;
      this.#firstMs = timeMs;
    } else if (
      this.#end + bound > this.#bytes.length ||
      this.#count === EVENTS_MAX ||
      offset - this.#first > 0xffffffff ||
      timeMs - this.#firstMs > 0xffffffff
    ) {
      return undefined;
    }
    this.#count++;
    this.#last = offset;
    this.#lastMs = timeMs;
    return this.#bytes;
  }
}

/** Reads a segment's head; throws `STORE_DAMAGED` if the bytes are not what was written. */
export function readHead(bytes: Buffer, first: number): SegmentHead {
  if (bytes.length < HEADER || bytes[0] !== LAYOUT || !isIntact(bytes.subarray(8), bytes.readUInt32LE(4))) {
    throw new StoreError("STORE_DAMAGED", "A stored segment is not what was written");
  }
  const firstMs = bytes.readDoubleLE(8);
  return {
    first,
    last: first + bytes.readUInt32LE(32),
    firstMs,
    lastMs: firstMs + bytes.readUInt32LE(36),
    count: bytes.readUInt16LE(2),
    hasReferences: (bytes[1]! & HAS_REFERENCES) !== 0,
    totalEvents: bytes.readDoubleLE(16),
    totalBytes: bytes.readDoubleLE(24),
  };
}

/** Walks a segment's events without decoding them. */
export class SegmentWalk {
  readonly bytes: Buffer;
  readonly head: SegmentHead;
  #start = HEADER;

  constructor(bytes: Buffer, first: number) {
    this.bytes = bytes;
    this.head = readHead(bytes, first);
  }

  get isDone(): boolean {
    return this.#start >= this.bytes.length;
  }

  /** Where the event at hand starts. */
  get start(): number {
    return this.#start;
  }

  get offset(): number {
    return this.offsetAt(this.#start);
  }

  get timeMs(): number {
    return this.timeAt(this.#start);
  }

  get payloadBytes(): number {
    return this.bytes.readUInt32LE(this.#start + 9);
  }

  get isReference(): boolean {
    return this.isReferenceAt(this.#start);
  }

  next(): void {
    this.#start = eventEnd(this.bytes, this.#start);
  }

  isReferenceAt(start: number): boolean {
    return (this.bytes[start]! & IS_REFERENCE) !== 0;
  }

  offsetAt(start: number): number {
    return this.head.first + this.bytes.readUInt32LE(start + 1);
  }

  timeAt(start: number): number {
    return this.head.firstMs + this.bytes.readUInt32LE(start + 5);
  }
}
