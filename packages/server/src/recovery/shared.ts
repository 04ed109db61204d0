import { randomBytes } from "node:crypto";
import type { Store } from "@holdfast/core";
import type { Kept } from "../kept/index.ts";

const SECRET = "recovery:secret";
const ALIVE = "recovery:alive";
/** Of a record that is alone of its kind. */
const KEY = "-";
/** How often, in ms, a server with clients notes that it lives. */
const ALIVE_INTERVAL_MS = 5_000;

/** What all namespaces of a server with durable recovery share: the key of its pids, and when it died last. */
export class SharedRecovery {
  readonly kept: Kept;
  /** When this process took the store over, in ms since 1970. */
  readonly startedAt = Date.now();
  /** Resolves when the rest can be read. Rejects as the store's `opened` does. */
  readonly ready: Promise<void>;
  #secret: Buffer | undefined;
  #diedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(kept: Kept) {
    this.kept = kept;
    this.ready = this.#open(kept.store);
    // reported where the store's opening is
    this.ready.catch(() => {});
  }

  /** Authenticates pids. */
  get secret(): Buffer {
    return this.#secret!;
  }

  /** When the process before this one was last known to live, in ms since 1970; 0 if there was none. */
  get diedAt(): number {
    return this.#diedAt;
  }

  /** A client is there: from now on it matters when this process dies. */
  live(): void {
    if (this.#timer) return;
    this.#noteAlive();
    this.#timer = setInterval(() => this.#noteAlive(), ALIVE_INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #noteAlive(): void {
    const value = String(Date.now());
    // should it fail, sessions count as lost a little earlier
    this.kept.store.commit({ type: "put", kind: ALIVE, key: KEY, value });
  }

  async #open(store: Store): Promise<void> {
    await store.opened;
    let secret = await store.get(SECRET, KEY);
    if (!secret) {
      const fresh = store.commit({ type: "put", kind: SECRET, key: KEY, value: randomBytes(32) }, [
        { kind: SECRET, key: KEY, version: 0 },
      ]);
      // another process may have been first
      await fresh.durable().catch(() => {});
      secret = await store.get(SECRET, KEY);
    }
    if (!secret) throw new Error("the store gave no key for recovery");
    this.#secret = Buffer.from(secret.value);
    const alive = await store.get(ALIVE, KEY);
    this.#diedAt = alive ? Number(Buffer.from(alive.value).toString()) : 0;
  }
}
