import type { QueueContext } from "./context.ts";
import { decodeId, type IdRecord } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QueueError } from "./queue-error.ts";

/** Ids that are being added: who adds the same waits, and then finds it. */
export class IdClaims {
  readonly #context: QueueContext;
  readonly #claims = new Map<string, Promise<void>>();

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** Waits until nobody else adds this id, and says whether it is taken. If not, nobody else adds it until `release`. */
  async claim(id: string, hash: string): Promise<{ isTaken: true } | { release: () => void }> {
    for (let other = this.#claims.get(id); other; other = this.#claims.get(id)) await other;
    let resolve = () => {};
    this.#claims.set(
      id,
      new Promise((done) => {
        resolve = done;
      }),
    );
    const release = () => {
      this.#claims.delete(id);
      resolve();
    };
    let taken: IdRecord | undefined;
    try {
      const record = await this.#context.store.get(KIND.id, this.#context.keys.name(id));
      taken = record && decodeId(record.value);
    } catch (error) {
      release();
      throw error;
    }
    if (!taken) return { release };
    release();
    if (taken.hash !== hash) throw idConflict(id);
    return { isTaken: true };
  }
}

export function idConflict(id: string): QueueError {
  return new QueueError("QUEUE_JOB_CONFLICT", `A job with the id ${id} has other data`);
}
