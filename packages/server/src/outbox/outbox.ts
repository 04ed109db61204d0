import { ChainNode, collectBytes, collectNodes } from "./chain.ts";
import type { Flushable, Flusher, Lane } from "./flusher.ts";
import type { Gate, GateWaiter } from "./gate.ts";
import { Hold, type HoldOwner } from "./hold.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { Sink } from "./sink.ts";

/** Past this an outbox does not wait for the end of the tick. */
const TICK_BYTES_MAX = 256 * 1024;
/** Packets of one connection are built into buffers of about this size. */
const JOIN_BYTES_MAX = 64 * 1024;

/** What an outbox needs of its connection. */
export interface OutboxOwner {
  readonly sink: Sink;
  /** The limit on what the kernel or the client has not taken. */
  readonly outboxBytesMax: number;
  /** Somebody listens to each packet as it is issued ("packetCreate"), or to each flush. */
  readonly isObserved: boolean;
  onIssue(packet: OutgoingPacket): void;
  /** Bytes of these are about to be given to the sink. A sink that takes packets reports by itself. */
  onFlush(packets: OutgoingPacket[]): void;
  /** They have been. */
  onWritten(): void;
  /** All that was issued has been given to the sink. */
  onFlushed(): void;
  /** The limit is passed: MUST close the connection. */
  onOverflow(pendingBytes: number): void;
}

/**
 * Where this connection differs from the chain it stands on: a packet of its own after `node`, or, without a packet,
 * a hole: `node` itself is not for this connection.
 */
interface Edit {
  readonly node: ChainNode;
  readonly packet: OutgoingPacket | undefined;
}

/**
 * What waits to be written to one connection: a stretch of the chain that it shares with others, and its edits. Every
 * packet, whether for one or for thousands, passes here, and leaves in the order of issue.
 */
export class Outbox implements Flushable, GateWaiter, HoldOwner {
  readonly #owner: OutboxOwner;
  readonly #flusher: Flusher;
  #lane: Lane;
  /** All up to here has been given to the sink. */
  #head: ChainNode;
  #tail: ChainNode;
  #edits: Edit[] | undefined = undefined;
  /** What was issued since the last flush, without what has a gate of its own: its store bounds that. */
  #tickBytes = 0;
  /** What was issued while a closed gate lay before it, in bytes. */
  #gatedBytes = 0;
  /** Whether anything but holes lies between head and tail. */
  #isOwed = false;
  #isMarked = false;
  /** Holds that are not released, in order. Only the first can have been reached. */
  #holds: Hold[] | undefined = undefined;
  #isHeld = false;

  constructor(owner: OutboxOwner, flusher: Flusher) {
    this.#owner = owner;
    this.#flusher = flusher;
    this.#lane = flusher.lane;
    this.#head = this.#lane.root;
    this.#tail = this.#lane.root;
  }

  /** Whether a packet issued now would be the next on the wire: what volatile asks. */
  get writable(): boolean {
    return !this.#isOwed && !this.#holds && this.#owner.sink.isIdle;
  }

  /** Whether everything issued has been given to the sink. */
  get isEmpty(): boolean {
    return this.#head === this.#tail && !this.#edits && !this.#holds;
  }

