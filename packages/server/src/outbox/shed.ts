import type { Lost } from "./lost.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { StoredRun } from "./stored-run.ts";

/**
 * The stored packets of one socket that its connection was too slow for, and that come from the log later. It takes
 * packets in the order of issue, from the first that is too much until it has caught up, and those that follow them.
 */
export interface Shed {
  /** All before the first packet that it took is with the sink: it may write. Further calls change nothing. */
  begin(): void;
  /** It gets no more packets: what comes later waits until it has ended. */
  seal(): void;
  /** The connection is gone. */
  cancel(): void;
  /** Takes all that is stored of a run; false if it has to be given packet by packet. */
  takeRun(run: StoredRun): boolean;
  /** What it still has to write is little. */
  readonly isNear: boolean;
}

/** What a {@link Shed} needs of the outbox of its connection. */
export interface ShedPort {
  /** What comes next but is lost is left out. While there is any, there MUST be a hold. */
  lose(lost: Lost): void;
  /** Whether so much waits in all connections together that each should hold little. */
  readonly isCrowded: boolean;
  /** Resolves when the reader has taken most of what was written, or is gone; never before others had their turn. */
  ready(): Promise<void>;
  /** Writes at once, past whatever else waits. */
  write(packets: readonly OutgoingPacket[]): void;
  /** One of its sheds is near its end: if all are, later packets wait so that they get there. */
  onNear(): void;
  /** It has written all that it took. MUST be called once, unless it is cancelled. */
  onShedEnd(shed: Shed): void;
}
