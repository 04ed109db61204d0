import { ChainNode, collectNodes } from "./chain.ts";
import { bytesOf, type Edit, packetsOf } from "./edits.ts";
import type { Flushable, Flusher, Lane } from "./flusher.ts";
import { framesOf } from "./frames.ts";
import type { Gate, GateWaiter } from "./gate.ts";
import { Hold, type HoldOwner } from "./hold.ts";
import type { Lost } from "./lost.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { Shed, ShedPort } from "./shed.ts";
import type { Sink } from "./sink.ts";
import { storedRunOf } from "./stored-run.ts";

/** Past this an outbox does not wait for the end of the tick. */
const TICK_BYTES_MAX = 256 * 1024;
/** No more than this waits when what was shed is read on. */
const READY_BYTES_MAX = 64 * 1024;

/** What an outbox needs of its connection. */
export interface OutboxOwner {
  /** Called while the outbox is observed, as are the two that follow. */
  onIssue(packet: OutgoingPacket): void;
  /** Bytes of these are about to be given to the sink. A sink that takes packets reports by itself. */
  onFlush(packets: OutgoingPacket[]): void;
  /** They have been. */
  onWritten(): void;
  /** All that was issued has been given to the sink. Called while the outbox is awaited. */
  onFlushed(): void;
  /**
   * Leaves a stored packet to the log, or one that follows such to whoever writes those, and returns who writes it
   * later; undefined if it has to wait here.
   *
   * @param mayStart too much waits already: whoever is not behind yet is from now on
   */
  shed(packet: OutgoingPacket, mayStart: boolean): Shed | undefined;
  /** The limit is passed: MUST close the connection, though not in this turn: others are in the middle of a broadcast. */
  onOverflow(pendingBytes: number, bytesMax: number): void;
}

/**
 * What waits to be written to one connection: a stretch of the chain that it shares with others, and its edits. Every
 * packet, whether for one or for thousands, passes here, and leaves in the order of issue.
 *
 * A flush to ten thousand connections misses the caches of the processor with each object that it looks at: what it
 * needs to know stands here, not in the owner.
 */
export class Outbox implements Flushable, GateWaiter, HoldOwner, ShedPort {
  // what a broadcast looks at comes first: side by side in memory, where those of a large room do not fit a cache
  #isMarked = false;
  #tail: ChainNode;
  /** Whether anything but holes lies between head and tail. */
  #isOwed = false;
  /** Somebody listens to each packet as it is issued ("packetCreate"), or to each flush. */
  isObserved = false;
  /** What was issued since the last flush, without what has a gate of its own: its store bounds that. */
  #tickBytes = 0;
  /** All up to here has been given to the sink. */
  #head: ChainNode;
  #edits: Edit[] | undefined = undefined;
  /** The owner's present transport. */
  sink: Sink;
  /** The owner waits for what was issued to be with the sink. */
  isAwaited = false;
  readonly #owner: OutboxOwner;
  readonly #flusher: Flusher;
  #lane: Lane;
  /** What was issued while a closed gate lay before it, in bytes. */
  #gatedBytes = 0;
  /** Holds that are not released, in order. Only the first can have been reached. */
  #holds: Hold[] | undefined = undefined;
  #isHeld = false;
  /** Those that take what is flushed now; what is issued behind the last hold, as far as it has been flushed. */
  #sheds: Shed[] | undefined = undefined;
  /** All that have not ended. */
  #shedCount = 0;
  #waiting: (() => void)[] | undefined = undefined;
  /** Of what comes next this is left out. While there is any, there is a hold. */
  #lost: Lost[] | undefined = undefined;
  /** What the backlog was told last, in bytes. */
  #countedBytes = 0;
  /** The limit was passed, or the connection is closed: nothing more is given to the sink. */
  #isOver = false;

  constructor(owner: OutboxOwner, flusher: Flusher, sink: Sink) {
    this.sink = sink;
    this.#owner = owner;
    this.#flusher = flusher;
    this.#lane = flusher.lane;
    this.#head = this.#lane.root;
    this.#tail = this.#lane.root;
  }

