import type { Binary } from "./binary.ts";

/** The revision of Socket.IO's protocol spoken here. */
export const protocol = 5;

// an enum, so that bundlers put the numbers in place of the names
export enum PacketType {
  CONNECT,
  DISCONNECT,
  EVENT,
  ACK,
  CONNECT_ERROR,
  BINARY_EVENT,
  BINARY_ACK,
}

/** One Socket.IO packet. `data` of an event is its name and arguments, of an ack its arguments. */
export interface Packet {
  type: PacketType;
  nsp: string;
  data?: unknown;
  id?: number | undefined;
  attachments?: number | undefined;
}

/** A packet's text, followed by its binary attachments. */
export type EncodedPacket = [string, ...Binary[]];

const RESERVED_EVENTS = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

/** Names that mean something to Socket.IO itself and so are refused as an application's event on the wire. */
export const isReservedEvent = (name: unknown): boolean => RESERVED_EVENTS.has(name as string);
