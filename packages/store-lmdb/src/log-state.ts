import type { Change, Database } from "./database.ts";
import { KEY, numberKey, offsetKey, offsetOf } from "./keys.ts";
import type { NamespaceState } from "./namespace-state.ts";
import { readHead, SegmentWalk } from "./segment.ts";

/** What is known of a log at one moment. Totals count from the log's beginning, dropped events included. */
export interface LogFacts {
  readonly last: number;
  readonly totalEvents: number;
  readonly totalBytes: number;
  /** Offset of the newest dropped event, and the totals up to it. */
  readonly floor: number;
  readonly floorEvents: number;
  readonly floorBytes: number;
  readonly oldestMs: number;
  readonly isUnflushed: boolean;
}

const EMPTY: LogFacts = {
  last: 0,
  totalEvents: 0,
  totalBytes: 0,
  floor: 0,
  floorEvents: 0,
  floorBytes: 0,
  oldestMs: 0,
  isUnflushed: false,
};

/** A log by name: its number and what is durable of it. */
export class LogState {
  readonly namespace: NamespaceState;
  readonly room: string;
  /** 0 until it is first stored. */
  number = 0;
  /** Order in which logs became known. */
  serial = 0;
  #facts: LogFacts | undefined = EMPTY;
  #loading = EMPTY;

  constructor(namespace: NamespaceState, room: string) {
    this.namespace = namespace;
    this.room = room;
  }

  /** What the last flush left. Read from the database at first use: two seeks. */
  facts(database: Database): LogFacts {
    this.#facts ??= this.#load(database);
    return this.#facts;
  }

  /** After a flush. */
  become(facts: LogFacts): void {
    this.#facts = facts;
  }

  /** The log's record: it is written when the log is made, trimmed, or changes its mode. */
  change(facts: LogFacts): Change {
    const value = Buffer.alloc(29 + Buffer.byteLength(this.room));
    value.writeUInt32LE(this.namespace.number, 0);
    value[4] = facts.isUnflushed ? 1 : 0;
    value.writeDoubleLE(facts.floor, 5);
    value.writeDoubleLE(facts.floorEvents, 13);
    value.writeDoubleLE(facts.floorBytes, 21);
    value.write(this.room, 29);
    return { key: numberKey(KEY.log, this.number), value };
  }

  static decode(
    number: number,
    value: Buffer,
    namespaceOf: (number: number) => NamespaceState | undefined,
  ): LogState | undefined {
    const namespace = namespaceOf(value.readUInt32LE(0));
    if (!namespace) return undefined;
    const log = new LogState(namespace, value.toString("utf8", 29));
    log.number = number;
    log.#facts = undefined;
    log.#loading = {
      ...EMPTY,
      isUnflushed: value[4] === 1,
      floor: value.readDoubleLE(5),
      floorEvents: value.readDoubleLE(13),
      floorBytes: value.readDoubleLE(21),
    };
    return log;
  }

  #load(database: Database): LogFacts {
    const facts = this.#loading;
    const start = offsetKey(KEY.segment, this.number, 0);
    const end = offsetKey(KEY.segment, this.number, Number.MAX_SAFE_INTEGER);
    let loaded = {
      ...facts,
      totalEvents: facts.floorEvents,
      totalBytes: facts.floorBytes,
      last: facts.floor,
    };
    for (const { key, value } of database.getRange({ start: end, end: start, reverse: true, limit: 1 })) {
      const { last, totalEvents, totalBytes } = readHead(value, offsetOf(key));
      loaded = { ...loaded, last, totalEvents, totalBytes };
    }
    for (const { key, value } of database.getRange({ start, end, limit: 1 })) {
      const walk = new SegmentWalk(value, offsetOf(key));
      while (!walk.isDone && walk.offset <= facts.floor) walk.next();
      loaded.oldestMs = walk.isDone ? walk.head.lastMs : walk.timeMs;
    }
    return loaded;
  }
}
