import {
  afterPrefix,
  type Operation,
  type Receipt,
  STORE_LIMITS,
  type Store,
  type StoredRecord,
  StoreError,
} from "@holdfast/core";
import { digest, RESERVED } from "./room-names.ts";

/** How a session ended: by a disconnect of either side; by its age; by a fault; or as one of too many. */
export type Ending = "disconnected" | "expired" | "storage fault" | "crowded";

/** What is known of a session besides its rooms. */
export interface SessionRecord {
  /** When its client was lost, in ms since 1970; undefined while it is, or was when the process died, connected. */
  lostAt?: number;
  ended?: Ending;
  /** When it ended. */
  endedAt?: number;
  /** `socket.data`, as JSON. */
  data?: string | undefined;
}

export interface StoredSession extends SessionRecord {
  /** Each room but its own. */
  readonly rooms: readonly Membership[];
}

/** That a session is, or was, in a room. */
export interface Membership {
  /** The room as the application names it: text, or a number. */
  readonly room: unknown;
  /** Offset of the last event issued before it was joined, the last time. */
  readonly joinedAt: number;
  /** Whether the room's past was asked for. */
  readonly withReplay: boolean;
  /** Offset of the last event issued before it was left, the last time. It is a member if `joinedAt` is not before. */
  readonly leftAt: number | undefined;
  readonly isMember: boolean;
}

interface JoinValue {
  /** `joinedAt`. */
  at: number;
  /** `withReplay`. */
  replay?: true;
  /** The room, where the key does not say it. */
  room?: unknown;
}

export const SESSION = "recovery:session";
export const ROOM = "recovery:room";
export const LEFT = "recovery:left";
export const SEPARATOR = "\0";
const CHUNK = 1_000;

/** The records of one namespace's sessions. One small record per room, so that a join costs the same at any number. */
export class SessionRecords {
  readonly #store: Store;
  readonly #prefix: string;

  constructor(store: Store, namespace: string) {
    this.#store = store;
    this.#prefix = prefixOf(namespace);
  }

  /** Fails for a room that can't be written down: neither text nor a number. */
  join(sid: string, room: unknown, offset: number, withReplay: boolean): Receipt {
    const key = this.#room(sid, room);
    const value: JoinValue = { at: offset };
    if (withReplay) value.replay = true;
    if (key.isHashed) value.room = room;
    return this.#store.commit({ type: "put", kind: ROOM, key: key.text, value: JSON.stringify(value) });
  }

  /** What was issued to the room before may still be on its way to the client. */
  leave(sid: string, room: unknown, offset: number): Receipt {
    const key = this.#room(sid, room).text;
    return this.#store.commit({ type: "put", kind: LEFT, key, value: String(offset) });
  }

  /** What stands of a room that was left long ago, or joined anew. */
  forgetLeave(sid: string, room: unknown, isMember: boolean): readonly Operation[] {
    const key = this.#room(sid, room).text;
    const left: Operation = { type: "delete", kind: LEFT, key };
    return isMember ? [left] : [left, { type: "delete", kind: ROOM, key }];
  }

  put(sid: string, record: SessionRecord): Receipt {
    return this.#store.commit(this.operation(sid, record));
  }

  /** Removes the rooms that it is in, and leaves its record to say that it ended. */
  end(sid: string, rooms: Iterable<unknown>, record: SessionRecord): Receipt {
    const operations: Operation[] = [this.operation(sid, record)];
    for (const room of rooms)
      operations.push({ type: "delete", kind: ROOM, key: this.#room(sid, room).text });
    return this.#store.commit(operations);
  }

  /** Setting a session's record, as an operation. */
  operation(sid: string, record: SessionRecord): Operation {
    return { type: "put", kind: SESSION, key: this.#prefix + sid, value: JSON.stringify(record) };
  }

  async load(sid: string): Promise<StoredSession | undefined> {
    const record = await this.#store.get(SESSION, this.#prefix + sid);
    const rooms = await this.#rooms(sid);
    if (!record && rooms.length === 0) return undefined;
    return { ...(record ? parseRecord(record.value) : {}), rooms };
  }

  async #rooms(sid: string): Promise<Membership[]> {
    const prefix = `${this.#prefix}${sid}${SEPARATOR}`;
    const left = new Map<string, StoredRecord>();
    for await (const record of walk(this.#store, LEFT, prefix)) left.set(record.key, record);
    const rooms: Membership[] = [];
    for await (const { key, value, version } of walk(this.#store, ROOM, prefix)) {
      const { at, replay = false, room = key.slice(prefix.length) } = parse<JoinValue>(value);
      const leave = left.get(key);
      const leftAt = leave && Number(Buffer.from(leave.value).toString());
      const isMember = !leave || version > leave.version;
      rooms.push({ room, joinedAt: at, withReplay: replay, leftAt, isMember });
    }
    return rooms;
  }

  #room(sid: string, room: unknown): { text: string; isHashed: boolean } {
    const prefix = `${this.#prefix}${sid}${SEPARATOR}`;
    const isPlain = typeof room === "string" && !room.startsWith(RESERVED);
    if (isPlain && Buffer.byteLength(prefix + room) <= STORE_LIMITS.keyBytesMax) {
      return { text: prefix + room, isHashed: false };
    }
    return { text: `${prefix}${RESERVED}${digest(`${typeof room}:${room}`)}`, isHashed: true };
  }
}

/** What keys of a namespace's records begin with. As JSON, so that no namespace is the beginning of another. */
export function prefixOf(namespace: string): string {
  return `${JSON.stringify(namespace)}${SEPARATOR}`;
}

/** Whose record it is. */
export function ownerOf(key: string): { namespace: string; sid: string } {
  const [name = "", sid = ""] = key.split(SEPARATOR, 2);
  return { namespace: JSON.parse(name) as string, sid };
}

/** All records of a kind whose keys begin so. What others do in the meantime may or may not be seen. */
export async function* walk(store: Store, kind: string, prefix = ""): AsyncGenerator<StoredRecord> {
  const to = prefix === "" ? {} : { to: afterPrefix(prefix) };
  for (let from = prefix; ; ) {
    const { records, done } = await store.records({ kind, from, ...to, limit: CHUNK });
    yield* records;
    const last = records.at(-1);
    if (done || !last) return;
    from = `${last.key}${SEPARATOR}`;
    // others first: nobody who walks so far is in a hurry
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function parseRecord(value: Uint8Array): SessionRecord {
  return parse<SessionRecord>(value);
}

function parse<T>(value: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(value).toString()) as T;
  } catch (error) {
    throw new StoreError("STORE_DAMAGED", "a session's record is not JSON", error);
  }
}
