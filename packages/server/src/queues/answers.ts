import { QueueError, type QueueErrorCode, StoreError } from "@holdfast/core";

/** What a client is told of an error (PROTOCOL §5). */
export interface WireError {
  readonly code: string;
  readonly message: string;
}

/** Codes of answers that the queues themselves do not know. */
export type RefusalCode =
  /** `authorize` said no. */
  | "QUEUE_FORBIDDEN"
  /** There is no queue of that name. */
  | "QUEUE_UNKNOWN"
  /** A limit of the socket. */
  | "QUEUE_LIMIT";

/** Why a client does not get what it asks for. */
export class Refusal extends Error {
  readonly code: RefusalCode | QueueErrorCode;

  constructor(code: RefusalCode | QueueErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The error as the client sees it; undefined for one that is our own fault. */
export function wireError(error: unknown): WireError | undefined {
  if (error instanceof QueueError || error instanceof Refusal)
    return { code: error.code, message: error.message };
  // what a store says of its disk is not for clients
  if (error instanceof StoreError) return { code: error.code, message: "the server cannot store that now" };
  return undefined;
}
