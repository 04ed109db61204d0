/**
 * What went wrong, stable across versions:
 * - `STORE_CLOSED`: the store was closed, or could not be opened.
 * - `STORE_LOCKED`: another process has this store open.
 * - `STORE_DAMAGED`: stored bytes are not what was written. Nothing was changed.
 * - `STORE_FORMAT`: written by a version that this one does not understand. Nothing was changed.
 * - `STORE_FULL`: no space on the disk, or past `bytesMax`. Later writes succeed once there is space.
 * - `STORE_IO`: the disk or the network failed in another way; `cause` says how.
 * - `STORE_BUSY`: too many bytes wait for their flush. Try again later.
 * - `STORE_UNSUPPORTED`: the driver lacks a capability that is needed here.
 * - `PRECONDITION_FAILED`: a record did not have the version that the write demanded. Nothing was written.
 * - `EVENT_TOO_LARGE`, `VALUE_TOO_LARGE`, `KEY_INVALID`, `ROOM_INVALID`: past a limit of the port.
 * - `TOO_MANY_LOGS`: the bound on the number of logs is reached.
 * - `POLICY_INVALID`: a `rooms` option that cannot be understood.
 * - `QUERY_INVALID`: a read with arguments that cannot be understood.
 */
export type StoreErrorCode =
  | "STORE_CLOSED"
  | "STORE_LOCKED"
  | "STORE_DAMAGED"
  | "STORE_FORMAT"
  | "STORE_FULL"
  | "STORE_IO"
  | "STORE_BUSY"
  | "STORE_UNSUPPORTED"
  | "PRECONDITION_FAILED"
  | "EVENT_TOO_LARGE"
  | "VALUE_TOO_LARGE"
  | "KEY_INVALID"
  | "ROOM_INVALID"
  | "TOO_MANY_LOGS"
  | "POLICY_INVALID"
  | "QUERY_INVALID";

/** The error of the store, the log and everything that stands on them. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Passes a StoreError on, wraps anything else as `STORE_IO`. */
  static from(error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    return new StoreError("STORE_IO", error instanceof Error ? error.message : String(error), error);
  }
}
