import type { CancelTimer, Clock } from "../log/index.ts";
import { systemClock } from "../log/index.ts";
import { type Store, StoreError } from "../store/index.ts";
import type { Outcome } from "./entry.ts";
import { Keeper } from "./keeper.ts";
import { Ledger, type LedgerLimits } from "./ledger.ts";
import { digest, ledgerId } from "./records.ts";
import type { Sender } from "./sender.ts";
import { Sequencer } from "./sequencer.ts";
import type { Due, SequencerHost } from "./sequencer-host.ts";

export interface OutcomesLimits {
  /** Entries of one key without an answer. Default 256. */
  readonly window: number;
  /** Keys that are remembered. Default 100,000. */
  readonly keysMax: number;
  /** Outcomes of one key. Default 1,000. */
  readonly outcomesMax: number;
  /** Bytes of the outcomes of one key. Default 4 MB. */
  readonly keyBytesMax: number;
  /** Bytes of all outcomes. Default 256 MB. */
  readonly bytesMax: number;
  /** How long, in ms, a key that nobody uses is remembered. Default 30 days. */
  readonly ageMs: number;
}

export interface OutcomesOptions {
  readonly limits?: Partial<OutcomesLimits> | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** The outcome of an entry whose commit would fail however often it is tried. */
  refusal(error: StoreError): Outcome;
  /** What fails in the background. */
  onError(error: Error): void;
}

/** Who asks for a key. */
export interface Claim {
  readonly namespace: string;
  readonly key: string;
  /** Whose it is to be; null: of somebody without a name; undefined: that is not asked. */
  readonly user: string | null | undefined;
  /** Whether some of the entries without outcome may have been sent before. */
  readonly again: boolean;
}

export type ClaimRefusal = "KEY_FOREIGN" | "TOO_MANY_KEYS";

const DEFAULT_LIMITS: OutcomesLimits = {
  window: 256,
  keysMax: 100_000,
  outcomesMax: 1_000,
  keyBytesMax: 4 * 1024 * 1024,
  bytesMax: 256 * 1024 * 1024,
  ageMs: 30 * 86_400_000,
};

/** Bytes of entries that wait, of one key and of all. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
const ALL_WAITING_BYTES_MAX = 128 * 1024 * 1024;
const GROUP_BYTES_MAX = 1024 * 1024;
/** Keys that nobody uses and that stay in memory all the same: their clients may be back soon. */
const IDLE_MAX = 1_000;
/** A use of a key is noted when it is so much, as a share of its age, after the last one that was. */
const AGE_PRECISION = 0.02;

/** Everything that is known of what clients asked for to be done once: by key, in order, within bounds. */
export class Outcomes {
  readonly limits: OutcomesLimits;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #onError: (error: Error) => void;
  readonly #keeper: Keeper;
  readonly #host: SequencerHost;
  readonly #ledgerLimits: LedgerLimits;
  /** By id: those in use, and some that were. */
  readonly #sequencers = new Map<string, Sequencer>();
  /** Those of them that nobody uses, the longest unused first. */
  readonly #idle = new Map<string, Sequencer>();
  readonly #loading = new Map<string, Promise<Sequencer>>();
  readonly #due = new Set<Due>();
  #isScheduled = false;
  #heldBytes = 0;
  #onIdle: (() => void) | undefined;
  #isClosed = false;

