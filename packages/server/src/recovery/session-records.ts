import { afterPrefix, type Operation, type Receipt, type Store, StoreError } from "@holdfast/core";
import { formatOffset, parseOffset } from "./stamp.ts";

/** What is known of a session besides its rooms. */
export interface SessionRecord {
  /** When its client was lost, in ms since 1970; undefined while it is, or was when the process died, connected. */
  lostAt?: number;
  /** It ended: by a disconnect of either side, or because something of it could not be stored. */
  ended?: "disconnected" | "storage fault";
  /** When it ended. */
  endedAt?: number;
  /** `socket.data`, as JSON. */
  data?: string;
}

export interface StoredSession extends SessionRecord {
  /** Each room but its own. */
  readonly rooms: ReadonlyMap<string, Joined>;
}

/** When a session joined a room. */
export interface Joined {
  /** Of the last event issued before. */
  readonly offset: number;
  /** Whether the room's past was asked for. */
  readonly withReplay: boolean;
}

const SESSION = "recovery:session";
const ROOM = "recovery:room";
const SEPARATOR = "\0";
/** Marks the record of a room that was joined with its past. */
const REPLAY = "+";
const CHUNK = 1_000;

/** The records of one namespace's sessions. One small record per room, so that a join costs the same at any number. */
export class SessionRecords {
  readonly #store: Store;
  readonly #prefix: string;

  constructor(store: Store, namespace: string) {
    this.#store = store;
    // as JSON, so that no namespace is the beginning of another
    this.#prefix = `${JSON.stringify(namespace)}${SEPARATOR}`;
  }

  join(sid: string, room: string, offset: number, withReplay: boolean): Receipt {
    const value = (withReplay ? REPLAY : "") + formatOffset(offset);
    return this.#store.commit({ type: "put", kind: ROOM, key: this.#room(sid, room), value });
  }

  leave(sid: string, room: string): Receipt {
    return this.#store.commit({ type: "delete", kind: ROOM, key: this.#room(sid, room) });
  }

  put(sid: string, record: SessionRecord): Receipt {
    return this.#store.commit(this.#session(sid, record));
  }

  /** Removes the session's rooms, and leaves its record to say that it ended. */
  end(sid: string, rooms: Iterable<string>, record: SessionRecord): Receipt {
    const operations: Operation[] = [this.#session(sid, record)];
    for (const room of rooms) operations.push({ type: "delete", kind: ROOM, key: this.#room(sid, room) });
    return this.#store.commit(operations);
  }

  async load(sid: string): Promise<StoredSession | undefined> {
    const record = await this.#store.get(SESSION, this.#prefix + sid);
    const rooms = await this.rooms(sid);
    if (!record && rooms.size === 0) return undefined;
    return { ...(record ? parse(record.value) : {}), rooms };
  }

  async rooms(sid: string): Promise<Map<string, Joined>> {
    const rooms = new Map<string, Joined>();
    const prefix = `${this.#prefix}${sid}${SEPARATOR}`;
    for (let from = prefix; ; ) {
      const { records, done } = await this.#store.records({
        kind: ROOM,
        from,
        to: afterPrefix(prefix),
        limit: CHUNK,
      });
      for (const { key, value } of records) {
        const text = Buffer.from(value).toString();
        const withReplay = text.startsWith(REPLAY);
        const offset = parseOffset(withReplay ? text.slice(REPLAY.length) : text);
        if (offset === undefined) throw new StoreError("STORE_DAMAGED", "the record of a session's room");
        rooms.set(key.slice(prefix.length), { offset, withReplay });
      }
      const last = records.at(-1);
      if (done || !last) return rooms;
      from = `${last.key}${SEPARATOR}`;
    }
  }

  /** Removes whatever `isOver` says of, and returns how many sessions remain. Rooms without a record have `undefined`. */
  async sweep(isOver: (sid: string, record: SessionRecord | undefined) => boolean): Promise<number> {
    let remaining = 0;
    const withRecord = new Set<string>();
    for await (const { key, value } of this.#all(SESSION)) {
      const sid = key.slice(this.#prefix.length);
      withRecord.add(sid);
      if (isOver(sid, parse(value))) await this.#remove(sid);
      else remaining++;
    }
    let previous = "";
    for await (const { key } of this.#all(ROOM)) {
      const sid = key.slice(this.#prefix.length, key.indexOf(SEPARATOR, this.#prefix.length));
      if (sid === previous || withRecord.has(sid)) continue;
      previous = sid;
      if (isOver(sid, undefined)) await this.#remove(sid);
      else remaining++;
    }
    return remaining;
  }

  async #remove(sid: string): Promise<void> {
    const rooms = await this.rooms(sid);
    const operations: Operation[] = [{ type: "delete", kind: SESSION, key: this.#prefix + sid }];
    for (const room of rooms.keys())
      operations.push({ type: "delete", kind: ROOM, key: this.#room(sid, room) });
    await this.#store.commit(operations).durable();
  }

  async *#all(kind: string): AsyncGenerator<{ key: string; value: Uint8Array }> {
    for (let from = this.#prefix; ; ) {
      const query = { kind, from, to: afterPrefix(this.#prefix), limit: CHUNK };
      const { records, done } = await this.#store.records(query);
      yield* records;
      const last = records.at(-1);
      if (done || !last) return;
      from = `${last.key}${SEPARATOR}`;
    }
  }

  #session(sid: string, record: SessionRecord): Operation {
    return { type: "put", kind: SESSION, key: this.#prefix + sid, value: JSON.stringify(record) };
  }

  #room(sid: string, room: string): string {
    return `${this.#prefix}${sid}${SEPARATOR}${room}`;
  }
}

function parse(value: Uint8Array): SessionRecord {
  try {
    return JSON.parse(Buffer.from(value).toString()) as SessionRecord;
  } catch (error) {
    throw new StoreError("STORE_DAMAGED", "a session's record is not JSON", error);
  }
}
