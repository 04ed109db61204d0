import { randomBytes, timingSafeEqual } from "node:crypto";
import { digest, type Store } from "@holdfast/core";
import { jobKey } from "./job-key.ts";

const SECRET = "queue:secret";
/** Of a record that is alone of its kind. */
const KEY = "-";
/** 132 bits. */
const MAC_CHARS = 22;

/**
 * What clients are given so that they can prove it later, over whatever connection, also after a restart: that they
 * added a job, and which worker they are. Authenticated by a key of the store; nothing is remembered of them.
 */
export class Grants {
  /** Resolves when the rest may be called. Rejects with a StoreError. */
  readonly ready: Promise<void>;
  /** Undefined until then. Text of a fixed length. */
  #secret: string | undefined;

  constructor(store: Store) {
    this.ready = this.#open(store);
    // whoever needs it awaits it
    this.ready.catch(() => {});
  }

  get isReady(): boolean {
    return this.#secret !== undefined;
  }

  /** Proof of having added a job. */
  ofJob(queue: string, id: string): string {
    return this.#mac(`job\n${jobKey(queue, id)}`);
  }

  isOfJob(grant: string, queue: string, id: string): boolean {
    return isSame(grant, this.#mac(`job\n${jobKey(queue, id)}`));
  }

  /** The secret id of the worker that began as the socket `sid`. */
  ofWorker(sid: string): string {
    return `${sid}.${this.#mac(`worker\n${sid}`)}`;
  }

  /** The socket's id that it stands for; undefined for what is not ours. */
  workerOf(grant: string): string | undefined {
    const dot = grant.lastIndexOf(".");
    const sid = grant.slice(0, dot);
    return dot > 0 && isSame(grant.slice(dot + 1), this.#mac(`worker\n${sid}`)) ? sid : undefined;
  }

  /**
   * SHA-512/256 shows half of what it has come to, and less of that is shown here: nobody can go on from it, so a secret
   * in front authenticates, in a fifth of the time that an HMAC takes.
   */
  #mac(text: string): string {
    return digest("sha512-256", this.#secret + text).slice(0, MAC_CHARS);
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
    this.#secret = Buffer.from(secret!.value).toString("base64url");
  }
}

function isSame(shown: string, mac: string): boolean {
  const bytes = Buffer.from(shown);
  return bytes.length === MAC_CHARS && timingSafeEqual(bytes, Buffer.from(mac));
}
