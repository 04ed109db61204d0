import type { QueueContext } from "./context.ts";
import { decodeId } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QueueError, RetryLater } from "./queue-error.ts";

/** What owners wait for, in whatever queue. */
const waits = new WeakMap<object, Set<Claim>>();
/** Ms until the same may be tried again, once the others are through. */
const DEADLOCK_MS = 20;

/** An id that is being added. */
export class Claim {
  readonly id: string;
  readonly hash: string;
  /** Whoever adds several, one after the other: a transaction. */
  readonly owner: object | undefined;
  readonly #claims: Map<string, Claim>;
  #waiters: (() => void)[] | undefined;

  constructor(claims: Map<string, Claim>, id: string, hash: string, owner: object | undefined) {
    this.#claims = claims;
    this.id = id;
    this.hash = hash;
    this.owner = owner;
    claims.set(id, this);
  }

  /** Resolves when it is released. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters ??= [];
      this.#waiters.push(resolve);
    });
  }

  /** Only the first call counts. */
  release(): void {
    if (this.#claims.get(this.id) !== this) return;
    this.#claims.delete(this.id);
    for (const resolve of this.#waiters ?? []) resolve();
  }
}

/** Ids that are being added: who adds the same waits, and then finds it. */
export class IdClaims {
  readonly #context: QueueContext;
  readonly #claims = new Map<string, Claim>();

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** The id is the caller's until it releases it, taken or not; undefined if somebody else adds it. */
  tryClaim(id: string, hash: string): Claim | undefined {
    return this.#claims.has(id) ? undefined : new Claim(this.#claims, id, hash, undefined);
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
    const claim = new Claim(this.#claims, id, hash, owner);
    try {
      const [stored] = await this.stored([claim]);
      if (stored === undefined) return claim;
      if (stored !== hash) throw idConflict(id);
    } catch (error) {
      claim.release();
      throw error;
    }
    claim.release();
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
      await this.#claims.get(other)!.released();
    }
    const claims = Array.from(hashes, ([id, hash]) => new Claim(this.#claims, id, hash, undefined));
    const release = () => {
      for (const claim of claims) claim.release();
    };
    const taken = new Set<string>();
    try {
      const stored = await this.stored(claims);
      for (const [at, { id, hash }] of claims.entries()) {
        if (stored[at] === undefined) continue;
        if (stored[at] !== hash) throw idConflict(id);
        taken.add(id);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { taken, release };
  }

  /** Hashes of what is there already under these ids. */
  async stored(claims: readonly Claim[]): Promise<(string | undefined)[]> {
    if (claims.length === 0) return [];
    const { store, keys } = this.#context;
    const records = await store.getMany(
      KIND.id,
      claims.map(({ id }) => keys.name(id)),
    );
    return records.map((record) => record && decodeId(record.value).hash);
  }
}

async function waitFor(claim: Claim, owner: object | undefined): Promise<void> {
  if (!owner) return claim.released();
  if (leadsTo(claim, owner)) {
    throw new RetryLater(DEADLOCK_MS, "two transactions add the same jobs in another order");
  }
  const all = waits.get(owner) ?? new Set();
  waits.set(owner, all.add(claim));
  await claim.released();
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
