/** Sums over the whole store, written with every batch. */
export interface Totals {
  readonly events: number;
  readonly bytes: number;
  /** The highest version given to a record. */
  readonly version: number;
  /** The latest event's time. */
  readonly timeMs: number;
}

export const NO_TOTALS: Totals = { events: 0, bytes: 0, version: 0, timeMs: 0 };

export function encodeTotals({ events, bytes, version, timeMs }: Totals): Buffer {
  const value = Buffer.allocUnsafe(32);
  value.writeDoubleLE(events, 0);
  value.writeDoubleLE(bytes, 8);
  value.writeDoubleLE(version, 16);
  value.writeDoubleLE(timeMs, 24);
  return value;
}

export function decodeTotals(value: Buffer): Totals {
  return {
    events: value.readDoubleLE(0),
    bytes: value.readDoubleLE(8),
    version: value.readDoubleLE(16),
    timeMs: value.readDoubleLE(24),
  };
}
