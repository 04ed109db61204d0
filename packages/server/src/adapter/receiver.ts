// biome-ignore-all lint/suspicious/noExplicitAny: acknowledgements carry the application's values
import type { Member } from "@holdfast/core";
import type { Hold, OutgoingPacket } from "../outbox/index.ts";
import type { Room } from "./contract.ts";

/** What sockets need of a connection's outbox. */
export interface PacketSink {
  push(packet: OutgoingPacket): void;
  share(packet: OutgoingPacket): void;
  skip(packet: OutgoingPacket): void;
  hold(onReached: (hold: Hold) => void, isPatient?: boolean): Hold;
  readonly writable: boolean;
}

/** What the in-memory adapter needs of a socket. */
export interface Receiver extends Member {
  readonly connected: boolean;
  readonly outbox: PacketSink;
  /** undefined as long as nobody asked to see outgoing packets. */
  readonly _anyOutgoingListeners: readonly unknown[] | undefined;
  notifyOutgoingListeners(packet: { data: unknown[] }): void;
  /** `ack` is called with what the client answers to packet `id`. */
  expectAck(id: number, ack: (...args: any[]) => void): void;
  join(rooms: Room | Room[]): Promise<void> | void;
  leave(room: Room): Promise<void> | void;
  disconnect(close?: boolean): unknown;
}

/** Holds the place of an id in its rooms while no socket has it. */
export class Absentee implements Member {
  readonly id: string;
  joined: Member["joined"] = undefined;
  readonly connected = false;

  constructor(id: string) {
    this.id = id;
  }
}

export type Occupant = Receiver | Absentee;
