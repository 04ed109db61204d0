import { expect } from "vitest";
import type { AppendOperation, EventQuery, Store, StoredEvent, StoreError } from "../store/index.ts";

/** Options that a driver under test must take. */
export interface SubjectOptions {
  readonly logsMax?: number;
  readonly pendingBytesMax?: number;
  readonly bytesMax?: number;
}

/** A store under test, on storage of its own. */
export interface Subject {
  readonly store: Store;
  /** Kills it as a crash of the process would; returns what the next process finds. */
  crash(): Promise<Subject>;
  /** Closes it and opens it again. */
  reopen(): Promise<Subject>;
  /** Removes everything. */
  dispose(): Promise<void>;
}

/** What a driver gives to the contract suite. */
export interface StoreHarness {
  open(options?: SubjectOptions): Promise<Subject>;
}

export const NAMESPACE = "/";
let clockMs = 1_700_000_000_000;

/** An append, with a time that rises by itself. */
export function append(
  room: string | readonly string[],
  payload: string | Uint8Array,
  more: Partial<AppendOperation> = {},
): AppendOperation {
  const rooms = typeof room === "string" ? [room] : room;
  return { type: "append", namespace: NAMESPACE, rooms, payload, timeMs: clockMs++, ...more };
}

/** Appends and waits; returns the offset. */
export async function store1(store: Store, operation: AppendOperation): Promise<number> {
  const { offsets } = await store.commit(operation).durable();
  return offsets[0]!;
}

/** All events of a query, chunk by chunk. */
export async function readAll(store: Store, query: Partial<EventQuery> = {}): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let { after, before } = query;
  for (;;) {
    const chunk = await store.events({ namespace: NAMESPACE, ...query, after, before });
    events.push(...chunk.events);
    if (chunk.done) return events;
    const last = chunk.events[chunk.events.length - 1]!.offset;
    if (query.reverse) before = last;
    else after = last;
  }
}

/** Payloads as text. */
export async function texts(store: Store, query: Partial<EventQuery> = {}): Promise<string[]> {
  return (await readAll(store, query)).map(({ payload }) => Buffer.from(payload).toString());
}

export async function expectCode(promise: Promise<unknown>, code: StoreError["code"]): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: "StoreError", code });
}
