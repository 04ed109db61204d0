import type { Database } from "./database.ts";
import { segmentAt } from "./log-reader.ts";
import type { LogState } from "./log-state.ts";
import type { SegmentHead, SegmentWalk } from "./segment.ts";

/** The offset behind which lie a log's events since a time. */
export function seekTime(database: Database, log: LogState, sinceMs: number): number {
  const { floor } = log.facts(database);
  const walk = firstSegment(database, log, ({ lastMs }) => lastMs >= sinceMs);
  if (!walk) return log.facts(database).last;
  let before = walk.head.first - 1;
  while (!walk.isDone && walk.timeMs < sinceMs) {
    before = walk.offset;
    walk.next();
  }
  return Math.max(floor, before);
}

/** The offset behind which lie a log's newest so many events, of those up to `through`. */
export function seekNewest(
  database: Database,
  log: LogState,
  count: number,
  through = Number.POSITIVE_INFINITY,
): number {
  const { floor, last, totalEvents, floorEvents } = log.facts(database);
  const end = through < last ? eventsThrough(database, log, through) : totalEvents;
  const target = end - Math.max(0, Math.floor(count));
  if (target <= floorEvents) return floor;
  const walk = firstSegment(database, log, (head) => head.totalEvents > target);
  if (!walk) return log.facts(database).last;
  let before = walk.head.first - 1;
  for (let index = walk.head.totalEvents - walk.head.count; index < target; index++) {
    before = walk.offset;
    walk.next();
  }
  return Math.max(floor, before);
}

/** How many events the log ever had up to an offset. */
function eventsThrough(database: Database, log: LogState, offset: number): number {
  const walk = segmentAt(database, log.number, offset);
  if (!walk) return 0;
  let events = walk.head.totalEvents - walk.head.count;
  for (; !walk.isDone && walk.offset <= offset; walk.next()) events++;
  return events;
}

/** The first segment for which a predicate, once true always true, holds: by halving the range of offsets. */
function firstSegment(
  database: Database,
  log: LogState,
  predicate: (head: SegmentHead) => boolean,
): SegmentWalk | undefined {
  let { floor: low, last: high } = log.facts(database);
  low += 1;
  let found: SegmentWalk | undefined;
  while (low <= high) {
    const middle = Math.floor(low + (high - low) / 2);
    const walk = segmentAt(database, log.number, middle);
    if (walk && walk.head.last >= low && predicate(walk.head)) {
      found = walk;
      high = walk.head.first - 1;
    } else {
      // Offsets have holes: the next segment starts behind both.
      low = Math.max(walk?.head.last ?? 0, middle) + 1;
    }
  }
  return found;
}
