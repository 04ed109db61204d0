import type { Lost } from "./lost.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";
import type { Shed } from "./shed.ts";

/** A hold writes on once no more than this waits. */
const READY_BYTES_MAX = 256 * 1024;
/** What a hold that waits behind another counts for, so that many of them pass the limit of an outbox. */
const HOLD_BYTES = 1024;

/** Where a hold writes: the outbox it belongs to. */
export interface HoldOwner {
  /** What the reader has not taken yet. */
  readonly pendingBytes: number;
  /** It can't wait for its reader: no more should be written. */
  readonly isFull?: boolean;
  /** Passes by what is held. */
  writeAhead(packets: OutgoingPacket[]): void;
  onRelease(hold: Hold, lost: Lost | undefined): void;
}

/**
 * Stops one connection at a point, so that something can be written there that takes its time, such as the replay of a
 * room: what was issued before goes on, what is issued later waits until the release. Unlike a gate it concerns one
 * connection only, and need not end in any order with others.
 */
export class Hold extends OutgoingPacket {
  override readonly size: number = HOLD_BYTES;
  readonly #owner: HoldOwner;
  readonly #onReached: (hold: Hold) => void;
  #queue: OutgoingPacket[] = [];
  #queuedBytes = 0;
  #isDiscarded = false;
  #isReached = false;
  #whenReady: (() => void) | undefined;
  /** What was issued before and has to come from the log first. */
  #sheds: Set<Shed> | undefined;
  /** False for the last hold of a connection that is being closed: it is not closed later because it is slow. */
  readonly isPatient: boolean;

  /**
   * @param onReached called once everything issued before has been given to the sink: now the hold may write; or, if
   * that never happens, when the connection has closed
   * @param isPatient whether that means what is shed too
   */
  constructor(owner: HoldOwner, onReached: (hold: Hold) => void, isPatient = true) {
    super([]);
    this.#owner = owner;
    this.#onReached = onReached;
    this.isPatient = isPatient;
  }

  /** What waits behind it, in bytes. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Writes at this point. Only between `onReached` and {@link release}. */
  write(packets: OutgoingPacket[]): void {
    this.#owner.writeAhead(packets);
  }

  /** Whether what is left to write should go another way. */
  get isFull(): boolean {
    return this.#owner.isFull === true;
  }

  /** Whether the connection is gone: there is nobody to write to. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** Resolves when the reader has taken most of what was written, or is gone; never before others had their turn. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      // a reader as fast as we are would otherwise keep the process to itself
      if (this.#isDiscarded || this.#owner.pendingBytes <= READY_BYTES_MAX) setImmediate(resolve);
      else this.#whenReady = resolve;
    });
  }

  /** Lets go on what waited, or waits yet to be given to the outbox, but for what is lost. */
  release(lost?: Lost): void {
    this.#owner.onRelease(this, lost);
  }

  /** Called by the outbox when its sink has taken something. */
  onDrain(): void {
    if (!this.#whenReady || (!this.#isDiscarded && this.#owner.pendingBytes > READY_BYTES_MAX)) return;
    const whenReady = this.#whenReady;
    this.#whenReady = undefined;
    whenReady();
  }

  /** Called by the outbox when its connection has closed. */
  discard(): void {
    this.#isDiscarded = true;
    this.onDrain();
    this.reach();
  }

  /** Called by the outbox: these come before it. They get no more packets. */
  follow(sheds: readonly Shed[]): void {
    this.#sheds = new Set(sheds);
    for (const shed of sheds) shed.seal();
  }

  /** Called by the outbox: what was issued before the first of those that it follows is with the sink. */
  approach(): void {
    if (!this.#sheds?.size) this.reach();
    // each may end at once
    else for (const shed of [...this.#sheds]) shed.begin();
  }

  /** Called by the outbox: one that it may follow has ended. */
  onShedEnd(shed: Shed): void {
    if (this.#sheds?.delete(shed) && this.#sheds.size === 0) this.reach();
  }

  /** Those that it follows and that have not ended. */
  get sheds(): Iterable<Shed> {
    return this.#sheds ?? [];
  }

  /** Called by the outbox. */
  reach(): void {
    if (this.#isReached) return;
    this.#isReached = true;
    this.#onReached(this);
  }

  /** Called by the outbox. */
  enqueue(packet: OutgoingPacket): void {
    this.#queue.push(packet);
    this.#queuedBytes += packet.size;
  }

  /** Called by the outbox. */
  takeQueue(): OutgoingPacket[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    return queue;
  }
}
