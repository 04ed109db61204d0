import type { QueueContext } from "./context.ts";
import { decodeId } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QueueError, RetryLater } from "./queue-error.ts";

/** An id that is being added. */
interface Claim {
  readonly hash: string;
  /** Whoever adds several, one after the other: a transaction. */
  readonly owner: object | undefined;
  readonly released: Promise<void>;
  release(): void;
}

/** What owners wait for, in whatever queue. */
const waits = new WeakMap<object, Set<Claim>>();
/** Ms until the same may be tried again, once the others are through. */
const DEADLOCK_MS = 20;

/** Ids that are being added: who adds the same waits, and then finds it. */
export class IdClaims {
  readonly #context: QueueContext;
  readonly #claims = new Map<string, Claim>();

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /**
   * Waits until nobody else adds this id, and says whether it is taken. If not, nobody else adds it until `release`.
   *
   * @param owner who has claimed it already finds it taken. Rejects with `RetryLater` if what it holds is waited for by
   *   whom it would wait for.
   */
  async claim(
    id: string,
    hash: string,
    owner?: object,
  ): Promise<{ readonly isTaken: true } | { release(): void }> {
    for (let other = this.#claims.get(id); other; other = this.#claims.get(id)) {
      if (owner && other.owner === owner) {
        if (other.hash !== hash) throw idConflict(id);
        return { isTaken: true };
      }
      await waitFor(other, owner);
    }
    const { release } = this.#take(id, hash, owner);
    try {
      if (!(await this.#isTaken(id, hash))) return { release };
    } catch (error) {
      release();
      throw error;
    }
    release();
    return { isTaken: true };
  }

  /** The same for many ids, by id with their hashes. Those that are taken are told. */
  async claimAll(
    hashes: ReadonlyMap<string, string>,
  ): Promise<{ readonly taken: ReadonlySet<string>; release(): void }> {
    // all at once: who holds some while it waits for others may wait for ever
    for (const ids = [...hashes.keys()]; ; ) {
      const other = ids.find((id) => this.#claims.has(id));
      if (other === undefined) break;
      await this.#claims.get(other)!.released;
    }
    const claims = Array.from(hashes, ([id, hash]) => this.#take(id, hash, undefined));
    const release = () => {
      for (const claim of claims) claim.release();
    };
    const taken = new Set<string>();
    try {
      for (const [id, hash] of hashes) if (await this.#isTaken(id, hash)) taken.add(id);
    } catch (error) {
      release();
      throw error;
    }
    return { taken, release };
  }

  #take(id: string, hash: string, owner: object | undefined): Claim {
    let resolve = () => {};
    const released = new Promise<void>((done) => {
      resolve = done;
    });
    const release = () => {
      if (this.#claims.get(id) === claim) this.#claims.delete(id);
      resolve();
    };
    const claim: Claim = { hash, owner, released, release };
    this.#claims.set(id, claim);
    return claim;
  }

  async #isTaken(id: string, hash: string): Promise<boolean> {
    const record = await this.#context.store.get(KIND.id, this.#context.keys.name(id));
    if (!record) return false;
    if (decodeId(record.value).hash !== hash) throw idConflict(id);
    return true;
  }
}

async function waitFor(claim: Claim, owner: object | undefined): Promise<void> {
  if (!owner) return claim.released;
  if (leadsTo(claim, owner)) {
    throw new RetryLater(DEADLOCK_MS, "two transactions add the same jobs in another order");
  }
  const all = waits.get(owner) ?? new Set();
  waits.set(owner, all.add(claim));
  await claim.released;
  all.delete(claim);
}

/** Whether whoever has this claim waits, perhaps through others, for one that `owner` has. */
function leadsTo({ owner: other }: Claim, owner: object): boolean {
  if (other === owner) return true;
  for (const claim of (other && waits.get(other)) ?? []) if (leadsTo(claim, owner)) return true;
  return false;
}

export function idConflict(id: string): QueueError {
  return new QueueError("QUEUE_JOB_CONFLICT", `A job with the id ${id} has other data`);
}
