import { StoreError } from "../store/index.ts";
import { RoomPattern } from "./pattern.ts";
import { parseDuration, parseSize } from "./units.ts";

/** How long the events of a room are kept: until the first limit that they pass. */
export interface KeepOptions {
  /** Age, as "30d" or in milliseconds. Default: no limit. */
  readonly age?: string | number | undefined;
  /** Number of events. Default: no limit. */
  readonly events?: number | undefined;
  /** Payload bytes, as "1gb" or a number. Default: no limit. */
  readonly bytes?: string | number | undefined;
  /**
   * False delivers events before they are flushed. After an unclean stop, readers of such rooms are told of a gap.
   * Default: true.
   */
  readonly flush?: boolean | undefined;
}

export interface RoomOptions {
  /** `true` keeps without limits of its own, `false` keeps nothing. */
  readonly keep: KeepOptions | boolean;
}

/** Patterns of room names, of which the first that matches decides. */
export type RoomsOption = Readonly<Record<string, RoomOptions>>;

export interface KeepPolicy {
  /** Milliseconds. */
  readonly ageMs: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly flush: boolean;
  /** False if nobody asks what was dropped of a log that is gone (see TrimOperation). */
  readonly trace: boolean;
}

/** Names whose answer is remembered; strangers can name many. */
const CACHE_MAX = 10_000;

/** Answers which rooms are kept, and how. */
export class Policies {
  readonly #rules: { readonly pattern: RoomPattern; readonly policy: KeepPolicy | undefined }[];
  readonly #fallback: KeepPolicy | undefined;
  #cache = new Map<string, KeepPolicy | undefined>();

  /**
   * Throws `POLICY_INVALID`. The fallback is for logs of rooms that no pattern names, such as those that hold what
   * is kept for recovery only.
   */
  constructor(rooms: RoomsOption = {}, fallback?: KeepPolicy) {
    this.#rules = Object.entries(rooms).map(([text, options]) => ({
      pattern: new RoomPattern(text),
      policy: policyOf(text, options),
    }));
    this.#fallback = fallback;
  }

  /** True if no room can ever be kept: then nothing need be asked. */
  get isEmpty(): boolean {
    return this.#rules.every(({ policy }) => policy === undefined);
  }

  /** True if there may be rooms whose events are delivered before they are flushed. */
  get hasEarly(): boolean {
    return this.#rules.some(({ policy }) => policy?.flush === false);
  }

  /** The policy of a kept room; undefined where no pattern keeps it. */
  of(room: string): KeepPolicy | undefined {
    const cached = this.#cache.get(room);
    if (cached !== undefined || this.#cache.has(room)) return cached;
    const policy = this.#rules.find(({ pattern }) => pattern.matches(room))?.policy;
    if (this.#cache.size >= CACHE_MAX) this.#cache = new Map();
    this.#cache.set(room, policy);
    return policy;
  }

  /** What retention applies to a log. */
  ofLog(room: string): KeepPolicy | undefined {
    return this.of(room) ?? this.#fallback;
  }
}

const KEYS: readonly string[] = ["age", "events", "bytes", "flush"];

function policyOf(pattern: string, options: unknown): KeepPolicy | undefined {
  const invalid = (what: string) =>
    new StoreError("POLICY_INVALID", `rooms[${JSON.stringify(pattern)}]${what}`);
  if (typeof options !== "object" || options === null || !("keep" in options)) {
    throw invalid(" must be an object with `keep`");
  }
  const { keep } = options;
  if (keep === false) return undefined;
  if (keep !== true && (typeof keep !== "object" || keep === null)) {
    throw invalid(".keep must be an object or a boolean");
  }
  const limits: KeepOptions = keep === true ? {} : keep;
  for (const key of Object.keys(limits)) {
    if (!KEYS.includes(key)) throw invalid(`.keep.${key} is not known; it may hold ${KEYS.join(", ")}`);
  }
  const { age, events, bytes, flush = true } = limits;
  if (events !== undefined && !(Number.isSafeInteger(events) && events >= 0)) {
    throw invalid(`.keep.events is ${events}; it must be a whole number`);
  }
  if (typeof flush !== "boolean") throw invalid(".keep.flush must be a boolean");
  const name = `rooms[${JSON.stringify(pattern)}].keep`;
  return {
    ageMs: age === undefined ? Infinity : parseDuration(age, `${name}.age`),
    bytesMax: bytes === undefined ? Infinity : parseSize(bytes, `${name}.bytes`),
    eventsMax: events ?? Infinity,
    flush,
    trace: true,
  };
}
