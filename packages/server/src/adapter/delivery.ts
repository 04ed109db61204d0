import type { OutgoingPacket } from "../outbox/index.ts";
import type { Occupant, Receiver } from "./receiver.ts";

/** An event on its way to many: as an object for those who watch, and encoded. */
export interface Delivery {
  readonly packet: { data: unknown[] };
  readonly outgoing: OutgoingPacket;
  readonly isVolatile: boolean;
  /** How many receivers a volatile one was dropped for. */
  dropped: number;
}

/**
 * Gives the packet to everyone but `excluded`. This is the loop that a busy room lives in: a few nanoseconds per
 * receiver. Who is left out stays on the chain that the others share.
 */
export function deliver(
  receivers: readonly Occupant[],
  excluded: Occupant | undefined,
  delivery: Delivery,
): void {
  const { outgoing } = delivery;
  for (let i = 0; i < receivers.length; i++) {
    const receiver = receivers[i]!;
    if (!receiver.connected) continue;
    if (receiver === excluded) receiver.outbox.skip(outgoing);
    else if (receiver._anyOutgoingListeners === undefined && !delivery.isVolatile)
      receiver.outbox.share(outgoing);
    else deliverTo(receiver, delivery);
  }
}

/** As {@link deliver}, for several rooms: nobody gets it twice. */
export function deliverOnce(
  rooms: Iterable<readonly Occupant[]>,
  excluded: ReadonlySet<Occupant>,
  delivery: Delivery,
): void {
  const seen = new Set<Occupant>();
  for (const room of rooms) {
    for (const receiver of room) {
      if (seen.has(receiver) || !receiver.connected) continue;
      seen.add(receiver);
      if (excluded.has(receiver)) receiver.outbox.skip(delivery.outgoing);
      else deliverTo(receiver, delivery);
    }
  }
}

export function deliverTo(receiver: Receiver, delivery: Delivery): void {
  if (receiver._anyOutgoingListeners !== undefined) receiver.notifyOutgoingListeners(delivery.packet);
  if (delivery.isVolatile && !receiver.outbox.writable) delivery.dropped++;
  else receiver.outbox.share(delivery.outgoing);
}
