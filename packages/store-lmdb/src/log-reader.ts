import { type EventSource, type StoredEvent, StoreError } from "@holdfast/core";
import type { Database } from "./database.ts";
import { readExtras } from "./event-bytes.ts";
import { KEY, offsetKey, offsetOf } from "./keys.ts";
import type { LogState } from "./log-state.ts";
import { SegmentWalk } from "./segment.ts";
import { readShared } from "./shared-event.ts";

type Entries = Iterator<{ key: Buffer; value: Buffer }>;

/** The last segment that starts at or before an offset. */
export function segmentAt(database: Database, logNumber: number, offset: number): SegmentWalk | undefined {
  const start = offsetKey(KEY.segment, logNumber, offset);
  const end = offsetKey(KEY.segment, logNumber, 0);
  for (const { key, value } of database.getRange({ start, end, reverse: true, limit: 1 })) {
    return new SegmentWalk(value, offsetOf(key));
  }
  return undefined;
}

/**
 * Reads one log in one direction, a segment at a time. Used within one turn of the event loop, so that its read
 * transaction is short.
 */
export class LogReader implements EventSource {
  readonly #database: Database;
  readonly #log: LogState;
  readonly #rooms: readonly string[];
  readonly #after: number;
  readonly #before: number;
  readonly #reverse: boolean;
  readonly #entries: Entries;
  /** Where the events of the segment at hand start, those that were asked for. */
  #starts: number[] = [];
  #index = 0;
  #walk: SegmentWalk | undefined;
  current: StoredEvent | undefined;

  constructor(database: Database, log: LogState, after: number, before: number, reverse: boolean) {
    this.#database = database;
    this.#log = log;
    this.#rooms = [log.room];
    this.#after = Math.max(after, log.facts(database).floor);
    this.#before = before;
    this.#reverse = reverse;
    const low = this.#startKey();
    const last = Math.min(before - 1, Number.MAX_SAFE_INTEGER);
    const high = offsetKey(KEY.segment, log.number, Math.max(last, 0));
    const range = reverse
      ? database.getRange({ start: high, end: low, inclusiveEnd: true, reverse: true })
      : database.getRange({ start: low, end: high, inclusiveEnd: true });
    this.#entries = (range as Iterable<{ key: Buffer; value: Buffer }>)[Symbol.iterator]();
    try {
      this.advance();
    } catch (error) {
      // A cursor left open would keep its snapshot, and with it all pages that are freed later.
      this.close();
      throw error;
    }
  }

  advance(): void {
    this.#index += this.#reverse ? -1 : 1;
    while (this.#index < 0 || this.#index >= this.#starts.length) {
      if (!this.#nextSegment()) {
        this.current = undefined;
        return;
      }
    }
    this.current = this.#decode(this.#starts[this.#index]!);
  }

  /** Gives back the database's cursor. */
  close(): void {
    this.#entries.return?.();
  }

  /** The first segment that can hold an event behind `after`. */
  #startKey(): Buffer {
    const { number } = this.#log;
    const start = offsetKey(KEY.segment, number, this.#after + 1);
    const end = offsetKey(KEY.segment, number, 0);
    for (const key of this.#database.getKeys({ start, end, reverse: true, limit: 1 })) return key;
    return end;
  }

  #nextSegment(): boolean {
    const next = this.#entries.next();
    if (next.done) return false;
    const walk = new SegmentWalk(next.value.value, offsetOf(next.value.key));
    const starts: number[] = [];
    if (walk.head.last > this.#after) {
      for (; !walk.isDone; walk.next()) {
        const { offset } = walk;
        if (offset >= this.#before) break;
        if (offset > this.#after) starts.push(walk.start);
      }
    }
    this.#walk = walk;
    this.#starts = starts;
    this.#index = this.#reverse ? starts.length - 1 : 0;
    return true;
  }

  #decode(start: number): StoredEvent {
    const walk = this.#walk!;
    const offset = walk.offsetAt(start);
    if (walk.isReferenceAt(start)) {
      const event = readShared(this.#database, this.#log.namespace.number, offset);
      if (!event) throw new StoreError("STORE_DAMAGED", "A stored event of several rooms is missing");
      return event;
    }
    const { bytes } = walk;
    const { sender, except, payloadStart } = readExtras(bytes, start);
    return {
      offset,
      timeMs: walk.timeAt(start),
      rooms: this.#rooms,
      payload: bytes.subarray(payloadStart, payloadStart + bytes.readUInt32LE(start + 9)),
      except,
      sender,
    };
  }
}
