import { afterPrefix, fromSortable, sortable } from "../store/index.ts";
import { QUEUE_LIMITS } from "./options.ts";

/** Kinds of records. All keys of one queue start with its number. */
export const KIND = {
  /** A queue by name: number, counts, pause. The only one without a number in front. */
  queue: "queue",
  /** Jobs that wait or run, in the order in which they start. */
  ready: "queue:ready",
  /** Jobs whose delay or back-off has not ended, by sequence. */
  parked: "queue:parked",
  /** When they are due: time and sequence, empty. */
  due: "queue:due",
  /** When jobs expire: time and sequence → priority. */
  expiry: "queue:expiry",
  /** Attempts under way: one record for those that began in one commit, by a serial. */
  lease: "queue:lease",
  /** Ids that somebody chose → where the job is. */
  id: "queue:id",
  /** What is remembered of finished jobs, by sequence. */
  finished: "queue:finished",
  /** Which jobs finished when, for trimming: one record for those of one commit. */
  finishedLog: "queue:finished-log",
  /** Dead letters, in the order in which they died. */
  dead: "queue:dead",
  repeat: "queue:repeat",
} as const;

/** Where a job is: its place in the order of starting. Never changes, whatever state the job is in. */
export interface Place {
  /** Rises with each job of a queue. */
  readonly seq: number;
  readonly priority: number;
}

const NUMBER_DIGITS = 4;
const RANK_DIGITS = 3;
const SEQ_DIGITS = 11;
const NORMAL_RANK = rankOf(0);

/** Keys of one queue's records. */
export class QueueKeys {
  /** Empty until the queue is open. */
  prefix = "";
  /** End of the range of all keys of this queue. */
  end = "";

  /** The queue is open: it has this number. */
  assign(queueNumber: number): void {
    this.prefix = queueNumber.toString(36).padStart(NUMBER_DIGITS, "0");
    this.end = afterPrefix(this.prefix);
  }

  /** In `ready`: larger priorities first, then by sequence. */
  ready({ seq, priority }: Place): string {
    const rank = priority === 0 ? NORMAL_RANK : rankOf(priority);
    return `${this.prefix}${rank}${sortable(seq)}`;
  }

  placeOf(readyKey: string): Place {
    const rank = Number.parseInt(readyKey.slice(NUMBER_DIGITS, NUMBER_DIGITS + RANK_DIGITS), 36);
    return {
      priority: QUEUE_LIMITS.prioritySpan - rank,
      seq: fromSortable(readyKey.slice(NUMBER_DIGITS + RANK_DIGITS)),
    };
  }

  seq(seq: number): string {
    return this.prefix + sortable(seq);
  }

  /** In `due`, `expiry`, `dead` and the log of finished jobs. */
  time(timeMs: number, seq: number): string {
    return this.prefix + sortable(timeMs) + sortable(seq);
  }

  timeOf(timeKey: string): number {
    return fromSortable(timeKey.slice(NUMBER_DIGITS));
  }

  seqOf(timeKey: string): number {
    return fromSortable(timeKey.slice(NUMBER_DIGITS + SEQ_DIGITS));
  }

  /** In `id` and `repeat`. */
  name(name: string): string {
    return this.prefix + name;
  }

  nameOf(nameKey: string): string {
    return nameKey.slice(NUMBER_DIGITS);
  }
}

/** Sorts larger priorities first. */
function rankOf(priority: number): string {
  return (QUEUE_LIMITS.prioritySpan - priority).toString(36).padStart(RANK_DIGITS, "0");
}

/** What a remote worker shows for its attempt at a job. */
export interface Token {
  /** Prefix of the queue's keys. */
  readonly prefix: string;
  readonly seq: number;
  readonly secret: string;
}

export function formatToken({ prefix, seq, secret }: Token): string {
  return `${prefix}${seq.toString(36)}.${secret}`;
}

/** Undefined if it is none. */
export function parseToken(token: unknown): Token | undefined {
  const match = typeof token === "string" && /^([0-9a-z]{4})([0-9a-z]{1,11})\.([\w-]{16})$/.exec(token);
  if (!match) return undefined;
  return { prefix: match[1]!, seq: Number.parseInt(match[2]!, 36), secret: match[3]! };
}

/** The id of a job whose adder chose none: it says where the job is, so that nothing need be stored for it. */
export function idOf({ seq, priority }: Place): string {
  return priority === 0 ? `~${seq.toString(36)}` : `~${seq.toString(36)}.${priority}`;
}

/** The place in such an id; undefined if it is none. */
export function placeInId(id: string): Place | undefined {
  const match = /^~([0-9a-z]{1,11})(?:\.(-?[1-9][0-9]{0,3}))?$/.exec(id);
  if (!match) return undefined;
  const place = { seq: Number.parseInt(match[1]!, 36), priority: Number(match[2] ?? 0) };
  const isPossible = Number.isSafeInteger(place.seq) && Math.abs(place.priority) <= QUEUE_LIMITS.prioritySpan;
  return isPossible && idOf(place) === id ? place : undefined;
}
