import type { TrimOperation } from "@holdfast/core";
import type { Database } from "./database.ts";
import { KEY, offsetKey, offsetOf } from "./keys.ts";
import type { LogFacts, LogState } from "./log-state.ts";
import { SegmentWalk } from "./segment.ts";

/** What a trim would do, before any of it is done. */
export interface TrimPlan {
  readonly facts: LogFacts;
  readonly dropped: number;
  /** Of the dropped, those that only this log held, and their payload bytes. */
  readonly ownEvents: number;
  readonly ownBytes: number;
  /** Offsets of dropped events that are stored for several rooms. */
  readonly references: readonly number[];
  /** Keys of segments that nothing is left of. */
  readonly removed: readonly Buffer[];
  readonly more: boolean;
}

/** One trim looks at no more, which is 8 MB of full segments. */
const SEGMENTS_MAX = 256;

/** Walks a log from its front until what is left is within all limits. */
export function planTrim(database: Database, log: LogState, operation: TrimOperation): TrimPlan {
  const { eventsMax = Infinity, bytesMax = Infinity, sinceMs = -Infinity, through = 0 } = operation;
  const facts = log.facts(database);
  let { floor, floorEvents, floorBytes, oldestMs } = facts;
  let ownEvents = 0;
  let ownBytes = 0;
  const references: number[] = [];
  const removed: Buffer[] = [];
  let more = false;
  let segments = 0;
  const range = database.getRange({
    start: offsetKey(KEY.segment, log.number, 0),
    end: offsetKey(KEY.segment, log.number, Number.MAX_SAFE_INTEGER),
  });
  // A limit is passed by an event if it is with everything newer than it.
  const goes = (offset: number, timeMs: number, eventsBefore: number, bytesBefore: number) =>
    offset <= through ||
    timeMs < sinceMs ||
    facts.totalEvents - eventsBefore > eventsMax ||
    facts.totalBytes - bytesBefore > bytesMax;
  for (const { key, value } of range) {
    if (segments++ === SEGMENTS_MAX) {
      more = true;
      break;
    }
    const walk = new SegmentWalk(value, offsetOf(key));
    const { head } = walk;
    const goesWhole = goes(head.last, head.lastMs, head.totalEvents - 1, head.totalBytes);
    if (goesWhole && !head.hasReferences) {
      ownEvents += head.totalEvents - floorEvents;
      ownBytes += head.totalBytes - floorBytes;
      floor = head.last;
      floorEvents = head.totalEvents;
      floorBytes = head.totalBytes;
      removed.push(key);
      oldestMs = head.lastMs;
      continue;
    }
    for (; !walk.isDone; walk.next()) {
      const { offset, payloadBytes } = walk;
      if (offset <= floor) continue;
      if (!goesWhole && !goes(offset, walk.timeMs, floorEvents, floorBytes)) break;
      if (walk.isReference) references.push(offset);
      else {
        ownEvents++;
        ownBytes += payloadBytes;
      }
      floor = offset;
      floorEvents++;
      floorBytes += payloadBytes;
    }
    if (!walk.isDone) {
      oldestMs = walk.timeMs;
      break;
    }
    oldestMs = head.lastMs;
    removed.push(key);
  }
  const dropped = floorEvents - facts.floorEvents;
  return {
    facts: { ...facts, floor, floorEvents, floorBytes, oldestMs },
    dropped,
    ownEvents,
    ownBytes,
    references,
    removed,
    more,
  };
}
