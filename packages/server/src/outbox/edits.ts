import { type ChainNode, collectBytes, collectNodes, wholeRun } from "./chain.ts";
import { framesOf } from "./frames.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";

/**
 * Where this connection differs from the chain it stands on: a packet of its own after `node`, or, without a packet,
 * a hole: `node` itself is not for this connection.
 */
export interface Edit {
  readonly node: ChainNode;
  readonly packet: OutgoingPacket | undefined;
}

/** The bytes behind `head`, up to `limit`, as this connection gets them. */
export function bytesOf(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): Buffer[] {
  // nothing but its own: nothing can be left out of that
  if (edits && head === limit) return framesOf(edits.map(({ packet }) => packet!));
  const whole = edits ? undefined : wholeRun(head, limit);
  if (whole) return [whole];
  const buffers: Buffer[] = [];
  if (!edits) {
    collectBytes(head, limit, false, buffers);
    return buffers;
  }
  let from = head;
  for (let i = 0; i < edits.length; ) {
    const { node, packet } = edits[i]!;
    collectBytes(from, node, !packet, buffers);
    from = node;
    if (!packet) {
      i++;
      continue;
    }
    // neighbours at the same node are built together
    const inserted: OutgoingPacket[] = [];
    while (i < edits.length && edits[i]!.node === node && edits[i]!.packet)
      inserted.push(edits[i++]!.packet!);
    for (const buffer of framesOf(inserted)) buffers.push(buffer);
  }
  collectBytes(from, limit, false, buffers);
  return buffers;
}

/** As {@link bytesOf}: the packets, less those that failed. */
export function packetsOf(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): OutgoingPacket[] {
  const packets: OutgoingPacket[] = [];
  let next = 0;
  const insertsAt = (node: ChainNode) => {
    while (edits?.[next]?.node === node && edits[next]!.packet) packets.push(edits[next++]!.packet!);
  };
  insertsAt(head);
  for (const node of collectNodes(head, limit)) {
    const isHole = edits?.[next]?.node === node && !edits[next]!.packet;
    if (isHole) next++;
    else if (!node.packet!.gate?.hasFailed) packets.push(node.packet!);
    insertsAt(node);
  }
  return packets;
}
