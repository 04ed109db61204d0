import type { Attempt } from "./attempts.ts";

/** A session as it is to be resumed. */
export interface Restoration {
  readonly sid: string;
  readonly pid: string;
  /** Programs get away with names that are not text. */
  readonly rooms: readonly unknown[];
  readonly data: unknown;
  /** For each room that it is in, or has left: all of which of its events it had, or misses. */
  readonly stays: ReadonlyMap<string, Span>;
  /** The same as it was stored. */
  readonly json: string | undefined;
  /** For each log, which of its events the client has missed. */
  readonly missed: ReadonlyMap<string, Span>;
  /** The newest event that the client has, or that was issued before its session. */
  readonly since: number;
  /** Where and when its session began. */
  readonly began: { readonly offset: number; readonly at: number };
  readonly attempt: Attempt;
}

/** Events of a log behind `after`, up to `through`. */
export interface Span {
  readonly after: number;
  readonly through: number;
}
