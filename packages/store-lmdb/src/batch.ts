import {
  type AppendOperation,
  type Operation,
  type Precondition,
  type Receipt,
  StoreError,
  type TrimOperation,
  type TrimResult,
} from "@holdfast/core";
import type { Arena } from "./arena.ts";
import type { Change, Database } from "./database.ts";
import type { Directory } from "./directory.ts";
import { KEY, numberKey, offsetKey, recordKey } from "./keys.ts";
import type { LogFacts, LogState } from "./log-state.ts";
import { META_TOTALS } from "./meta.ts";
import { type NamespaceFacts, type NamespaceState, namespaceChange } from "./namespace-state.ts";
import { SegmentWriter } from "./segment.ts";
import { encodeShared, sharedPayloadBytes } from "./shared-event.ts";
import { encodeTotals, type Totals } from "./totals.ts";
import { planTrim } from "./trim.ts";

/** What one batch does to one log. */
interface LogChanges {
  readonly log: LogState;
  facts: LogFacts;
  readonly events: AppendOperation[];
  readonly offsets: number[];
  readonly times: number[];
  /** The log's record must be written. */
  isChanged: boolean;
  isRemoved: boolean;
  isNew: boolean;
}

/**
 * Turns receipts into changes to the database. Nothing that others see is touched before `apply`, which is called
 * once the changes are durable; otherwise `discard` is.
 */
export class Batch {
  readonly changes: Change[] = [];
  readonly #database: Database;
  readonly #directory: Directory;
  readonly #arena: Arena;
  readonly #segments: SegmentWriter;
  readonly #logs = new Map<LogState, LogChanges>();
  readonly #namespaces = new Map<NamespaceState, NamespaceFacts>();
  /** Versions of records that this batch changes, by kind and key; 0 for those it deletes. */
  readonly #versions: Map<string, number> | undefined;
  readonly #kinds = new Map<string, number>();
  /** How many logs hold on to an event of several rooms after this batch. */
  readonly #references = new Map<string, number>();
  #events: number;
  #bytes: number;
  #version: number;
  #timeMs: number;

