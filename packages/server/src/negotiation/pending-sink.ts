import type { PacketSink } from "../adapter/index.ts";
import { Hold, type HoldOwner, type OutgoingPacket } from "../outbox/index.ts";

/** Bytes of a replay that wait here; the rest comes when the socket is connected. */
const FULL_BYTES = 1024 * 1024;

/**
 * What is sent to a socket before it is known what its client and we speak: middleware may emit. It leaves, as it is to
 * be spoken, before the answer to CONNECT.
 */
export class PendingSink implements PacketSink, HoldOwner {
  #target: PacketSink;
  #queue: OutgoingPacket[] | undefined = [];
  #bytes = 0;

  /** @param outbox the connection's */
  constructor(outbox: PacketSink) {
    this.#target = outbox;
  }

  /** A volatile event would have to wait. */
  get writable(): boolean {
    return !this.#queue && this.#target.writable;
  }

  push(packet: OutgoingPacket): void {
    if (this.#queue) this.#queue.push(packet);
    else this.#target.push(packet);
  }

  share(packet: OutgoingPacket): void {
    if (this.#queue) this.#queue.push(packet);
    else this.#target.share(packet);
  }

  skip(): void {}

  /** Nothing else is issued for the socket: what the hold writes has its place here. */
  hold(onReached: (hold: Hold) => void): Hold {
    const hold = new Hold(this, onReached);
    hold.reach();
    return hold;
  }

  get pendingBytes(): number {
    return 0;
  }

  get isFull(): boolean {
    return this.#bytes > FULL_BYTES;
  }

  writeAhead(packets: readonly OutgoingPacket[]): void {
    for (const packet of packets) {
      this.#bytes += packet.size;
      this.push(packet);
    }
  }

  onRelease(): void {}

  /** It is known: everything goes to `target`. */
  release(target: PacketSink): void {
    const queue = this.#queue;
    this.#target = target;
    this.#queue = undefined;
    if (queue) for (const packet of queue) target.push(packet);
  }
}
