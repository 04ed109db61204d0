import type { PacketSink } from "../adapter/index.ts";
import type { Hold, OutgoingPacket } from "../outbox/index.ts";

/**
 * What is sent to a socket before it is known what its client and we speak: middleware may emit. It leaves, as it is to
 * be spoken, before the answer to CONNECT.
 */
export class PendingSink implements PacketSink {
  #target: PacketSink;
  #queue: OutgoingPacket[] | undefined = [];

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

  hold(onReached: (hold: Hold) => void): Hold {
    return this.#target.hold(onReached);
  }

  /** It is known: everything goes to `target`. */
  release(target: PacketSink): void {
    const queue = this.#queue;
    this.#target = target;
    this.#queue = undefined;
    if (queue) for (const packet of queue) target.push(packet);
  }
}
