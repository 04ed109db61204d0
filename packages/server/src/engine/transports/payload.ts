import { SEPARATOR } from "@holdfast/protocol";
import type { OutgoingPacket } from "../../outbox/index.ts";

const built = new WeakMap<readonly OutgoingPacket[], Buffer>();

/** The packets as an Engine.IO v4 polling payload. Built once for an array, which everybody in a room may be given. */
export function payloadOf(packets: readonly OutgoingPacket[]): Buffer {
  let payload = built.get(packets);
  if (!payload) {
    payload = Buffer.from(packets.flatMap((packet) => packet.pollingText()).join(SEPARATOR));
    built.set(packets, payload);
  }
  return payload;
}
