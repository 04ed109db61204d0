import type { Change } from "./database.ts";
import { KEY, numberKey } from "./keys.ts";

/** What is stored of a namespace itself. */
export interface NamespaceFacts {
  /** Highest offset stored. */
  last: number;
  /** Highest offset of logs that were removed and left a trace. */
  removedThrough: number;
  /** True once an event of it was stored that may have been shown before its flush. */
  hasUnflushed: boolean;
}

/** A namespace by name: its number, its logs and its newest offset. */
export class NamespaceState<Log = unknown> {
  readonly name: string;
  readonly number: number;
  readonly logs = new Map<string, Log>();
  /** Highest offset given out, stored or not. */
  issued: number;
  /** What is durable of it. */
  facts: NamespaceFacts;

  constructor(name: string, number: number, facts: NamespaceFacts) {
    this.name = name;
    this.number = number;
    this.facts = facts;
    this.issued = facts.last;
  }
}

/** The change that stores what is known of a namespace. */
export function namespaceChange(
  namespace: NamespaceState,
  { last, removedThrough, hasUnflushed }: NamespaceFacts,
): Change {
  const value = Buffer.alloc(17 + Buffer.byteLength(namespace.name));
  value.writeDoubleLE(last, 0);
  value.writeDoubleLE(removedThrough, 8);
  value[16] = hasUnflushed ? 1 : 0;
  value.write(namespace.name, 17);
  return { key: numberKey(KEY.namespace, namespace.number), value };
}
