import type { Request, Retry } from "./entry.ts";

/** What a sender needs of the sequencer of its key. */
interface SenderOwner {
  readonly ledger: { readonly through: number };
  submit(sender: Sender, request: Request): boolean;
  leave(sender: Sender): void;
}

/** What is to be sent again before anything behind it counts. */
interface Demand {
  readonly from: number;
  /** Not before then, by the monotonic clock. */
  readonly atMs: number;
  readonly reason: Retry;
}

/** One connection's end of a sequencer. */
export class Sender {
  readonly #owner: SenderOwner;
  /**
   * Each connection has its own: what one has sent behind a failed entry may still be on its way when another has sent
   * that entry again.
   */
  #demand: Demand | undefined;
  /** Its repeats whose outcomes are being read. For the sequencer. */
  reads = 0;

  constructor(owner: SenderOwner) {
    this.#owner = owner;
  }

  /** All entries of the key up to this sequence have an outcome. */
  get through(): number {
    return this.#owner.ledger.through;
  }

  /**
   * Takes an entry as it came from the client.
   *
   * @returns false if more than the window would be without an answer: the client breaks the rules
   */
  submit(request: Request): boolean {
    return this.#owner.submit(this, request);
  }

  /** The connection is no more. */
  leave(): void {
    this.#owner.leave(this);
  }

  // --- for the sequencer

  /** This entry, and all behind it, are to be sent again. */
  demand(sequence: number, reason: Retry, nowMs: number): void {
    const from = Math.min(sequence, this.#demand?.from ?? sequence);
    this.#demand = { from, atMs: nowMs + reason.retryMs, reason };
  }

  /** Whether all before this entry has been sent again, if that was asked for. */
  isDue({ sequence, low }: Request): boolean {
    const demand = this.#demand;
    if (demand && sequence > demand.from && low <= demand.from) return false;
    this.#demand = undefined;
    return true;
  }

  /** What an entry is answered that is not due. */
  retry(nowMs: number): Retry {
    const { atMs, reason } = this.#demand!;
    return { ...reason, retryMs: Math.max(1, Math.ceil(atMs - nowMs)) };
  }
}
