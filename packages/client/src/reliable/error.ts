/** What a handler's refusal carries (PROTOCOL §4.4). */
export interface Refusal {
  code?: string;
  message?: string;
  data?: unknown;
}

/** Why an event was refused, or what is wrong with an outbox. */
export class ReliableError extends Error {
  /** Stable, for programs: see docs/errors.md. */
  readonly code: string;
  /** What the handler's error carried. */
  declare readonly data?: unknown;

  constructor(code: string, message?: string, options?: ErrorOptions) {
    super(message ?? code, options);
    this.name = "ReliableError";
    this.code = code;
  }

  static of({ code, message, data }: Refusal): ReliableError {
    const error = new ReliableError(code ?? "HANDLER_FAILED", message);
    return data === undefined ? error : Object.assign(error, { data });
  }
}
