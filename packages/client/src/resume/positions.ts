import { ROOMS_MAX } from "./limits.ts";

/** What moves on as events are handled: the live ones of a session, or those of one replay. */
export interface Cursor {
  /** The offset of the last stored event that was handled. */
  at?: string;
}

/** Where a client stands in a room: there, or where the cursor is that it follows if that is later (PROTOCOL §3.5). */
export type Stand = [offset: string, grant: string, cursor?: Cursor];

/** By room; those joined last come last. */
export type Positions = Map<string, Stand>;

/** What is shown to the server, and kept in a storage: the newest positions. */
export const shown = (positions: Iterable<[string, Stand]>): Record<string, Stand> =>
  Object.fromEntries(
    [...positions].slice(-ROOMS_MAX).map(([room, stand]) => [room, [offsetOf(stand), stand[1]]]),
  );

/** Offsets order as numbers without leading zeros do, behind the mark that all begin with. */
export const isLater = (a: string | undefined, b: string): unknown =>
  a && (a.length - b.length || ((a > b) as unknown as number)) > 0;

export const offsetOf = ([at, , cursor]: Stand): string => (isLater(cursor?.at, at) ? cursor!.at! : at);
