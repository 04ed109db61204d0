import type { QueueOptions } from "holdfast";

const shared: QueueOptions = {
  backoff: [10],
  leaseMs: 2_000,
  graceMs: 400,
  resultsMax: 1_000_000,
  lengthMax: 1_000_000,
};

/** Attempts of a job that kills whoever works on it. */
export const POISON_ATTEMPTS = 3;

/** `work`: kills must not use its jobs up. `poison`: its jobs kill their worker. */
export const QUEUES: Record<string, QueueOptions> = {
  work: { ...shared, attempts: 1_000 },
  poison: { ...shared, attempts: POISON_ATTEMPTS },
};

export type Kind = "ours" | "stock";

/** One line of a worker's ledger: on disk before what it stands for goes on. */
export type Entry =
  /** A handler began. */
  | readonly ["start", queue: string, id: string, attempt: number, atMs: number]
  /** The server said that this result is recorded. */
  | readonly ["recorded", queue: string, id: string, result: string, atMs: number];
