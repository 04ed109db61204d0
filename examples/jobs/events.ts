/** The words that page, server and workers exchange, beside those of the queue itself. */
import type { QueueCounts, Server } from "holdfast";

/** What is to be done: here, something that takes its time. */
export interface Task {
  title: string;
  /** How long it takes, in seconds. */
  seconds: number;
  trouble: Trouble;
}

/** `once`: the first attempt fails. `always`: every attempt does. `crash`: it kills the process that works on it. */
export const troubles = ["none", "once", "always", "crash"] as const;
export type Trouble = (typeof troubles)[number];

export interface TaskResult {
  /** Who did it. */
  by: string;
  /** How long it took, in ms. */
  tookMs: number;
}

export interface WorkerInfo {
  name: string;
  /** Undefined while it starts. */
  pid: number | undefined;
  /** The title of the task it works on. */
  task: string | undefined;
}

export interface ToServer {
  /** A worker says what it works on. */
  busy: (task: string | null) => void;
  /** Kills a worker's process with SIGKILL: a chance to tidy up it has not. */
  kill: (name: string) => void;
}

export interface ToClients {
  counts: (counts: QueueCounts) => void;
  workers: (workers: WorkerInfo[]) => void;
}

export type JobsServer = Server<ToServer, ToClients, Record<string, never>, { worker?: string }>;
