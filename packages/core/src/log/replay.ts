import type { LogInfo, Position, Store, StoredEvent } from "../store/index.ts";
import { StoreError } from "../store/index.ts";
import type { Clock } from "./clock.ts";
import { parsePosition } from "./position.ts";
import { parseDuration } from "./units.ts";

/** Where a replay starts: behind a position (object or text), a duration ago ("15m"), or so many events ago (50). */
export type Since = Position | string | number;

/** What a reader has missed for good, or may have. */
export interface Gap {
  readonly room: string;
  /** Offsets: it begins behind `from` and reaches up to `to`. */
  readonly from: number;
  readonly to: number;
  /** `trimmed`: retention passed the reader by. `epoch`: the log lost unflushed events in an unclean stop, or is another. */
  readonly reason: "trimmed" | "epoch";
}

export interface ReplayChunk {
  readonly events: readonly StoredEvent[];
  /** What is missing before these events. */
  readonly gap: Gap | undefined;
  readonly done: boolean;
}

/**
 * Reads a room's past up to the moment when the replay was asked for. What is issued afterwards is live: somebody
 * who became a member in the same turn gets each event once, first these, then those.
 */
export class Replay {
  readonly namespace: string;
  readonly room: string;
  /** Offset of the last event that belongs to the past. */
  readonly through: number;
  readonly #store: Store;
  #after: number;
  #gap: Gap | undefined;

  private constructor(
    store: Store,
    namespace: string,
    room: string,
    through: number,
    after: number,
    gap: Gap | undefined,
  ) {
    this.#store = store;
    this.namespace = namespace;
    this.room = room;
    this.through = through;
    this.#after = after;
    this.#gap = gap;
  }

  static async open(
    store: Store,
    clock: Clock,
    namespace: string,
    room: string,
    since: Since,
  ): Promise<Replay> {
    // First: the seam between past and live is where this is called, not where an await ends.
    const head = store.head(namespace);
    // if the start is refused nobody awaits it
    head.catch(() => {});
    const start = startOf(since, clock);
    const through = await head;
    const info = await store.log(namespace, room);
    if (!("epoch" in start)) {
      const target = "newest" in start ? { ...start, through } : start;
      const after = await store.seek(namespace, room, target);
      return new Replay(store, namespace, room, through, after, undefined);
    }
    const { after, gap } = resume(start, info, store, through);
    return new Replay(store, namespace, room, through, after, gap);
  }

  /** Offset that the next chunk starts behind. */
  get after(): number {
    return this.#after;
  }

  /** The next events; call again when the reader has taken them. */
  async next(limit?: number, bytes?: number): Promise<ReplayChunk> {
    const { namespace, room, through } = this;
    const after = this.#after;
    const query = { namespace, rooms: [room], after, before: through + 1, limit, bytes };
    const { events, done } = await this.#store.events(query);
    // Asked afterwards: retention goes on while a slow reader reads, and while we do.
    const { floor } = await this.#store.log(namespace, room);
    const to = Math.min(floor, through, (events[0]?.offset ?? Number.POSITIVE_INFINITY) - 1);
    const known = this.#gap;
    const gap: Gap | undefined =
      to > after && !(known && known.to >= to)
        ? { room, from: known?.from ?? after, to, reason: known?.reason ?? "trimmed" }
        : known;
    this.#gap = undefined;
    this.#after = events[events.length - 1]?.offset ?? Math.max(after, to);
    return { events, gap, done };
  }
}

function startOf(since: Since, clock: Clock): Position | { sinceMs: number } | { newest: number } {
  if (typeof since === "number") {
    if (!Number.isSafeInteger(since) || since < 0) {
      throw new StoreError(
        "QUERY_INVALID",
        `since is ${since}; as a number of events it must be a whole number`,
      );
    }
    return { newest: since };
  }
  const position = parsePosition(since);
  if (position) return position;
  try {
    return { sinceMs: clock.now() - parseDuration(since, "since") };
  } catch (error) {
    throw new StoreError(
      "QUERY_INVALID",
      "since must be a position, a duration or a number of events",
      error,
    );
  }
}

function resume(
  position: Position,
  info: LogInfo,
  store: Store,
  through: number,
): { after: number; gap: Gap | undefined } {
  const { room, floor } = info;
  const { flushed, unflushed } = store.epochs!;
  // No unclean stop since a position of the unflushed epoch, whatever the room's last event was.
  const isCurrent = position.epoch === unflushed || position.epoch === (info.exists ? info.epoch : flushed);
  if (isCurrent) {
    if (position.offset > through) throw new StoreError("QUERY_INVALID", "The position lies in the future");
    if (position.offset >= floor) return { after: position.offset, gap: undefined };
    return { after: floor, gap: { room, from: position.offset, to: floor, reason: "trimmed" } };
  }
  // Of this store, before an unclean stop or a change of mode: its offsets still order. Of another store: they don't.
  const isOurs = position.epoch === flushed || position.epoch.startsWith(`${flushed}.`);
  const after = isOurs ? Math.max(floor, Math.min(position.offset, through)) : floor;
  return { after, gap: { room, from: isOurs ? position.offset : 0, to: through, reason: "epoch" } };
}
