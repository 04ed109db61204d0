import type { Operation, Store } from "@holdfast/core";
import { type Kept, storeSecret } from "../kept/index.ts";
import { type SessionsOwner, Sweeper } from "./sweeper.ts";

const ALIVE = "recovery:alive";
const FLOOR = "recovery:floor";
/** Of a record that is alone of its kind. */
const KEY = "-";
/** How often, in ms, a server with clients notes that it lives. */
const ALIVE_INTERVAL_MS = 5_000;
const SWEEP_INTERVAL_MS = 60_000;
/** What could not be stored is tried again after so many ms, and then with each sign of life. */
const RETRY_MS = 100;
/** So much of it is remembered. */
const OWED_MAX = 100_000;

export interface RecoveryLimits {
  /** How long, in ms, a session outlives its connection. */
  readonly durationMs: number;
  /** How long, in ms, an event may be on its way to a client that comes back. */
  readonly ageMs: number;
  /** The most sessions that wait for their clients, and the most that are remembered as ended. */
  readonly sessionsMax: number;
}

/** What all namespaces of a server with durable recovery share: the key of its pids, and when it died last. */
export class SharedRecovery {
  readonly kept: Kept;
  readonly limits: RecoveryLimits;
  /** When this process took the store over, in ms since 1970. */
  readonly startedAt = Date.now();
  /** Resolves when the rest can be read. Rejects as the store's `opened` does. */
  readonly ready: Promise<void>;
  readonly #owners = new Map<string, SessionsOwner>();
  readonly #sweeper: Sweeper;
  /** By key: what could not be stored and must be, and is true until then all the same. */
  readonly #owed = new Map<string, Operation>();
  readonly #timers: NodeJS.Timeout[] = [];
  #secret: Buffer | undefined;
  #diedAt = 0;
  #floor = 0;
  #isLive = false;
  #isPaying = false;
  #isClosed = false;

  constructor(kept: Kept, limits: RecoveryLimits) {
    this.kept = kept;
    this.limits = limits;
    this.#sweeper = new Sweeper(this, this.#owners);
    this.ready = this.#open(kept.store);
    // reported where the store's opening is
    this.ready.catch(() => {});
    this.#every(SWEEP_INTERVAL_MS, () => void this.sweep());
  }

  /** Authenticates pids. */
  get secret(): Buffer {
    return this.#secret!;
  }

  /** When the process before this one was last known to live, in ms since 1970; 0 if there was none. */
  get diedAt(): number {
    return this.#diedAt;
  }

  /** A pid that was issued before, in ms since 1970, counts only if there is a record of its session. */
  get floor(): number {
    return this.#floor;
  }

  /** Whether no more sessions can wait for their clients. */
  get isFull(): boolean {
    return this.#sweeper.isFull;
  }

  /** A client is there: from now on it matters when this process dies. */
  live(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#noteAlive();
    this.#every(ALIVE_INTERVAL_MS, () => {
      this.#noteAlive();
      this.#payUp();
    });
  }

  /** @returns a function that ends it */
  register(owner: SessionsOwner): () => void {
    this.#owners.set(owner.namespace, owner);
    return () => {
      if (this.#owners.get(owner.namespace) === owner) this.#owners.delete(owner.namespace);
    };
  }

  /** A session waits for its client (1), or is remembered as ended (0). */
  count(kind: "away" | "ended"): void {
    if (this.#sweeper.count(kind)) void this.sweep();
  }

  /** This could not be stored: it is tried until it can be. */
  owe(key: string, operation: Operation): void {
    if (this.#owed.size >= OWED_MAX) return;
    if (this.#owed.size === 0) setTimeout(() => this.#payUp(), RETRY_MS).unref();
    this.#owed.set(key, operation);
  }

  owed(key: string): Operation | undefined {
    return this.#owed.get(key);
  }

  async raiseFloor(ms: number): Promise<void> {
    await this.kept.store.commit({ type: "put", kind: FLOOR, key: KEY, value: String(ms) }).durable();
    this.#floor = ms;
  }

  /** Resolves when it is done, or has failed, which is reported. */
  sweep(): Promise<void> {
    return this.#sweeper.sweep().catch((error) => {
      // it is tried again; a store that was closed in the middle is none of anybody's concern
      if (!this.#isClosed) this.kept.onError(error, { stage: "recover" });
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#sweeper.close();
    this.#payUp();
  }

  #every(ms: number, callback: () => void): void {
    this.#timers.push(setInterval(callback, ms).unref());
  }

  #noteAlive(): void {
    const value = String(Date.now());
    // should it fail, sessions count as lost a little earlier
    this.kept.store.commit({ type: "put", kind: ALIVE, key: KEY, value });
  }

  #payUp(): void {
    if (this.#isPaying || this.#owed.size === 0) return;
    this.#isPaying = true;
    const due = [...this.#owed];
    this.kept.store
      .commit(due.map(([, operation]) => operation))
      .durable()
      .then(
        () => {
          for (const [key, operation] of due) if (this.#owed.get(key) === operation) this.#owed.delete(key);
        },
        () => {},
      )
      .finally(() => {
        this.#isPaying = false;
      });
  }

  async #open(store: Store): Promise<void> {
    this.#secret = await storeSecret(store);
    const alive = await this.#number(ALIVE);
    // it may have lived on until it would have said so again
    this.#diedAt = alive === 0 ? 0 : Math.min(alive + ALIVE_INTERVAL_MS, this.startedAt);
    this.#floor = await this.#number(FLOOR);
  }

  async #number(kind: string): Promise<number> {
    const record = await this.kept.store.get(kind, KEY);
    return record ? Number(Buffer.from(record.value).toString()) : 0;
  }
}
