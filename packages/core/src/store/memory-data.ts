import { randomBytes } from "node:crypto";
import { MemoryLog } from "./memory-log.ts";
import { OrderedKeys } from "./ordered-keys.ts";
import type { StoredEvent, StoredRecord, StoreEpochs } from "./store.ts";

export interface MemoryNamespace {
  readonly logs: Map<string, MemoryLog>;
  last: number;
  /** Highest offset of logs that were removed and left a trace. */
  removedThrough: number;
  hasUnflushed: boolean;
}

export interface MemoryKind {
  readonly keys: OrderedKeys;
  readonly records: Map<string, StoredRecord>;
}

/** What survives a crash of the memory driver: the equivalent of a disk's content. */
export class MemoryData {
  readonly namespaces = new Map<string, MemoryNamespace>();
  readonly kinds = new Map<string, MemoryKind>();
  /** How many logs still hold an event. */
  readonly references = new Map<StoredEvent, number>();
  readonly #epoch = randomBytes(6).toString("base64url");
  #serial = 0;
  generation = 0;
  version = 0;
  timeMs = 0;
  events = 0;
  eventBytes = 0;
  recordBytes = 0;
  logs = 0;

  get epochs(): StoreEpochs {
    return { flushed: this.#epoch, unflushed: `${this.#epoch}.${this.generation}` };
  }

  namespace(name: string): MemoryNamespace {
    let namespace = this.namespaces.get(name);
    if (!namespace) {
      namespace = { logs: new Map(), last: 0, removedThrough: 0, hasUnflushed: false };
      this.namespaces.set(name, namespace);
    }
    return namespace;
  }

  log(namespace: string, room: string): MemoryLog {
    const { logs } = this.namespace(namespace);
    let log = logs.get(room);
    if (!log) {
      log = new MemoryLog(namespace, room, ++this.#serial);
      logs.set(room, log);
      this.logs++;
    }
    return log;
  }

  removeLog(log: MemoryLog): void {
    if (this.namespace(log.namespace).logs.delete(log.room)) this.logs--;
  }

  kind(name: string): MemoryKind {
    let kind = this.kinds.get(name);
    if (!kind) {
      kind = { keys: new OrderedKeys(), records: new Map() };
      this.kinds.set(name, kind);
    }
    return kind;
  }
}
