import type { Packet } from "@holdfast/protocol";
import type { Joiner } from "../kept/index.ts";

/** A socket, as far as its session is concerned. */
export interface SessionSocket extends Joiner {
  readonly client: Joiner["client"] & { readonly conn: { close(discard: boolean): void } };
  readonly conn: Joiner["conn"] & { readonly protocol: number };
  /** `socket.data`, without a note that the application looked at it. */
  readonly _data: unknown;
  /** When it was made, in ms since 1970. */
  readonly _issuedAt: number;
  /** Takes it out of its rooms and its namespace. */
  _cleanup(): void;
  /** What the answer to CONNECT says. */
  _connectData(pid: string | undefined): unknown;
  packet(packet: Omit<Packet, "nsp">): void;
}

/** Clients of Socket.IO 2 know no recovery, and neither do engines other than ours. */
export function isOfSession({ conn, outbox }: Pick<SessionSocket, "conn" | "outbox">): boolean {
  return conn.protocol === 4 && "heldBytes" in outbox;
}
