import type { OutgoingPacket } from "./outgoing-packet.ts";

/** Packets of one connection are built into buffers of about this size. */
const JOIN_BYTES_MAX = 64 * 1024;
/** Small writes share buffers of this size, as Node's own do. A reader that does not take its part keeps all of it. */
const SLAB_BYTES = 8 * 1024;
/** A character of a text (a unit of UTF-16) takes at most so many bytes. */
const BYTES_PER_UNIT_MAX = 3;

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let used = 0;

/** The WebSocket frames of packets, neighbours in one buffer. */
export function framesOf(packets: readonly OutgoingPacket[]): Buffer[] {
  const buffers: Buffer[] = [];
  for (let first = 0; first < packets.length; ) {
    const packet = packets[first]!;
    if (packet.isLarge) {
      // not spread: a packet may have more attachments than a call takes arguments
      for (const frame of packet.webSocketFrames()) buffers.push(frame);
      first++;
      continue;
    }
    let last = first;
    let units = 0;
    for (; last < packets.length && units < JOIN_BYTES_MAX && !packets[last]!.isLarge; last++) {
      units += packets[last]!.size;
    }
    const bytesMax = units * BYTES_PER_UNIT_MAX;
    const buffer =
      bytesMax <= SLAB_BYTES ? buildSmall(packets, first, last, bytesMax) : buildExact(packets, first, last);
    if (buffer.length > 0) buffers.push(buffer);
    first = last;
  }
  return buffers;
}

/** To measure a text takes nearly as long as to write it: here what is not needed is left to those who come next. */
function buildSmall(
  packets: readonly OutgoingPacket[],
  first: number,
  last: number,
  bytesMax: number,
): Buffer {
  if (used + bytesMax > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    used = 0;
  }
  const start = used;
  for (let i = first; i < last; i++) used = packets[i]!.writeTo(slab, used);
  return slab.subarray(start, used);
}

function buildExact(packets: readonly OutgoingPacket[], first: number, last: number): Buffer {
  let size = 0;
  for (let i = first; i < last; i++) size += packets[i]!.webSocketSize();
  const buffer = Buffer.allocUnsafe(size);
  let offset = 0;
  for (let i = first; i < last; i++) offset = packets[i]!.writeTo(buffer, offset);
  return buffer;
}
