import { QUEUE_LIMITS } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import type { JobReport } from "./types.ts";

type Listener = (report: JobReport) => void;

/** Who wants to know what becomes of which job. */
export class Watchers {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #onError: (error: unknown) => void;
  #size = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Throws `QUEUE_FULL`. Returns a function that ends it. */
  add(id: string, listener: Listener): () => void {
    if (this.#size >= QUEUE_LIMITS.watchersMax) {
      throw new QueueError("QUEUE_FULL", `There are ${QUEUE_LIMITS.watchersMax} watchers`);
    }
    let listeners = this.#listeners.get(id);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(id, listeners);
    }
    // A function of its own: the same listener may be added twice.
    const own: Listener = (report) => listener(report);
    listeners.add(own);
    this.#size++;
    return () => this.#remove(id, own);
  }

  has(id: string): boolean {
    return this.#size > 0 && this.#listeners.has(id);
  }

  tell(report: JobReport): void {
    const listeners = this.#listeners.get(report.id);
    if (!listeners) return;
    const isLast = report.state === "done" || report.state === "expired" || report.state === "removed";
    for (const listener of [...listeners]) {
      if (isLast) this.#remove(report.id, listener);
      try {
        listener(report);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #remove(id: string, listener: Listener): void {
    const listeners = this.#listeners.get(id);
    if (!listeners?.delete(listener)) return;
    this.#size--;
    if (listeners.size === 0) this.#listeners.delete(id);
  }
}
