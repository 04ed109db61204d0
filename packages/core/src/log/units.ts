import { StoreError } from "../store/index.ts";

const MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1024,
  mb: 1024 ** 2,
  gb: 1024 ** 3,
  tb: 1024 ** 4,
};

/** Milliseconds of "500ms", "30s", "15m", "12h", "30d", "2w", or of a number. Throws `POLICY_INVALID`. */
export function parseDuration(value: unknown, name = "duration"): number {
  return parse(value, MS, name, '"15m" or "30d"');
}

/** Bytes of "500b", "64kb", "10mb", "1gb", "1tb" (powers of 1,024), or of a number. Throws `POLICY_INVALID`. */
export function parseSize(value: unknown, name = "size"): number {
  return parse(value, BYTES, name, '"64kb" or "1gb"');
}

function parse(
  value: unknown,
  units: Readonly<Record<string, number>>,
  name: string,
  example: string,
): number {
  if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
  if (typeof value === "string") {
    const text = value.trim().toLowerCase();
    let end = 0;
    while (end < text.length && "0123456789.".includes(text[end]!)) end++;
    const amount = Number(text.slice(0, end));
    const unit = text.slice(end).trim();
    if (end > 0 && Number.isFinite(amount) && Object.hasOwn(units, unit)) return amount * units[unit]!;
  }
  throw new StoreError(
    "POLICY_INVALID",
    `${name} is ${describe(value)}; it must be a number or like ${example}`,
  );
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
