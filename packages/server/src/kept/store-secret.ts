import { randomBytes } from "node:crypto";
import type { Store } from "@holdfast/core";

// named after its first use
const KIND = "recovery:secret";
const KEY = "-";
const SECRET_BYTES = 32;

/** The key of a store, made by whoever asks first: what clients show is authenticated by it. Rejects as the store does. */
export async function storeSecret(store: Store): Promise<Buffer> {
  await store.opened;
  let secret = await store.get(KIND, KEY);
  if (!secret) {
    const fresh = store.commit({ type: "put", kind: KIND, key: KEY, value: randomBytes(SECRET_BYTES) }, [
      { kind: KIND, key: KEY, version: 0 },
    ]);
    // another may have been first
    await fresh.durable().catch(() => {});
    secret = await store.get(KIND, KEY);
  }
  if (!secret) throw new Error("the store keeps no secret");
  return Buffer.from(secret.value);
}
