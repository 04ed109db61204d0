export interface BacklogOptions {
  /** What may wait for one connection before stored packets no longer wait in memory, in bytes. */
  readonly shedBytes: number;
  /** What may wait for one connection at all, in bytes. */
  readonly outboxBytesMax: number;
  /** What may wait for all connections together, in bytes. */
  readonly outboxTotalBytesMax: number;
}

/** An outbox for which something waits. */
export interface Laggard {
  /** What its reader has not taken, in bytes. */
  readonly waitingBytes: number;
}

/** What a connection may still hold when all together hold much, at least and at most, in bytes. */
const CROWDED_BYTES_MIN = 4 * 1024;
const CROWDED_BYTES_MAX = 64 * 1024;

/**
 * What waits for all connections of a server, and what each may hold. A connection that keeps up is no part of it, and
 * costs nothing.
 */
export class Backlog {
  /** Connections whose stored packets come from the log at the moment. */
  behind = 0;
  /** Stored packets that were left to the log. */
  shed = 0;
  /** Connections closed because too much waited for them. */
  closedForOverflow = 0;
  /**
   * From here on stored packets are left to the log. Where it is crowded, from so little on that what can't be left to
   * it has the other half of the room.
   */
  shedBytes: number;
  readonly #options: BacklogOptions;
  readonly #laggards = new Set<Laggard>();
  /** Not less than what waits: each was counted when it was last written to. */
  #bytes = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.shedBytes = options.shedBytes;
  }

  /** All together hold much: half of what they may. */
  get isCrowded(): boolean {
    return this.#bytes > this.#options.outboxTotalBytesMax / 2;
  }

  /** Past this a connection is closed: where all together hold too much, those who hold more than their share. */
  get bytesMax(): number {
    const { outboxBytesMax, outboxTotalBytesMax } = this.#options;
    // readers take what was counted without a word: nobody is closed for what is there no more
    const isFull = this.#bytes > outboxTotalBytesMax && this.measure() > outboxTotalBytesMax;
    if (!isFull) return outboxBytesMax;
    const share = outboxTotalBytesMax / this.#laggards.size;
    return Math.min(outboxBytesMax, Math.max(share, CROWDED_BYTES_MAX));
  }

  /** What waits for all, in bytes. Takes time for each connection that is slow, none for the others. */
  measure(): number {
    let bytes = 0;
    for (const { waitingBytes } of this.#laggards) bytes += waitingBytes;
    return bytes;
  }

  /** So much waits for an outbox now, and so much was counted before. */
  count(outbox: Laggard, bytes: number, before: number): void {
    this.#bytes += bytes - before;
    if (bytes === 0) this.#laggards.delete(outbox);
    else if (before === 0) this.#laggards.add(outbox);
    this.shedBytes = this.#shedBytes();
  }

  #shedBytes(): number {
    const { shedBytes, outboxTotalBytesMax } = this.#options;
    if (!this.isCrowded) return shedBytes;
    const share = outboxTotalBytesMax / 2 / this.#laggards.size;
    return Math.min(shedBytes, CROWDED_BYTES_MAX, Math.max(share, CROWDED_BYTES_MIN));
  }
}
