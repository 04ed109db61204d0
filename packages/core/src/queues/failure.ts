import { StoreError } from "../store/index.ts";
import { QUEUE_LIMITS } from "./options.ts";
import { QueueError, type QueueErrorCode, RetryLater, Unrecoverable } from "./queue-error.ts";
import type { JobFailure, JobReport, Outcome } from "./types.ts";

/** Whether trying again is of no use: the store is closed. */
export function isOver(error: unknown): boolean {
  return error instanceof StoreError && error.code === "STORE_CLOSED";
}

/** What is stored and told of an error: cut to size, without its stack. */
export function failureOf(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { message: cut(typeof error === "string" ? error : describe(error)) };
  // Whatever its type says, anybody can assign anything to an error.
  const { message, name, code } = error as { message: unknown; name: unknown; code?: unknown };
  return {
    message: cut(typeof message === "string" ? message : describe(message)),
    ...(typeof name === "string" && name !== "Error" && { name: cut(name, 256) }),
    ...(typeof code === "string" && { code: cut(code, 256) }),
  };
}

/** The same of what a remote worker says. */
export function checkFailure(failure: unknown): JobFailure {
  if (typeof failure !== "object" || failure === null) return failureOf(failure);
  const { message, name, code } = failure as Record<string, unknown>;
  return {
    message: typeof message === "string" ? cut(message) : "",
    ...(typeof name === "string" && { name: cut(name, 256) }),
    ...(typeof code === "string" && { code: cut(code, 256) }),
  };
}

/** What a throw of a handler means. */
export function outcomeOf(error: unknown): Outcome {
  const failure = failureOf(error);
  if (error instanceof RetryLater)
    return { error: failure, retryMs: Math.max(0, Number(error.retryMs) || 0) };
  return { error: failure, isFinal: error instanceof Unrecoverable };
}

/** Why a job that is finished without a result has none. */
export function finishError({ id, state, error }: Pick<JobReport, "id" | "state" | "error">): QueueError {
  const [code, what] = FINISHES[state as keyof typeof FINISHES] ?? FINISHES.removed;
  const cause = error && Object.assign(new QueueError("JOB_FAILED", error.message), { failure: error });
  return new QueueError(code, `Job ${id} ${what}${error ? `: ${error.message}` : ""}`, cause);
}

const FINISHES = {
  dead: ["JOB_DEAD", "is dead"],
  expired: ["JOB_EXPIRED", "expired before it was started"],
  removed: ["JOB_REMOVED", "was removed"],
} as const satisfies Record<string, readonly [QueueErrorCode, string]>;

function describe(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "A value that is no error was thrown";
  }
}

function cut(text: string, charsMax: number = QUEUE_LIMITS.messageCharsMax): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
}
