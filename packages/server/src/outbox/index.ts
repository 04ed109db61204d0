export { Flusher } from "./flusher.ts";
export { Gate } from "./gate.ts";
export type { Hold } from "./hold.ts";
export { Outbox, type OutboxOwner } from "./outbox.ts";
export { bytesOf, OutgoingPacket, type OutgoingPacketOptions, type Part } from "./outgoing-packet.ts";
export type { Sink } from "./sink.ts";
export { SocketWriter } from "./socket-writer.ts";
