/** What {@link Server.stats} tells. Counts are since the server was made, sizes in bytes. */
export interface ServerStats {
  /** Open connections. */
  readonly connections: number;
  /** Connected sockets, of all namespaces. */
  readonly sockets: number;
  /** What readers have not taken: all that waits in this process for its connections. */
  readonly bufferedBytes: number;
  /** Connections that are behind at the moment: their stored events come from the log, as they take them. */
  readonly behind: number;
  /** Stored events that did not wait in memory for a slow reader: once for each event and connection. */
  readonly shed: number;
  /** Events sent from the log: to those who were behind, joined with `since`, resumed or recovered. */
  readonly replayed: number;
  /** Volatile events dropped because a connection could not take them at once: once for each connection. */
  readonly droppedVolatile: number;
  /** Connections closed with `OUTBOX_FULL`. */
  readonly closedForOverflow: number;
  /** What has been issued and is not on disk yet; undefined without a store, or if that does not know. */
  readonly storePendingBytes: number | undefined;
}

/** An engine, perhaps not ours: then it knows less. */
interface Measured {
  readonly clientsCount?: number;
  readonly flusher?: {
    readonly backlog: {
      measure(): number;
      readonly behind: number;
      readonly shed: number;
      readonly closedForOverflow: number;
    };
  };
}

/** What happened in a server, as far as its engines and its store don't count it. */
export class Tally {
  droppedVolatile = 0;
  readonly #engines = new Set<Measured>();

  /** Connections of this engine count. */
  add(engine: Measured): void {
    this.#engines.add(engine);
  }

  stats(
    namespaces: Iterable<{ readonly sockets: ReadonlyMap<unknown, unknown> }>,
    kept: { readonly replayed: number; readonly store: { readonly pendingBytes?: number } } | undefined,
  ): ServerStats {
    let connections = 0;
    let bufferedBytes = 0;
    let behind = 0;
    let shed = 0;
    let closedForOverflow = 0;
    let sockets = 0;
    for (const { clientsCount, flusher } of this.#engines) {
      connections += clientsCount ?? 0;
      if (!flusher) continue;
      const { backlog } = flusher;
      bufferedBytes += backlog.measure();
      behind += backlog.behind;
      shed += backlog.shed;
      closedForOverflow += backlog.closedForOverflow;
    }
    for (const namespace of namespaces) sockets += namespace.sockets.size;
    return {
      connections,
      sockets,
      bufferedBytes,
      behind,
      shed,
      replayed: kept?.replayed ?? 0,
      droppedVolatile: this.droppedVolatile,
      closedForOverflow,
      storePendingBytes: kept?.store.pendingBytes,
    };
  }
}
