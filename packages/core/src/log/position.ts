import type { Position } from "../store/index.ts";
import { StoreError } from "../store/index.ts";

/** A position as text without meaning to its reader. */
export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset.toString(36)}`;
}

/** The position in such text, or in an object of its shape; undefined for anything else. */
export function parsePosition(value: unknown): Position | undefined {
  if (typeof value === "string") {
    const colon = value.lastIndexOf(":");
    const digits = value.slice(colon + 1);
    const offset = Number.parseInt(digits, 36);
    if (colon <= 0 || !isOffset(offset) || offset.toString(36) !== digits) return undefined;
    return { epoch: value.slice(0, colon), offset };
  }
  if (typeof value !== "object" || value === null || !("epoch" in value) || !("offset" in value))
    return undefined;
  const { epoch, offset } = value;
  return typeof epoch === "string" && isOffset(offset) ? { epoch, offset } : undefined;
}

/** Likewise; throws `QUERY_INVALID`. */
export function requirePosition(value: unknown, name: string): Position {
  const position = parsePosition(value);
  if (!position) throw new StoreError("QUERY_INVALID", `${name} is not a position`);
  return position;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
