import type { RecoveryFailure } from "./failure.ts";
import type { Holes } from "./holes.ts";
import type { PidContent } from "./pid.ts";
import type { Restoration, Span } from "./restoration.ts";
import { EVERYBODY, logNameOf } from "./room-names.ts";
import {
  type Ending,
  type Membership,
  parseRecord,
  type SessionRecords,
  type StoredSession,
} from "./session-records.ts";
import type { SharedRecovery } from "./shared.ts";
import { UNRECORDED_MS } from "./sweeper.ts";

type Found = Pick<Restoration, "rooms" | "data" | "json" | "stays" | "missed" | "since">;

const TO_THE_END = Number.MAX_SAFE_INTEGER;

/** Finds out whether a session can come back with everything, and what it missed. */
export class Restorer {
  readonly #shared: SharedRecovery;
  readonly #namespace: string;
  readonly #records: SessionRecords;
  readonly #holes: Holes;

  constructor(shared: SharedRecovery, namespace: string, records: SessionRecords, holes: Holes) {
    this.#shared = shared;
    this.#namespace = namespace;
    this.#records = records;
    this.#holes = holes;
  }

  /**
   * @param shown the offset that the client showed
   * @param last the newest offset there is
   */
  async find(
    content: PidContent,
    shown: number | "foreign" | undefined,
    last: number,
  ): Promise<Found | RecoveryFailure> {
    const { sid, start, issuedAt } = content;
    const session = await this.#records.load(sid);
    const failure = this.#judge(content, session);
    if (failure) return failure;
    if (shown === undefined || (shown !== "foreign" && shown > last)) return "unknown";
    // one of before, or of another server, says that nothing of this session has come to replace it
    const since = shown === "foreign" ? start : Math.max(shown, start);
    if (this.#holes.concern(since, { offset: start, at: issuedAt })) return "storage fault";
    const all: Span = { after: since, through: TO_THE_END };
    const missed = new Map<string, Span>([
      [sid, all],
      [EVERYBODY, all],
    ]);
    const rooms: unknown[] = [];
    const stays = new Map<string, Span>();
    for (const membership of session?.rooms ?? []) {
      const { room, joinedAt, leftAt, isMember } = membership;
      const log = logNameOf(room)!;
      const span = await this.#span(log, membership, since);
      if (typeof span === "string") return span;
      if (span.after < span.through) missed.set(log, span);
      if (isMember) rooms.push(room);
      const through = isMember ? TO_THE_END : leftAt!;
      if (typeof room === "string") stays.set(room, { after: joinedAt, through });
      if (this.#isEarly(log) && this.#holes.concernEarly(span.after)) return "storage fault";
    }
    for (const [log, { after }] of missed) {
      const { floor } = await this.#shared.kept.store.log(this.#namespace, log);
      if (floor > after) return "trimmed";
    }
    const json = session?.data;
    return { rooms, json, stays, data: json === undefined ? undefined : JSON.parse(json), missed, since };
  }

  async #span(log: string, membership: Membership, since: number): Promise<Span | RecoveryFailure> {
    const { joinedAt, leftAt, withReplay, isMember } = membership;
    const after = Math.max(since, joinedAt);
    if (!isMember) {
      // the end of the replay may have been under way
      if (withReplay && since <= joinedAt) return "replaying";
      return { after, through: leftAt! };
    }
    // events come in order: who has seen a later one has seen all of the replay
    if (withReplay && since <= joinedAt) return "replaying";
    if (leftAt !== undefined && since < leftAt) {
      // when it had joined the time before is not known any more
      const query = { namespace: this.#namespace, rooms: [log], after: since, before: leftAt + 1, limit: 1 };
      const { events } = await this.#shared.kept.store.events(query);
      if (events.length > 0) return "rejoined";
    }
    return { after, through: TO_THE_END };
  }

  #judge(content: PidContent, session: StoredSession | undefined): RecoveryFailure | undefined {
    const { issuedAt, sid } = content;
    const ended = this.#owedEnding(sid) ?? session?.ended;
    if (ended) return ended;
    const now = Date.now();
    const { startedAt, diedAt, floor, limits } = this.#shared;
    if (!session && (now - issuedAt > UNRECORDED_MS || issuedAt <= floor)) return "expired";
    // who was not lost under our eyes was lost when the process died
    const lostAt = session?.lostAt ?? (issuedAt < startedAt ? Math.max(diedAt, issuedAt) : undefined);
    if (lostAt === undefined) return session ? "storage fault" : "expired";
    return now - lostAt > limits.durationMs ? "expired" : undefined;
  }

  /** Of one whose end could not be stored yet. */
  #owedEnding(sid: string): Ending | undefined {
    const operation = this.#records.operation(sid, {});
    const owed = operation.type === "put" ? this.#shared.owed(operation.key) : undefined;
    return owed?.type === "put" ? parseRecord(Buffer.from(owed.value)).ended : undefined;
  }

  #isEarly(log: string): boolean {
    return this.#shared.kept.rooms.policies.of(log)?.flush === false;
  }
}
