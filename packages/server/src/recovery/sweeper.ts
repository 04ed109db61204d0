import type { Operation, Store } from "@holdfast/core";
import { LEFT, ownerOf, parseRecord, ROOM, SESSION, type SessionRecord, walk } from "./session-records.ts";

/** How long, in ms, a pid without a record may be resumed, and how long it is remembered that a session ended. */
export const UNRECORDED_MS = 3_600_000;
/** How long, in ms, at least, a session without a word of its end is left alone. */
const GRACE_MS = 60_000;
/** Operations per commit. */
const BATCH = 500;

/** What a sweep needs to know. */
export interface SweptRecovery {
  readonly kept: { readonly store: Store };
  readonly limits: { readonly durationMs: number; readonly ageMs: number; readonly sessionsMax: number };
  readonly startedAt: number;
  readonly diedAt: number;
  readonly ready: Promise<void>;
  /** Whoever was there before then is not resumed. */
  raiseFloor(beforeMs: number): unknown;
}

/** Sessions of a namespace that is there now. */
export interface SessionsOwner {
  readonly namespace: string;
  /** Whether the session is connected, or about to be. */
  isPresent(sid: string): boolean;
  /** Stores records of all that are connected, since before then, and have none. */
  recordAll(connectedBeforeMs: number): Promise<void>;
  /** Forgets what was left long ago. */
  tidy(nowMs: number): Promise<void>;
}

/**
 * Keeps the records of sessions within bounds. One that expired is remembered as ended, like any other, for as long as
 * its pid might still be taken for one that never needed a record.
 */
export class Sweeper {
  readonly #shared: SweptRecovery;
  readonly #owners: ReadonlyMap<string, SessionsOwner>;
  #away = 0;
  #ended = 0;
  #isRunning = false;
  #isClosed = false;

  constructor(shared: SweptRecovery, owners: ReadonlyMap<string, SessionsOwner>) {
    this.#shared = shared;
    this.#owners = owners;
  }

  /** More sessions wait for their clients than there may. */
  get isFull(): boolean {
    return this.#away >= this.#shared.limits.sessionsMax;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** True if it is time to sweep. */
  count(kind: "away" | "ended"): boolean {
    if (kind === "away") this.#away++;
    else this.#ended++;
    return this.#ended > this.#shared.limits.sessionsMax && !this.#isRunning;
  }

  async sweep(): Promise<void> {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    try {
      await this.#shared.ready;
      const now = Date.now();
      for (const owner of this.#owners.values()) {
        await owner.tidy(now);
        await owner.recordAll(now - UNRECORDED_MS / 2);
      }
      const { away, ended } = await this.#walk(now, now - UNRECORDED_MS);
      this.#away = away;
      this.#ended = ended;
      if (ended <= this.#shared.limits.sessionsMax) return;
      // too many to remember: from here on whoever has no record is not known
      for (const owner of this.#owners.values()) await owner.recordAll(now);
      await this.#shared.raiseFloor(now);
      const rest = await this.#walk(now, now);
      this.#away = rest.away;
      this.#ended = rest.ended;
    } finally {
      this.#isRunning = false;
    }
  }

  /** @param forgottenBefore what ended before then need not be remembered, in ms since 1970 */
  async #walk(now: number, forgottenBefore: number): Promise<{ away: number; ended: number }> {
    const { store } = this.#shared.kept;
    let away = 0;
    let ended = 0;
    let operations: Operation[] = [];
    const commit = async (): Promise<void> => {
      const batch = operations;
      operations = [];
      if (batch.length > 0) await store.commit(batch).durable();
    };
    for await (const { key, value } of walk(store, SESSION)) {
      if (this.#isClosed) return { away, ended };
      const record = parseRecord(value);
      if (record.endedAt !== undefined) {
        if (record.endedAt < forgottenBefore) operations.push({ type: "delete", kind: SESSION, key });
        else ended++;
      } else if (this.#isPresent(key)) continue;
      else if (this.#isOver(record, now)) {
        operations.push(expiry(key, now));
        ended++;
      } else away++;
      if (operations.length >= BATCH) await commit();
    }
    await commit();
    for (const kind of [ROOM, LEFT]) {
      let previous = "";
      let isGone = false;
      for await (const { key } of walk(store, kind)) {
        if (this.#isClosed) return { away, ended };
        const sessionKey = key.split("\0", 2).join("\0");
        if (sessionKey !== previous) {
          previous = sessionKey;
          const record = await store.get(SESSION, sessionKey);
          const session = record ? parseRecord(record.value) : {};
          isGone = session.endedAt !== undefined || (!this.#isPresent(key) && this.#isOver(session, now));
          if (isGone && !record) {
            operations.push(expiry(sessionKey, now));
            ended++;
          }
        }
        if (isGone) operations.push({ type: "delete", kind, key });
        if (operations.length >= BATCH) await commit();
      }
      await commit();
    }
    return { away, ended };
  }

  #isPresent(key: string): boolean {
    const { namespace, sid } = ownerOf(key);
    return this.#owners.get(namespace)?.isPresent(sid) === true;
  }

  #isOver({ lostAt }: SessionRecord, now: number): boolean {
    const { diedAt, startedAt, limits } = this.#shared;
    return now - (lostAt ?? (diedAt || startedAt)) > Math.max(limits.durationMs, GRACE_MS);
  }
}

function expiry(key: string, now: number): Operation {
  const record: SessionRecord = { ended: "expired", endedAt: now };
  return { type: "put", kind: SESSION, key, value: JSON.stringify(record) };
}