  /** Whether a packet issued now would be the next on the wire: what volatile asks. */
  get writable(): boolean {
    return !this.#isOwed && !this.#holds && !this.#shedCount && this.sink.isIdle;
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
   * @param isPatient whether that means what is shed too
   */
  hold(onReached: (hold: Hold) => void, isPatient = true): Hold {
    const hold = new Hold(this, onReached, isPatient);
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
    return this.sink.pendingBytes;
  }

  /** The sink has taken something. */
  onDrain(): void {
    if (this.#countedBytes > 0) this.#account();
    if (this.#isHeld) this.#holds![0]!.onDrain();
    const waiting = this.#waiting;
    if (!waiting || this.pendingBytes > READY_BYTES_MAX) return;
    this.#waiting = undefined;
    for (const resolve of waiting) resolve();
  }

  /** What the reader has not taken, and what waits behind holds, in bytes. */
  get waitingBytes(): number {
    return this.sink.pendingBytes + this.heldBytes;
  }

  writeAhead(packets: readonly OutgoingPacket[]): void {
    this.#write(packets);
    this.#account();
  }

  // --- for sheds

  lose(lost: Lost): void {
    this.#lost ??= [];
    this.#lost.push(lost);
  }

  get isCrowded(): boolean {
    return this.#flusher.backlog.isCrowded;
  }

  ready(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#shedCount === 0 || this.pendingBytes <= READY_BYTES_MAX) setImmediate(resolve);
      else {
        this.#waiting ??= [];
        this.#waiting.push(resolve);
      }
    });
  }

  write(packets: readonly OutgoingPacket[]): void {
    this.writeAhead(packets);
  }

  onNear(): void {
    if (this.#isHeld || !this.#sheds?.every(({ isNear }) => isNear)) return;
    const hold = new Hold(this, () => hold.release());
    this.#holds ??= [];
    this.#holds.unshift(hold);
    this.#meet(hold);
    hold.approach();
  }

  onShedEnd(shed: Shed): void {
    this.#shedCount--;
    if (this.#shedCount === 0) this.#flusher.backlog.behind--;
    const sheds = this.#sheds?.filter((other) => other !== shed);
    this.#sheds = sheds?.length ? sheds : undefined;
    for (const hold of this.#holds ?? []) hold.onShedEnd(shed);
  }

  // ---

  onRelease(hold: Hold, lost: Lost | undefined): void {
    if (!this.#isHeld || this.#holds?.[0] !== hold) return;
    if (lost) this.lose(lost);
    this.#isHeld = false;
    this.#holds.shift();
    if (this.#holds.length === 0) this.#holds = undefined;
    this.#pass(hold.takeQueue(), true);
    // what was shed behind the hold follows what waited behind it
    if (!this.#isHeld) for (const shed of [...(this.#sheds ?? [])]) shed.begin();
    if (this.isAwaited && this.isEmpty) this.#owner.onFlushed();
  }

  /** Gives the sink what may leave. Called when a tick ends, a gate opens, or the sink changed. */
  flush(): void {
    if (this.#isOver) {
      this.#forget();
      return;
    }
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
    if (this.#isHeld || this.#waiting) this.onDrain();
    if (this.isAwaited && this.isEmpty) this.#owner.onFlushed();
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
    this.#isOver = true;
    this.#forget();
    const holds = this.#holds ?? [];
    const sheds = [...(this.#sheds ?? []), ...holds.flatMap((hold) => [...hold.sheds])];
    const waiting = this.#waiting ?? [];
    this.#holds = undefined;
    this.#isHeld = false;
    this.#sheds = undefined;
    this.#waiting = undefined;
    if (this.#shedCount > 0) this.#flusher.backlog.behind--;
    this.#shedCount = 0;
    this.#flusher.backlog.count(this, 0, this.#countedBytes);
    this.#countedBytes = 0;
    for (const shed of sheds) shed.cancel();
    for (const hold of holds) hold.discard();
    for (const resolve of waiting) resolve();
  }

  #forget(): void {
    this.#head = this.#tail = this.#lane.root;
    this.#edits = undefined;
    this.#isOwed = false;
    this.#isMarked = false;
    this.#tickBytes = 0;
    this.#gatedBytes = 0;
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
    if (this.isObserved) this.#owner.onIssue(packet);
    if (packet.gate !== undefined) return;
    this.#tickBytes += packet.size;
    if (this.#tickBytes > TICK_BYTES_MAX) this.flush();
  }

  /** Nothing could leave: the disk is slow, or hangs, and this connection is owed more with every flush. */
  #stayBehindGate(tickBytes: number): void {
    const before = this.#gatedBytes;
    this.#gatedBytes += tickBytes;
    const { bytesMax } = this.#flusher.backlog;
    if (before > 0 && this.#gatedBytes > bytesMax) this.#onOverflow(this.#gatedBytes, bytesMax);
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
    if (this.#holds || this.#sheds) {
      this.#pass(edits || this.#holds ? packetsOf(head, limit, edits) : this.#shedRun(head, limit));
      return;
    }
    const { sink } = this;
    const before = sink.pendingBytes;
    const { shedBytes } = this.#flusher.backlog;
    if (sink.takesBytes) {
      const buffers = bytesOf(head, limit, edits);
      let bytes = before;
      for (const buffer of buffers) bytes += buffer.length;
      if (bytes > shedBytes && this.#giveInParts(head, limit, edits)) return;
      if (this.isObserved) this.#owner.onFlush(packetsOf(head, limit, edits));
      if (buffers.length > 0) sink.writeBytes(buffers);
      if (this.isObserved) this.#owner.onWritten();
    } else {
      const packets = edits ? packetsOf(head, limit, edits) : limit.packetsSince(head);
      let bytes = before;
      for (const packet of packets) bytes += packet.size;
      if (bytes > shedBytes && packets.some(({ stored }) => stored)) {
        this.#pass(packets);
        return;
      }
      if (packets.length > 0) sink.writePackets(packets);
    }
    this.#checkLimit(before);
  }

  /** What has to be looked at one by one of what follows `head`, where somebody is behind. */
  #shedRun(head: ChainNode, limit: ChainNode): readonly OutgoingPacket[] {
    const packets = limit.packetsSince(head);
    const run = storedRunOf(packets);
    const [shed, ...others] = this.#sheds!;
    if (!run || others.length > 0 || !shed!.takeRun(run)) return packets;
    this.#flusher.backlog.shed += run.count;
    return run.rest;
  }

  /**
   * More than a connection should hold: as much of it goes to the sink as that takes, piece by piece; the rest goes the
   * way of those that are behind. False if nothing of it is stored, so that all of it has to be held.
   */
  #giveInParts(head: ChainNode, limit: ChainNode, edits: Edit[] | undefined): boolean {
    const nodes = collectNodes(head, limit);
    if (!nodes.some(({ packet }) => packet!.stored)) return false;
    const { sink } = this;
    const { shedBytes } = this.#flusher.backlog;
    let from = head;
    for (let next = 0; ; ) {
      let bytes = sink.pendingBytes;
      const first = next;
      for (; next < nodes.length && bytes <= shedBytes; next++) bytes += nodes[next]!.packet!.size;
      const to = next > 0 ? nodes[next - 1]! : head;
      const own = edits?.filter(({ node }) => node.depth > from.depth || (node === from && from === head));
      if (next === first || next === nodes.length) {
        this.#pass(packetsOf(from, limit, own));
        return true;
      }
      const part = own?.filter(({ node }) => node.depth <= to.depth);
      const buffers = bytesOf(from, to, part);
      if (this.isObserved) this.#owner.onFlush(packetsOf(from, to, part));
      if (buffers.length > 0) sink.writeBytes(buffers);
      if (this.isObserved) this.#owner.onWritten();
      from = to;
    }
  }

  /**
   * Gives packets to the sink up to the next hold, and the rest to that. Stored ones are left to the log once too much
   * waits; then, until they have caught up, all of them.
   *
   * @param isDecided these have waited behind a hold: they were not too much
   */
  #pass(packets: readonly OutgoingPacket[], isDecided = false): void {
    if (this.#isOver) return;
    const before = this.waitingBytes;
    const { shedBytes } = this.#flusher.backlog;
    const free: OutgoingPacket[] = [];
    let bytes = before;
    let met: Hold | undefined;
    for (const packet of packets) {
      if (packet instanceof Hold) {
        if (this.#isHeld) {
          if (!isDecided && packet.isPatient) this.#follow(packet);
          this.#holds![0]!.enqueue(packet);
        } else {
          this.#meet(packet, isDecided);
          met = packet;
        }
        continue;
      }
      if (this.#lost && !this.#isHeld && this.#isLost(packet)) continue;
      if (!isDecided && (this.#sheds || (bytes > shedBytes && packet.stored))) {
        if ((packet.stored || packet.follows) && this.#shed(packet, bytes > shedBytes)) continue;
      }
      bytes += packet.size;
      if (this.#isHeld) this.#holds![0]!.enqueue(packet);
      else free.push(packet);
    }
    if (free.length > 0) this.#write(free);
    this.#checkLimit(before);
    met?.approach();
  }

  /** From here on everything waits behind the hold. */
  #meet(hold: Hold, isDecided = false): void {
    this.#isHeld = true;
    if (!isDecided && hold.isPatient) this.#follow(hold);
  }

  #follow(hold: Hold): void {
    const sheds = this.#sheds ?? [];
    this.#sheds = undefined;
    hold.follow(sheds);
  }

  #isLost(packet: OutgoingPacket): boolean {
    const lost = this.#lost!.filter(({ isOver }) => !isOver);
    this.#lost = lost.length > 0 ? lost : undefined;
    return lost.some((some) => some.includes(packet));
  }

  #shed(packet: OutgoingPacket, mayStart: boolean): boolean {
    const shed = this.#owner.shed(packet, mayStart);
    if (!shed) return false;
    const { backlog } = this.#flusher;
    if (packet.stored) backlog.shed++;
    if (this.#sheds?.includes(shed)) return true;
    this.#sheds ??= [];
    this.#sheds.push(shed);
    this.#shedCount++;
    if (this.#shedCount === 1) backlog.behind++;
    // what was issued before it is about to be written; behind a hold it has to wait for that
    if (!this.#isHeld) shed.begin();
    return true;
  }

  #write(packets: readonly OutgoingPacket[]): void {
    const { sink, isObserved } = this;
    if (!sink.takesBytes) {
      sink.writePackets(packets);
      return;
    }
    if (isObserved) this.#owner.onFlush([...packets]);
    sink.writeBytes(framesOf(packets));
    if (isObserved) this.#owner.onWritten();
  }

  /** @param before what waited before the last write: one message of any size fits an empty outbox */
  #checkLimit(before: number): void {
    const waitingBytes = this.#account();
    if (before === 0 || waitingBytes === 0) return;
    const { bytesMax } = this.#flusher.backlog;
    if (waitingBytes > bytesMax) this.#onOverflow(waitingBytes, bytesMax);
  }

  #onOverflow(bytes: number, bytesMax: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#flusher.backlog.closedForOverflow++;
    this.#owner.onOverflow(bytes, bytesMax);
  }

  /** Tells the backlog what waits here. */
  #account(): number {
    const { waitingBytes } = this;
    if (waitingBytes !== this.#countedBytes && !this.#isOver) {
      this.#flusher.backlog.count(this, waitingBytes, this.#countedBytes);
      this.#countedBytes = waitingBytes;
    }
    return waitingBytes;
  }
}
