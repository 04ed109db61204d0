import type { Gate } from "./gate.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";

/**
 * A point in the chain of packets that connections are owed: "X, and then this packet". All connections that are owed
 * the same run of packets stand at the same node, and so share its bytes.
 *
 * `next` remembers the last node appended here, so that the next connection finds it with one comparison. The flusher
 * clears it when the tick ends (a node must not keep its successors alive).
 */
export class ChainNode {
  /** Undefined for the root of a tick, and once nobody needs what lies before this node. */
  parent: ChainNode | undefined;
  readonly packet: OutgoingPacket | undefined;
  next: ChainNode | undefined = undefined;
  /** How many packets lead here, to order two nodes of one path. */
  readonly depth: number;
  /** The newest gate on the way here. */
  readonly gate: Gate | undefined;
  /** The last node that lies before that gate. */
  beforeGate: ChainNode | undefined;
  /** The bytes this node is part of, once built, and where in them it starts and ends. */
  run: Run | undefined = undefined;
  start = 0;
  end = 0;
  #batch: { from: ChainNode; packets: readonly OutgoingPacket[] } | undefined = undefined;

  constructor(parent: ChainNode | undefined, packet: OutgoingPacket | undefined) {
    this.parent = parent;
    this.packet = packet;
    this.depth = parent ? parent.depth + 1 : 0;
    const gate = packet?.gate;
    if (gate && gate !== parent?.gate) {
      this.gate = gate;
      this.beforeGate = parent;
    } else {
      this.gate = parent?.gate;
      this.beforeGate = parent?.beforeGate;
    }
  }

  /**
   * The packets after `from` up to and including this node, less those that failed: the same array for everybody who
   * asks for the same, so that what a sink makes of it can be shared too.
   */
  packetsSince(from: ChainNode): readonly OutgoingPacket[] {
    if (this.#batch?.from === from) return this.#batch.packets;
    const packets: OutgoingPacket[] = [];
    for (const { packet } of collectNodes(from, this)) if (!packet!.gate?.hasFailed) packets.push(packet!);
    this.#batch = { from, packets };
    return packets;
  }

  /** Cuts off what lies before: every connection has resolved it. Called between ticks. */
  forgetPast(): void {
    this.parent = undefined;
    this.beforeGate = undefined;
    this.run = undefined;
    this.#batch = undefined;
  }
}

/** Chunks stay small, so that a slow connection which waits for some bytes of a run does not hold on to much more. */
const CHUNK_BYTES_MAX = 64 * 1024;

/** The WebSocket bytes of consecutive nodes, in chunks that end where a packet ends. */
export class Run {
  /** The node before the first of this run. */
  readonly base: ChainNode;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  private constructor(base: ChainNode) {
    this.base = base;
  }

  /**
   * Builds the run that `node` is part of: from the last built node before it to the newest node behind it that may
   * leave, so that everybody who stands in between finds it built.
   */
  static build(node: ChainNode): Run {
    let tip = node;
    while (tip.next && !tip.next.run && !(tip.next.gate && !tip.next.gate.isPassable)) tip = tip.next;
    const nodes: ChainNode[] = [];
    let base = tip;
    for (; base.packet && !base.run && base.parent; base = base.parent) nodes.push(base);
    const run = new Run(base);
    run.#fill(nodes.reverse());
    return run;
  }

  #fill(nodes: readonly ChainNode[]): void {
    for (let first = 0; first < nodes.length; ) {
      // as many neighbours as fit into one chunk are copied into it; a large packet stands alone, by reference
      let size = 0;
      let last = first;
      for (; last < nodes.length; last++) {
        const packet = nodes[last]!.packet!;
        const bytes = packet.gate?.hasFailed || packet.isLarge ? 0 : packet.webSocketSize();
        if (last > first && (packet.isLarge || size + bytes > CHUNK_BYTES_MAX)) break;
        size += bytes;
        if (packet.isLarge) {
          last++;
          break;
        }
      }
      const chunk = size > 0 ? Buffer.allocUnsafeSlow(size) : undefined;
      let offset = 0;
      for (; first < last; first++) {
        const node = nodes[first]!;
        const packet = node.packet!;
        node.run = this;
        node.start = this.#length + offset;
        if (packet.gate?.hasFailed) {
          // dropped: takes no room
        } else if (packet.isLarge) {
          for (const frame of packet.webSocketFrames()) {
            this.#chunks.push(frame);
            this.#length += frame.length;
          }
        } else offset = packet.writeTo(chunk!, offset);
        node.end = this.#length + offset;
      }
      if (chunk) {
        this.#chunks.push(chunk);
        this.#length += offset;
      }
    }
  }

  /** All of it, up to `end`, if that is one chunk. */
  whole(end: number): Buffer | undefined {
    return end === this.#length && this.#chunks.length === 1 ? this.#chunks[0] : undefined;
  }

  /** Pushes the bytes from `start` to `end` to `target`. */
  slice(start: number, end: number, target: Buffer[]): void {
    if (start === end) return;
    let chunkStart = 0;
    for (const chunk of this.#chunks) {
      const chunkEnd = chunkStart + chunk.length;
      if (chunkEnd > start) {
        if (chunkStart >= end) return;
        const whole = start <= chunkStart && chunkEnd <= end;
        target.push(
          whole
            ? chunk
            : chunk.subarray(Math.max(0, start - chunkStart), Math.min(end, chunkEnd) - chunkStart),
        );
      }
      chunkStart = chunkEnd;
    }
  }
}

/** The bytes of the packets after `from` up to `to`, if they are all that was built at once: so it is in a busy room. */
export function wholeRun(from: ChainNode, to: ChainNode): Buffer | undefined {
  if (from === to) return undefined;
  const run = to.run ?? Run.build(to);
  return run.base === from ? run.whole(to.end) : undefined;
}

/** Pushes the bytes of the packets after `from`, up to `to` itself or, with `exclusive`, to just before it. */
export function collectBytes(from: ChainNode, to: ChainNode, exclusive: boolean, target: Buffer[]): void {
  if (from === to) return;
  let run = to.run ?? Run.build(to);
  let end = exclusive ? to.start : to.end;
  // an outbox that flushes in the middle of a tick ends a run: there may be thousands, so that this must not recurse
  let later: { run: Run; end: number }[] | undefined;
  while (run.base !== from && from.run !== run) {
    later ??= [];
    later.push({ run, end });
    const { base } = run;
    run = base.run ?? Run.build(base);
    end = base.end;
  }
  run.slice(run.base === from ? 0 : from.end, end, target);
  for (let i = (later?.length ?? 0) - 1; i >= 0; i--) later![i]!.run.slice(0, later![i]!.end, target);
}

/** The nodes after `from` up to and including `to`, in order. */
export function collectNodes(from: ChainNode, to: ChainNode): ChainNode[] {
  const nodes: ChainNode[] = [];
  for (let node = to; node !== from; node = node.parent!) nodes.push(node);
  return nodes.reverse();
}
