import type { OutgoingPacket } from "./outgoing-packet.ts";

/**
 * Where an outbox writes: a transport. It takes bytes (the raw socket of a WebSocket) or packets (polling, and a
 * WebSocket whose frames another library has to write), and queues what the kernel or the client is not ready for.
 */
export interface Sink {
  /** Which of the two `write` methods may be called. Never changes. */
  readonly takesBytes: boolean;
  /** What was given to it and is not yet with the kernel or in a response, in bytes. */
  readonly pendingBytes: number;
  /** Whether what is written now would leave now. */
  readonly isIdle: boolean;
  /** `buffers` hold whole frames, in order. The array becomes the sink's. */
  writeBytes(buffers: Buffer[]): void;
  /** Many sinks may be given one array: what is made of it can be shared. */
  writePackets(packets: readonly OutgoingPacket[]): void;
}
