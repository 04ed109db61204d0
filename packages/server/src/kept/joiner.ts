import type { PacketSink, Receiver, Room } from "../adapter/index.ts";

/** A socket, as far as joining a room with its past is concerned. */
export interface Joiner extends Receiver {
  readonly rooms: Set<Room>;
  readonly conn: { readonly readyState: string; onClose(reason: string, description?: unknown): void };
  readonly client: { readonly outbox: PacketSink };
}