  constructor(
    database: Database,
    directory: Directory,
    arena: Arena,
    totals: Totals,
    receipts: readonly Receipt[],
  ) {
    this.#database = database;
    this.#directory = directory;
    this.#arena = arena;
    this.#segments = new SegmentWriter(arena);
    this.#events = totals.events;
    this.#bytes = totals.bytes;
    this.#version = totals.version;
    this.#timeMs = totals.timeMs;
    const hasPreconditions = receipts.some(({ preconditions }) => preconditions.length > 0);
    this.#versions = hasPreconditions ? new Map() : undefined;
    for (const receipt of receipts) if (receipt.state === "pending") this.#add(receipt);
    for (const changes of this.#logs.values()) this.#encode(changes);
    this.#finish();
  }

  get totals(): Totals {
    return { events: this.#events, bytes: this.#bytes, version: this.#version, timeMs: this.#timeMs };
  }

  /** Names of namespaces that got events. */
  get namespaces(): string[] {
    return [...this.#namespaces.keys()].map(({ name }) => name);
  }

  /** The changes are durable. */
  apply(): void {
    for (const { log, facts, isRemoved } of this.#logs.values()) {
      log.become(facts);
      if (isRemoved) this.#directory.remove(log);
    }
    for (const [namespace, facts] of this.#namespaces) namespace.facts = facts;
    for (const [name, number] of this.#kinds) this.#directory.addKind(name, number);
  }

  /** The changes were not written. */
  discard(): void {
    for (const { log, isNew } of this.#logs.values()) if (isNew) this.#directory.remove(log);
  }

  #add(receipt: Receipt): void {
    if (!receipt.preconditions.every((precondition) => this.#holds(precondition))) {
      receipt.fail(new StoreError("PRECONDITION_FAILED", "A record has another version"));
      for (const operation of receipt.operations) {
        if (operation.type === "append") this.#directory.unreserve(operation.namespace, operation.rooms);
      }
      return;
    }
    const { offsets } = receipt;
    let appends = 0;
    for (const operation of receipt.operations) {
      switch (operation.type) {
        case "append":
          this.#append(operation, offsets[appends++]!);
          break;
        case "put":
          receipt.addVersion(this.#put(operation.kind, operation.key, operation.value));
          break;
        case "delete":
          this.#delete(operation);
          break;
        case "trim":
          try {
            receipt.addTrim(this.#trim(operation));
          } catch (error) {
            receipt.fail(StoreError.from(error));
            return;
          }
          break;
      }
    }
  }

  #append(operation: AppendOperation, offset: number): void {
    const namespace = this.#directory.namespace(operation.namespace);
    const { rooms } = operation;
    const space = this.#namespaceFacts(namespace);
    space.last = offset;
    if (operation.flush === false) space.hasUnflushed = true;
    if (operation.timeMs > this.#timeMs) this.#timeMs = operation.timeMs;
    this.#events++;
    for (const room of rooms) {
      const changes = this.#logChanges(this.#directory.obtain(namespace, room));
      changes.events.push(operation);
      changes.offsets.push(offset);
      changes.times.push(this.#timeMs);
    }
    if (rooms.length > 1) {
      const value = encodeShared(this.#arena, operation, this.#timeMs);
      this.changes.push({ key: offsetKey(KEY.shared, namespace.number, offset), value });
      this.#bytes += payloadBytes(operation);
    }
  }

  #put(kind: string, key: string, value: string | Uint8Array): number {
    const version = ++this.#version;
    const length = typeof value === "string" ? Buffer.byteLength(value) : value.length;
    const bytes = this.#arena.take(8 + length);
    bytes.writeDoubleLE(version, 0);
    if (typeof value === "string") bytes.write(value, 8, "utf8");
    else bytes.set(value, 8);
    this.changes.push({ key: recordKey(this.#kind(kind), key), value: bytes });
    this.#versions?.set(recordName(kind, key), version);
    return version;
  }

  #delete({ kind, key }: Operation & { type: "delete" }): void {
    const number = this.#kinds.get(kind) ?? this.#directory.kind(kind);
    if (number === undefined) return;
    this.changes.push({ key: recordKey(number, key), value: undefined });
    this.#versions?.set(recordName(kind, key), 0);
  }

  #trim(operation: TrimOperation): TrimResult {
    const log = this.#directory.namespaces.get(operation.namespace)?.logs.get(operation.room);
    if (!log || log.number === 0) return { events: 0, more: false };
    // One trim per log and batch: the next would look at what this one has yet to write.
    if (this.#logs.has(log)) return { events: 0, more: true };
    const plan = planTrim(this.#database, log, operation);
    if (plan.dropped === 0) return { events: 0, more: plan.more };
    const changes = this.#logChanges(log);
    changes.facts = plan.facts;
    changes.isChanged = true;
    this.#events -= plan.ownEvents;
    this.#bytes -= plan.ownBytes;
    for (const key of plan.removed) this.changes.push({ key, value: undefined });
    for (const offset of plan.references) this.#dropReference(log.namespace.number, offset);
    if (plan.facts.floorEvents === plan.facts.totalEvents) {
      changes.isRemoved = true;
      this.changes.push({ key: numberKey(KEY.log, log.number), value: undefined });
      const space = this.#namespaceFacts(log.namespace);
      if (operation.trace !== false) space.removedThrough = Math.max(space.removedThrough, plan.facts.floor);
    }
    return { events: plan.dropped, more: plan.more };
  }

  #dropReference(namespaceNumber: number, offset: number): void {
    const key = offsetKey(KEY.shared, namespaceNumber, offset);
    const name = key.toString("latin1");
    const stored = this.#database.get(key);
    if (!stored) return;
    const left = (this.#references.get(name) ?? stored.readUInt32LE(0)) - 1;
    this.#references.set(name, left);
    if (left > 0) {
      const value = this.#arena.take(stored.length);
      value.set(stored);
      value.writeUInt32LE(left, 0);
      this.changes.push({ key, value });
    } else {
      this.changes.push({ key, value: undefined });
      this.#events--;
      this.#bytes -= sharedPayloadBytes(stored);
    }
  }

  #holds({ kind, key, version }: Precondition): boolean {
    const changed = this.#versions?.get(recordName(kind, key));
    if (changed !== undefined) return changed === version;
    const number = this.#directory.kind(kind);
    const stored = number === undefined ? undefined : this.#database.get(recordKey(number, key));
    return (stored?.readDoubleLE(0) ?? 0) === version;
  }

  #kind(name: string): number {
    let number = this.#kinds.get(name) ?? this.#directory.kind(name);
    if (number === undefined) {
      number = this.#directory.nextKind + this.#kinds.size;
      this.#kinds.set(name, number);
      this.changes.push({ key: numberKey(KEY.kind, number), value: Buffer.from(name) });
    }
    return number;
  }

  #logChanges(log: LogState): LogChanges {
    let changes = this.#logs.get(log);
    if (!changes) {
      const isNew = log.number === 0;
      // An earlier log of that name may have been dropped: who stands before that has a gap.
      const facts = isNew
        ? { ...log.facts(this.#database), floor: log.namespace.facts.removedThrough }
        : log.facts(this.#database);
      changes = {
        log,
        facts,
        events: [],
        offsets: [],
        times: [],
        isChanged: isNew,
        isRemoved: false,
        isNew,
      };
      this.#logs.set(log, changes);
      this.#directory.number(log);
    }
    return changes;
  }

  #namespaceFacts(namespace: NamespaceState): NamespaceFacts {
    let facts = this.#namespaces.get(namespace);
    if (!facts) {
      facts = { ...namespace.facts };
      this.#namespaces.set(namespace, facts);
    }
    return facts;
  }

  /** Segments of what was appended to one log. */
  #encode(changes: LogChanges): void {
    if (changes.events.length > 0) this.#encodeEvents(changes);
    if (changes.isChanged && !changes.isRemoved) this.changes.push(changes.log.change(changes.facts));
  }

  #encodeEvents(changes: LogChanges): void {
    const { log, events, offsets, times, facts } = changes;
    const writer = this.#segments;
    let { totalEvents, totalBytes } = facts;
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      const isShared = event.rooms.length > 1;
      let bytes = addTo(writer, event, isShared, offsets[i]!, times[i]!);
      if (bytes < 0) {
        this.#finishSegment(log, totalEvents, totalBytes);
        bytes = addTo(writer, event, isShared, offsets[i]!, times[i]!);
      }
      totalEvents++;
      totalBytes += bytes;
      if (!isShared) this.#bytes += bytes;
    }
    this.#finishSegment(log, totalEvents, totalBytes);
    const isUnflushed = events[events.length - 1]!.flush === false;
    if (isUnflushed !== facts.isUnflushed) changes.isChanged = true;
    const isFirst = facts.totalEvents === facts.floorEvents;
    changes.facts = {
      ...facts,
      totalEvents,
      totalBytes,
      last: offsets[offsets.length - 1]!,
      oldestMs: isFirst ? times[0]! : facts.oldestMs,
      isUnflushed,
    };
  }

  #finishSegment(log: LogState, totalEvents: number, totalBytes: number): void {
    const { first } = this.#segments;
    const value = this.#segments.finish(totalEvents, totalBytes);
    if (value) this.changes.push({ key: offsetKey(KEY.segment, log.number, first), value });
  }

  #finish(): void {
    for (const [namespace, facts] of this.#namespaces) this.changes.push(namespaceChange(namespace, facts));
    if (this.changes.length > 0) this.changes.push({ key: META_TOTALS, value: encodeTotals(this.totals) });
  }
}

/** Returns the payload's bytes, or -1 if the segment is full. */
function addTo(
  writer: SegmentWriter,
  event: AppendOperation,
  isShared: boolean,
  offset: number,
  timeMs: number,
): number {
  return isShared
    ? writer.addReference(payloadBytes(event), offset, timeMs)
    : writer.add(event, offset, timeMs);
}

function recordName(kind: string, key: string): string {
  return `${kind}\0${key}`;
}

function payloadBytes({ payload }: AppendOperation): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
}
