import { QueueError } from "./queue-error.ts";

/** Outcomes remembered in memory. */
const REMEMBERED_MAX = 10_000;

/**
 * Outcomes that remote workers told: one that is told again, since its answer was lost, is no lease that was lost. Those
 * of jobs that are done are remembered in the store too.
 */
export class Settlements {
  readonly #pending = new Map<string, Promise<void>>();
  readonly #settled = new Set<string>();

  /** The outcome told under this token before; undefined: none. */
  find(token: string): Promise<void> | undefined {
    return this.#pending.get(token) ?? (this.#settled.has(token) ? Promise.resolve() : undefined);
  }

  add(token: string, settle: (settled: (error?: Error) => void) => void): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      settle((error) => {
        this.#pending.delete(token);
        if (error) reject(error);
        else {
          this.#remember(token);
          resolve();
        }
      });
    });
    this.#pending.set(token, promise);
    return promise;
  }

  #remember(token: string): void {
    this.#settled.add(token);
    if (this.#settled.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#settled) {
      this.#settled.delete(oldest);
      return;
    }
  }
}

export function leaseLost(): QueueError {
  return new QueueError("LEASE_LOST", "The job is not this worker's any more");
}
