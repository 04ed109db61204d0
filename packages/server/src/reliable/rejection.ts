import { RetryLater } from "@holdfast/core";

/**
 * Thrown by a handler: the event is refused, for good. The client is told code, message and data, and what was done
 * through `tx` does not happen.
 */
export class Rejection extends Error {
  override readonly name: string = "Rejection";
  /** Stable; yours. */
  readonly code: string;
  /** Whatever can be sent. */
  readonly data: unknown;

  constructor(code: string, message: string = code, data?: unknown, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

/**
 * For handlers: throws what says that nothing happens now, and that the client is to send the event, and those behind
 * it, again after so many ms.
 */
export function retryLater(ms: number, reason?: string): never {
  throw new RetryLater(ms, reason);
}