  constructor(store: Store, { limits, clock = systemClock, refusal, onError }: OutcomesOptions) {
    const all = { ...DEFAULT_LIMITS, ...limits };
    // what the client has not got yet must not be forgotten for want of room
    this.limits = { ...all, outcomesMax: Math.max(all.outcomesMax, 2 * all.window) };
    this.#store = store;
    this.#clock = clock;
    this.#onError = onError;
    this.#ledgerLimits = { outcomesMax: this.limits.outcomesMax, bytesMax: this.limits.keyBytesMax };
    this.#keeper = new Keeper(store, clock, this.limits, onError, {
      isInUse: (id) => this.#loading.has(id) || (this.#sequencers.has(id) && !this.#idle.has(id)),
      onForget: (id) => {
        this.#idle.delete(id);
        this.#sequencers.delete(id);
      },
    });
    this.#host = this.#asHost(refusal);
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#keeper.keys;
  }

  /** Bytes of their outcomes. */
  get bytes(): number {
    return this.#keeper.bytes;
  }

  /**
   * The sequencer of a key. Remembers a new one before it resolves, so that an entry that was lost on its way can be told
   * from one that was forgotten. Rejects with a StoreError if it can't be read, or remembered.
   */
  async claim({ namespace, key, user, again }: Claim): Promise<Sender | ClaimRefusal> {
    if (!this.#store.capabilities.transactional) {
      throw new StoreError("STORE_UNSUPPORTED", "this store can't write several things at once");
    }
    if (this.#isClosed) this.#reopen();
    await this.#keeper.ready();
    const id = ledgerId(namespace, key);
    const owner = typeof user === "string" ? digest(user) : user;
    // two connections that come with a key at once must find the same sequencer
    let loading = this.#loading.get(id);
    if (!loading) {
      loading = this.#load(id);
      this.#loading.set(id, loading);
      loading.finally(() => this.#loading.delete(id)).catch(() => {});
    }
    const sequencer = await loading;
    const { ledger } = sequencer;
    const isNew = !ledger.isStored && !sequencer.isUsed;
    const refusal = this.#refusalOf(ledger, owner, isNew);
    if (refusal) {
      this.#rest(id);
      return refusal;
    }
    const isUnbound = ledger.user === undefined && owner !== undefined;
    if (isUnbound) ledger.user = owner;
    if (isNew && again) ledger.isDoubtful = true;
    const sender = sequencer.join();
    if (!ledger.isStored && !again) {
      // what is sent to a key that a crash could take back could not be told from what was forgotten
      await sequencer.note().catch((error) => {
        sender.leave();
        throw error;
      });
    } else if (ledger.isStored) {
      const isStale = this.#clock.now() - ledger.atMs > this.limits.ageMs * AGE_PRECISION;
      // should it fail, it goes with the next outcome
      if (isUnbound || isStale) sequencer.note().catch(this.#onError);
    }
    return sender;
  }

  /** Drops what is too old, or too much. Done by itself from time to time. */
  sweep(): Promise<void> {
    return this.#keeper.sweep();
  }

  /**
   * Takes no more entries, and resolves when those that have begun are done, their outcomes stored and answered, or when
   * the time is up. `timeoutMs` in ms.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.#keeper.close();
    for (const sequencer of [...this.#sequencers.values()]) sequencer.stop();
    if (!this.isBusy) return;
    let cancel: CancelTimer | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      cancel = this.#clock.after(timeoutMs, resolve);
    });
    this.#onIdle = undefined;
    cancel?.();
  }

  /** Whether anything is being done. */
  get isBusy(): boolean {
    for (const sequencer of this.#sequencers.values()) if (sequencer.isBusy) return true;
    return false;
  }

  /** A server may listen again after it was closed. */
  #reopen(): void {
    this.#isClosed = false;
    this.#keeper.reopen();
  }

  #refusalOf(ledger: Ledger, owner: string | null | undefined, isNew: boolean): ClaimRefusal | undefined {
    if (owner !== undefined && ledger.user !== undefined && ledger.user !== owner) return "KEY_FOREIGN";
    return isNew && this.#keeper.isFull ? "TOO_MANY_KEYS" : undefined;
  }

  async #load(id: string): Promise<Sequencer> {
    await this.#keeper.released(id);
    const held = this.#sequencers.get(id);
    this.#idle.delete(id);
    if (held) return held;
    const ledger = new Ledger(this.#store, id, this.#ledgerLimits);
    await ledger.load();
    const sequencer = new Sequencer(ledger, this.#host);
    this.#sequencers.set(id, sequencer);
    return sequencer;
  }

  #asHost(refusal: OutcomesOptions["refusal"]): SequencerHost {
    const keeper = this.#keeper;
    return {
      store: this.#store,
      window: this.limits.window,
      waitingBytesMax: WAITING_BYTES_MAX,
      groupBytesMax: GROUP_BYTES_MAX,
      now: () => this.#clock.now(),
      monotonicMs: () => this.#clock.monotonicMs(),
      schedule: (due) => this.#schedule(due),
      reserve: (bytes) => {
        if (this.#heldBytes + bytes > ALL_WAITING_BYTES_MAX) return false;
        this.#heldBytes += bytes;
        return true;
      },
      free: (bytes) => {
        this.#heldBytes -= bytes;
      },
      get isTight() {
        return keeper.isTight;
      },
      onCommitted: ({ bytes, isNewKey }) => keeper.count(isNewKey ? 1 : 0, bytes),
      refusal,
      onFailure: this.#onError,
      onIdle: (id) => this.#rest(id),
    };
  }

  /** One turn for all sequencers, so that what became ready in a tick shares a flush. */
  #schedule(one: Due): void {
    this.#due.add(one);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const due = [...this.#due];
      this.#due.clear();
      for (const one of due) one.issue();
    });
  }

  /** Nobody may need this key for a while. */
  #rest(id: string): void {
    if (this.#onIdle && !this.isBusy) this.#onIdle();
    const sequencer = this.#sequencers.get(id);
    if (!sequencer || sequencer.isUsed || sequencer.isBusy || this.#loading.has(id)) return;
    this.#idle.delete(id);
    // another process may use it next
    const { shared } = this.#store.capabilities;
    if (shared || sequencer.isStopped || !sequencer.ledger.isStored) this.#sequencers.delete(id);
    else this.#idle.set(id, sequencer);
    if (this.#idle.size <= IDLE_MAX) return;
    const [oldest] = this.#idle.keys() as MapIterator<string>;
    this.#idle.delete(oldest!);
    this.#sequencers.delete(oldest!);
  }
}
