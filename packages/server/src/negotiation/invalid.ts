import { HoldfastError } from "../errors.ts";

/** The error for what a client must not have sent. */
export function invalid(what: string): HoldfastError {
  return new HoldfastError("PROTOCOL_INVALID", what);
}

/** Whether a value from the wire is an object, and no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
