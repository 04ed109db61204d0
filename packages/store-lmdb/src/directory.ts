import { type LogCursor, StoreError } from "@holdfast/core";
import type { Database } from "./database.ts";
import { KEY, numberKey, numberOf } from "./keys.ts";
import { LogState } from "./log-state.ts";
import { NamespaceState } from "./namespace-state.ts";

const NUMBER_MAX = 0xffffffff;

/** Names and their numbers: of namespaces, logs and kinds. All in memory; a log costs about 200 bytes here. */
export class Directory {
  readonly namespaces = new Map<string, NamespaceState<LogState>>();
  readonly #logsMax: number;
  readonly #kinds = new Map<string, number>();
  #namespaceNumbers = 0;
  #logNumbers = new NumberPool();
  #logs = 0;
  #serial = 0;

  constructor(logsMax: number) {
    this.#logsMax = logsMax;
  }

  load(database: Database): void {
    const byNumber = new Map<number, NamespaceState<LogState>>();
    for (const { key, value } of database.getRange(rangeOf(KEY.namespace))) {
      const namespace = new NamespaceState<LogState>(value.toString("utf8", 17), numberOf(key), {
        last: value.readDoubleLE(0),
        removedThrough: value.readDoubleLE(8),
        hasUnflushed: value[16] === 1,
      });
      this.namespaces.set(namespace.name, namespace);
      byNumber.set(namespace.number, namespace);
      this.#namespaceNumbers = Math.max(this.#namespaceNumbers, namespace.number);
    }
    const used: number[] = [];
    for (const { key, value } of database.getRange(rangeOf(KEY.log))) {
      const log = LogState.decode(numberOf(key), value, (number) => byNumber.get(number));
      if (!log) throw new StoreError("STORE_DAMAGED", "A stored log belongs to no namespace");
      log.serial = ++this.#serial;
      log.namespace.logs.set(log.room, log);
      used.push(log.number);
      this.#logs++;
    }
    this.#logNumbers = new NumberPool(used);
    for (const { key, value } of database.getRange(rangeOf(KEY.kind))) {
      this.#kinds.set(value.toString("utf8"), numberOf(key));
    }
  }

  /** Made where it is new; throws `TOO_MANY_LOGS`. A namespace stays for good: its offsets must not start again. */
  namespace(name: string): NamespaceState<LogState> {
    let namespace = this.namespaces.get(name);
    if (!namespace) {
      if (this.namespaces.size >= this.#logsMax) {
        throw new StoreError("TOO_MANY_LOGS", `There are ${this.#logsMax} namespaces, as many as may be`);
      }
      namespace = new NamespaceState<LogState>(name, ++this.#namespaceNumbers, {
        last: 0,
        removedThrough: 0,
        hasUnflushed: false,
      });
      this.namespaces.set(name, namespace);
    }
    return namespace;
  }

  /** The logs of an append, made in memory where they are new; throws `TOO_MANY_LOGS`. */
  reserve(namespace: NamespaceState<LogState>, rooms: readonly string[]): void {
    let fresh = 0;
    for (const room of rooms) if (!namespace.logs.has(room)) fresh++;
    if (fresh === 0) return;
    if (this.#logs + fresh > this.#logsMax) {
      throw new StoreError("TOO_MANY_LOGS", `There are ${this.#logsMax} logs, as many as may be`);
    }
    for (const room of rooms) this.obtain(namespace, room);
  }

  /** Takes back what `reserve` made, unless it has been stored since. */
  unreserve(name: string, rooms: readonly string[]): void {
    const namespace = this.namespaces.get(name);
    for (const room of rooms) {
      const log = namespace?.logs.get(room);
      if (log?.number === 0) this.remove(log);
    }
  }

  /** All logs behind a cursor: namespace by namespace, in the order in which they were made. */
  *logsAfter(cursor: LogCursor | undefined): Generator<LogState, undefined> {
    const [after = 0, serial = 0] = cursor?.split(":").map(Number) ?? [];
    for (const namespace of this.namespaces.values()) {
      if (namespace.number < after) continue;
      for (const log of namespace.logs.values()) {
        if (namespace.number > after || log.serial > serial) yield log;
      }
    }
    return undefined;
  }

  /** The cursor behind a log. */
  cursorOf(log: LogState): LogCursor {
    return `${log.namespace.number}:${log.serial}`;
  }

  /** Leaves a hole in the offsets of every namespace whose events may have been shown before their flush. */
  jump(offsets: number): void {
    for (const namespace of this.namespaces.values()) {
      if (namespace.facts.hasUnflushed) namespace.issued += offsets;
    }
  }

  obtain(namespace: NamespaceState<LogState>, room: string): LogState {
    let log = namespace.logs.get(room);
    if (!log) {
      log = new LogState(namespace, room);
      log.serial = ++this.#serial;
      namespace.logs.set(room, log);
      this.#logs++;
    }
    return log;
  }

  /** Gives a log its number before it is first stored. */
  number(log: LogState): void {
    if (log.number === 0) log.number = this.#logNumbers.take();
  }

  /** The log holds nothing any more, or never came to be. */
  remove(log: LogState): void {
    if (log.namespace.logs.get(log.room) !== log) return;
    log.namespace.logs.delete(log.room);
    this.#logs--;
    if (log.number !== 0) this.#logNumbers.giveBack(log.number);
    log.number = 0;
  }

  /** The number of a kind, or undefined if nothing of it was ever stored. */
  kind(name: string): number | undefined {
    return this.#kinds.get(name);
  }

  /** The number that the next new kind gets. */
  get nextKind(): number {
    return this.#kinds.size + 1;
  }

  /** After a batch that made kinds was stored. */
  addKind(name: string, number: number): void {
    this.#kinds.set(name, number);
  }
}

function rangeOf(kind: number) {
  return { start: numberKey(kind, 0), end: numberKey(kind, NUMBER_MAX) };
}

/** Numbers from 1 on; those given back are used again. */
class NumberPool {
  #free: number[] = [];
  #highest = 0;

  constructor(used: readonly number[] = []) {
    // In key order, so ascending.
    for (const number of used) {
      for (let free = this.#highest + 1; free < number; free++) this.#free.push(free);
      this.#highest = number;
    }
  }

  take(): number {
    return this.#free.pop() ?? ++this.#highest;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}
