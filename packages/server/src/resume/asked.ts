import { invalid, isRecord } from "../negotiation/index.ts";

/** The most that a client may ask for as credit (PROTOCOL §3.1). */
export const CREDIT_MAX = 100_000;
const KEY_CHARS_MAX = 128;
const OFFSET_CHARS_MAX = 32;
const GRANT_CHARS_MAX = 256;

/** A position as a client shows it. */
export interface ShownPosition {
  readonly room: string;
  readonly offset: string;
  readonly grant: string;
}

/** What a client asks for. */
export interface Asked {
  readonly key: string | undefined;
  readonly positions: readonly ShownPosition[];
  /** Rooms whose positions are too many. */
  readonly tooMany: readonly string[];
  readonly credit: number;
}

/**
 * Throws what the client is told if it is malformed.
 *
 * @param positionsMax of more positions the last count: clients show those last that they joined last
 */
export function parseAsked(asked: unknown, positionsMax: number): Asked {
  if (!isRecord(asked)) throw invalid("resume must be an object");
  const { key, positions = {}, credit } = asked;
  if (key !== undefined && !isText(key, KEY_CHARS_MAX)) throw invalid("resume.key must be a short text");
  if (!isRecord(positions)) throw invalid("resume.positions must be an object");
  const rooms = Object.keys(positions);
  const tooMany = rooms.splice(0, Math.max(0, rooms.length - positionsMax));
  return {
    key,
    positions: rooms.map((room) => position(room, positions[room])),
    tooMany,
    credit: parseCredit(credit),
  };
}

/** Throws if it is not a number of events. */
export function parseCredit(value: unknown): number {
  const isCredit = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= CREDIT_MAX;
  if (!isCredit) throw invalid(`a credit must be a whole number from 1 to ${CREDIT_MAX}`);
  return value as number;
}

function position(room: string, value: unknown): ShownPosition {
  const [offset, grant] = Array.isArray(value) && value.length === 2 ? value : [];
  if (!isText(offset, OFFSET_CHARS_MAX) || !isText(grant, GRANT_CHARS_MAX)) {
    throw invalid("each of resume.positions must be an offset and a grant");
  }
  return { room, offset, grant };
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length <= charsMax;
}
