import type { Emitter } from "./emitter.ts";

/** Events of a room that are gone, or may be: those behind `from` up to `to`. */
export interface Gap {
  room: string;
  from: string;
  to: string;
  /** "trimmed": retention has passed this reader by. "epoch": the server may have forgotten some in a crash. */
  reason: "trimmed" | "epoch";
}

/** A replay under way. */
export interface Replay {
  rooms: string[];
  /** How many of its events have been given to listeners. */
  events: number;
  /** The offset of the last of them. */
  at?: string;
}

export interface RecoveryEvents {
  /** What this client missed for good. What the server still has of the room comes as events, before and behind it. */
  gap: (gap: Gap) => void;
  /** A replay goes on. */
  progress: (replay: Replay) => void;
  /** A replay is over. */
  replayed: (replay: Replay & { gaps: number }) => void;
  /** The server does not accept where this client stood; the position is forgotten. */
  refused: (refusal: { room: string; code: string }) => void;
  /** Something failed that breaks no connection: see docs/errors.md for the codes. */
  error: (error: Error & { code?: string }) => void;
}

/** `socket.recovery`: what the option `resume` has to tell. */
export interface Recovery extends Emitter<Record<never, never>, RecoveryEvents, RecoveryEvents> {
  /** The rooms that a position is known of; undefined until the first connection. */
  readonly positions?: ReadonlyMap<string, object>;
  readonly replaying?: Replay | undefined;
}
