import type { OutgoingPacket } from "./outgoing-packet.ts";

/** What must not go out although it was issued: what it stands on has not. */
export interface Lost {
  includes(packet: OutgoingPacket): boolean;
  /** All that it may include has come by. */
  readonly isOver: boolean;
}
