const DIGITS = 11;

/**
 * A non-negative integer as text that sorts as the number does: for keys of ordered records (times, sequences,
 * priorities). Eleven base-36 digits hold every safe integer.
 */
export function sortable(value: number): string {
  return value.toString(36).padStart(DIGITS, "0");
}

/** The number in what `sortable` made. */
export function fromSortable(text: string): number {
  return Number.parseInt(text.slice(0, DIGITS), 36);
}

/** The end of the range of all keys that start with a prefix: `from: prefix, to: afterPrefix(prefix)`. */
export function afterPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
