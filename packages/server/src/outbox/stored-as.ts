/**
 * Where in the log a packet stands: it need not wait in memory for a slow reader. Whoever sends a variant of a stored
 * packet (another dialect) MUST pass this on, or a reader that is behind gets it out of its turn, and twice.
 */
export interface StoredAs {
  readonly namespace: string;
  /** The logs that have it. */
  readonly rooms: readonly string[];
  /** Rooms and sockets that it is not for. */
  readonly except: readonly string[];
  readonly receipt: {
    readonly offset: number;
    readonly state: "pending" | "durable" | "failed";
    /** May be sent before it is on disk. */
    readonly isEarly: boolean;
    readonly flush: { readonly error: unknown; onSettled(listener: () => void): void };
  };
}
