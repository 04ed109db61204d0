import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store } from "@holdfast/core";

const SECRET = "queue:secret";
/** Of a record that is alone of its kind. */
const KEY = "-";
const MAC_BYTES = 16;

/**
 * What clients are given so that they can prove it later, over whatever connection, also after a restart: that they
 * added a job, and which worker they are. Authenticated by a key of the store; nothing is remembered of them.
 */
export class Grants {
  /** Resolves when the rest may be called. Rejects with a StoreError. */
  readonly ready: Promise<void>;
  #secret: Buffer | undefined;

  constructor(store: Store) {
    this.ready = this.#open(store);
    // whoever needs it awaits it
    this.ready.catch(() => {});
  }

  /** Proof of having added a job. */
  ofJob(queue: string, id: string): string {
    return this.#mac(`job\n${queue}\n${id}`).toString("base64url");
  }

  isOfJob(grant: string, queue: string, id: string): boolean {
    return isSame(grant, this.#mac(`job\n${queue}\n${id}`));
  }

  /** The secret id of the worker that began as the socket `sid`. */
  ofWorker(sid: string): string {
    return `${sid}.${this.#mac(`worker\n${sid}`).toString("base64url")}`;
  }

  /** The socket's id that it stands for; undefined for what is not ours. */
  workerOf(grant: string): string | undefined {
    const dot = grant.lastIndexOf(".");
    const sid = grant.slice(0, dot);
    return dot > 0 && isSame(grant.slice(dot + 1), this.#mac(`worker\n${sid}`)) ? sid : undefined;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.#secret!).update(text).digest().subarray(0, MAC_BYTES);
  }

  async #open(store: Store): Promise<void> {
    await store.opened;
    let secret = await store.get(SECRET, KEY);
    if (!secret) {
      await store
        .commit({ type: "put", kind: SECRET, key: KEY, value: randomBytes(32) }, [
          { kind: SECRET, key: KEY, version: 0 },
        ])
        .durable();
      secret = await store.get(SECRET, KEY);
    }
    this.#secret = Buffer.from(secret!.value);
  }
}

function isSame(shown: string, mac: Buffer): boolean {
  const bytes = Buffer.from(shown, "base64url");
  return bytes.length === MAC_BYTES && timingSafeEqual(bytes, mac);
}
