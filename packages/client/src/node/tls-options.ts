import type { TransportOptions } from "../transport.ts";

const NAMES = ["pfx", "key", "passphrase", "cert", "ca", "ciphers", "rejectUnauthorized"] as const;

/** The given names among the options, those of TLS always. Absent ones stay absent: undefined is a value to `tls`. */
export function pickOptions(options: TransportOptions, ...names: string[]): Record<string, unknown> {
  const all = options as unknown as Record<string, unknown>;
  const picked: Record<string, unknown> = {};
  for (const name of [...NAMES, ...names]) if (all[name] !== undefined) picked[name] = all[name];
  return picked;
}