  /** For this connection alone. */
  push(packet: OutgoingPacket): void {
    if (!this.#isMarked) this.#mark();
    if (packet.gate) this.#advance(packet);
    else {
      this.#edits ??= [];
      this.#edits.push({ node: this.#tail, packet });
    }
    this.#count(packet);
  }

  /** As one of the receivers of a broadcast; all of them are given the same object. */
  share(packet: OutgoingPacket): void {
    if (!this.#isMarked) this.#mark();
    this.#advance(packet);
    this.#count(packet);
  }

  /** This connection is left out of a broadcast to its neighbours: it stays on the chain with them. */
  skip(packet: OutgoingPacket): void {
    if (!this.#isMarked) this.#mark();
    this.#advance(packet);
    this.#edits ??= [];
    this.#edits.push({ node: this.#tail, packet: undefined });
  }

  /**
   * Stops this connection here until the hold is released.
   *
   * @param onReached called, perhaps at once, when everything issued before has been given to the sink
   */
  hold(onReached: (hold: Hold) => void): Hold {
    const hold = new Hold(this, onReached);
    this.#holds ??= [];
    this.#holds.push(hold);
    this.push(hold);
    this.flush();
    return hold;
  }

  /** From its next idle moment on it shares a chain with its like. */
  useStampedLane(): void {
    this.#lane = this.#flusher.stampedLane;
  }

  get pendingBytes(): number {
    return this.#owner.sink.pendingBytes;
  }

  /** The sink has taken something. */
  onDrain(): void {
    if (this.#isHeld) this.#holds![0]!.onDrain();
  }

  writeAhead(packets: OutgoingPacket[]): void {
    this.#write(packets);
  }

  onRelease(hold: Hold): void {
    if (!this.#isHeld || this.#holds?.[0] !== hold) return;
    this.#isHeld = false;
    this.#holds.shift();
    if (this.#holds.length === 0) this.#holds = undefined;
    this.#pass(hold.takeQueue());
    if (this.isEmpty) this.#owner.onFlushed();
  }

  /** Gives the sink what may leave. Called when a tick ends, a gate opens, or the sink changed. */
  flush(): void {
    const tickBytes = this.#tickBytes;
    this.#isMarked = false;
    this.#tickBytes = 0;
    let limit = this.#tail;
    let closed: Gate | undefined;
    while (limit.gate && !limit.gate.isPassable) {
      closed = limit.gate;
      limit = limit.beforeGate!;
    }
    closed?.wait(this);
    const head = this.#head;
    const edits = this.#takeEdits(limit);
    if (limit === this.#tail && !this.#edits) {
      // nothing is left on the chain
      this.#isOwed = false;
      this.#gatedBytes = 0;
      this.#head = this.#tail = this.#lane.root;
    } else if (limit !== head) {
      this.#gatedBytes = 0;
      this.#head = limit;
      this.#flusher.onReach(limit);
    }
    if (head !== limit || edits) this.#give(head, limit, edits);
    else if (closed) this.#stayBehindGate(tickBytes);
    // the sink may be a new one, which had nothing to drain
    if (this.#isHeld) this.onDrain();
    if (this.isEmpty) this.#owner.onFlushed();
  }

  onGate(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.#flusher.mark(this);
  }

  /** What is not yet with the sink, in order. */
  unflushed(): OutgoingPacket[] {
    return packetsOf(this.#head, this.#tail, this.#edits);
  }

  /** What waits behind holds, in bytes. */
  get heldBytes(): number {
    return this.#isHeld ? this.#holds![0]!.queuedBytes : 0;
  }

  /** Forgets everything: the connection is closed. */
  discard(): void {
    this.#head = this.#tail = this.#lane.root;
    this.#edits = undefined;
    this.#isOwed = false;
    this.#gatedBytes = 0;
    const holds = this.#holds;
    this.#holds = undefined;
    this.#isHeld = false;
    for (const hold of holds ?? []) hold.discard();
  }

  #mark(): void {
    this.#isMarked = true;
    if (this.#head === this.#tail && !this.#edits) this.#head = this.#tail = this.#lane.root;
    this.#flusher.mark(this);
  }

  #advance(packet: OutgoingPacket): void {
    const tail = this.#tail;
    let next = tail.next;
    if (next === undefined || next.packet !== packet) {
      next = new ChainNode(tail, packet);
      tail.next = next;
      this.#flusher.onAppend(tail);
    }
    this.#tail = next;
  }

  #count(packet: OutgoingPacket): void {
    this.#isOwed = true;
    if (this.#owner.isObserved) this.#owner.onIssue(packet);
    if (packet.gate !== undefined) return;
    this.#tickBytes += packet.size;
    if (this.#tickBytes > TICK_BYTES_MAX) this.flush();
  }

  /** Nothing could leave: the disk is slow, or hangs, and this connection is owed more with every flush. */
  #stayBehindGate(tickBytes: number): void {
    const before = this.#gatedBytes;
    this.#gatedBytes += tickBytes;
    if (before > 0 && this.#gatedBytes > this.#owner.outboxBytesMax) this.#owner.onOverflow(this.#gatedBytes);
  }

  /** Removes and returns the edits that may leave with everything up to `limit`. */
  #takeEdits(limit: ChainNode): Edit[] | undefined {
    const edits = this.#edits;
    if (!edits || limit === this.#tail) {
      this.#edits = undefined;
      return edits;
    }
    const held = edits.findIndex(({ node }) => node.depth > limit.depth);
    if (held === 0) return undefined;
    this.#edits = held < 0 ? undefined : edits.slice(held);
    return held < 0 ? edits : edits.slice(0, held);
  }

  #give(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): void {
    if (this.#holds) {
      this.#pass(packetsOf(head, limit, edits));
      return;
    }
    const owner = this.#owner;
    const { sink } = owner;
    const before = sink.pendingBytes;
    if (sink.takesBytes) {
      if (owner.isObserved) owner.onFlush(packetsOf(head, limit, edits));
      const buffers = bytesOf(head, limit, edits);
      if (buffers.length > 0) sink.writeBytes(buffers);
      if (owner.isObserved) owner.onWritten();
    } else {
      const packets = edits ? packetsOf(head, limit, edits) : limit.packetsSince(head);
      if (packets.length > 0) sink.writePackets(packets);
    }
    this.#checkLimit(before);
  }

  /** Gives packets to the sink up to the next hold, and the rest to that. */
  #pass(packets: OutgoingPacket[]): void {
    const before = this.#owner.sink.pendingBytes + this.heldBytes;
    const free: OutgoingPacket[] = [];
    let reached: Hold | undefined;
    for (const packet of packets) {
      if (this.#isHeld) this.#holds![0]!.enqueue(packet);
      else if (packet instanceof Hold) {
        this.#isHeld = true;
        reached = packet;
      } else free.push(packet);
    }
    if (free.length > 0) this.#write(free);
    this.#checkLimit(before);
    reached?.reach();
  }

  #write(packets: readonly OutgoingPacket[]): void {
    const { sink } = this.#owner;
    if (sink.takesBytes) sink.writeBytes(framesOf(packets));
    else sink.writePackets(packets);
  }

  /** @param before what waited before the last write: one message of any size fits an empty outbox */
  #checkLimit(before: number): void {
    const { sink, outboxBytesMax } = this.#owner;
    const pendingBytes = sink.pendingBytes + this.heldBytes;
    if (before > 0 && pendingBytes > outboxBytesMax) this.#owner.onOverflow(pendingBytes);
  }
}

function bytesOf(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): Buffer[] {
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

/** The WebSocket frames of packets, neighbours in one buffer. */
function framesOf(packets: readonly OutgoingPacket[]): Buffer[] {
  const buffers: Buffer[] = [];
  for (let i = 0; i < packets.length; ) {
    const packet = packets[i]!;
    if (packet.isLarge) {
      // not spread: a packet may have more attachments than a call takes arguments
      for (const frame of packet.webSocketFrames()) buffers.push(frame);
      i++;
      continue;
    }
    let last = i;
    let size = 0;
    for (; last < packets.length && size < JOIN_BYTES_MAX && !packets[last]!.isLarge; last++) {
      size += packets[last]!.webSocketSize();
    }
    const buffer = Buffer.allocUnsafe(size);
    let offset = 0;
    for (; i < last; i++) offset = packets[i]!.writeTo(buffer, offset);
    if (size > 0) buffers.push(buffer);
  }
  return buffers;
}

function packetsOf(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): OutgoingPacket[] {
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
