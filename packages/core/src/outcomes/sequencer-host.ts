import type { Store, StoreError } from "../store/index.ts";
import type { Outcome } from "./entry.ts";

/** Has something to commit. */
export interface Due {
  issue(): void;
}

/** What a sequencer needs of what all sequencers share. */
export interface SequencerHost {
  readonly store: Store;
  /** Entries of one key without an answer. */
  readonly window: number;
  /** Bytes of entries of one key that wait; one of any size fits while none do. */
  readonly waitingBytesMax: number;
  /** Bytes of outcomes in one commit, passed by at most one. */
  readonly groupBytesMax: number;
  now(): number;
  monotonicMs(): number;
  /** Calls `issue()` when this tick ends. */
  schedule(due: Due): void;
  /** Bytes of an entry are held from now on. False if they are too many; then nothing has been counted. */
  reserve(bytes: number): boolean;
  /** And now they are not. */
  free(bytes: number): void;
  /** Whether so much is stored that whatever can go should. */
  readonly isTight: boolean;
  /** A commit changed what is stored. */
  onCommitted(change: { readonly bytes: number; readonly isNewKey: boolean }): void;
  /** The outcome of an entry whose commit would fail however often it is tried. */
  refusal(error: StoreError): Outcome;
  /** A commit failed, and all of it is to be sent again. */
  onFailure(error: StoreError): void;
  /** Nothing is being done any more. */
  onIdle(id: string): void;
}
