import { QueueError } from "./queue-error.ts";

/** Outcomes remembered in memory: at least half as many. */
const REMEMBERED_MAX = 20_000;

/** What an outcome says of its attempt. */
export type Saying = "done" | "failed" | "handed back";

interface Settlement {
  readonly saying: Saying;
  readonly flushed: Promise<void>;
}

/**
 * Outcomes that remote workers told: one that is told again, since its answer was lost, is no lease that was lost. Those
 * of jobs that are done are remembered in the store too.
 */
export class Settlements {
  readonly #pending = new Map<string, Settlement>();
  #settled = new Map<string, Saying>();
  /** Those before them. */
  #older = new Map<string, Saying>();

  /** The same outcome told under this token before; undefined: none. Rejects with `LEASE_LOST` if it was another one. */
  find(token: string, saying: Saying): Promise<void> | undefined {
    const pending = this.#pending.get(token);
    const earlier = pending?.saying ?? this.#settled.get(token) ?? this.#older.get(token);
    if (earlier === undefined) return undefined;
    if (earlier !== saying) return Promise.reject(leaseLost());
    return pending?.flushed ?? Promise.resolve();
  }

  add(token: string, saying: Saying, settle: (settled: (error?: Error) => void) => void): Promise<void> {
    const flushed = new Promise<void>((resolve, reject) => {
      settle((error) => {
        this.#pending.delete(token);
        if (error) reject(error);
        else {
          this.#remember(token, saying);
          resolve();
        }
      });
    });
    this.#pending.set(token, { saying, flushed });
    return flushed;
  }

  #remember(token: string, saying: Saying): void {
    this.#settled.set(token, saying);
    if (this.#settled.size < REMEMBERED_MAX / 2) return;
    // all at once: a map whose oldest entries go one by one is slow
    this.#older = this.#settled;
    this.#settled = new Map();
  }
}

export function leaseLost(): QueueError {
  return new QueueError("LEASE_LOST", "The job is not this worker's any more");
}
