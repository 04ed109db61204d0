import type { OutgoingPacket, Shed, ShedPort, StoredAs } from "../../outbox/index.ts";
import type { Joiner } from "../joiner.ts";
import { type Place, RecentChanges } from "./recent-changes.ts";
import { SlowReader, type SlowReaderHost } from "./slow-reader.ts";

/** The readers of a namespace that are behind. */
export class Shedding {
  readonly #host: SlowReaderHost;
  /** By connection: the newest reader, unless it has ended. */
  readonly #readers = new Map<ShedPort, SlowReader>();
  /** All that have not ended: of several only the newest still takes packets. */
  readonly #bySocket = new Map<object, Set<SlowReader>>();
  /** By connection: the newest event issued before a socket of this namespace left it. */
  readonly #recent = new RecentChanges();
  readonly #former = new WeakMap<object, Place>();
  #newest: Place = { offset: 0 };

  constructor(host: Omit<SlowReaderHost, "onEnd">) {
    this.#host = {
      namespace: host.namespace,
      window: host.window,
      dialectOf: (socket) => host.dialectOf(socket),
      isMember: (socket, log) => host.isMember(socket, log),
      settled: () => host.settled(),
      onReplayed: (events) => host.onReplayed(events),
      onGap: (socket, gaps) => host.onGap(socket, gaps),
      cutOff: (socket) => host.cutOff(socket),
      onEnd: (reader) => this.#onEnd(reader),
    };
  }

  /**
   * Leaves a packet of this namespace to the log: see `OutboxOwner.shed`.
   *
   * @param socket whose connection it is; undefined if there is none of this namespace any more
   */
  take(
    socket: Joiner | undefined,
    port: ShedPort,
    packet: OutgoingPacket,
    mayStart: boolean,
  ): Shed | undefined {
    const reader = this.#readers.get(port);
    if (reader && !reader.isSealed) {
      if (reader.hasLeft) return reader;
      if (reader.socket === socket) return reader.take(packet) ? reader : undefined;
    }
    if (!mayStart || !socket || !packet.stored) return undefined;
    if (packet.stored.receipt.offset <= (this.#former.get(port)?.offset ?? 0)) return undefined;
    if (this.#recent.isFull) return undefined;
    const fresh = new SlowReader(socket, port, this.#host);
    for (const change of this.#recent.of(socket)) fresh.membership.onChange(change);
    if (!fresh.take(packet)) return undefined;
    this.#readers.set(port, fresh);
    const readers = this.#bySocket.get(socket);
    if (readers) readers.add(fresh);
    else this.#bySocket.set(socket, new Set([fresh]));
    return fresh;
  }

  /** A socket has joined the room of a log, or left it. */
  onChange(socket: object, log: string, isJoin: boolean): void {
    const change = { log, isJoin, after: this.#newest };
    this.#recent.add(socket, change);
    const readers = this.#bySocket.get(socket);
    if (readers) for (const { membership } of readers) membership.onChange(change);
  }

  /** An event has been issued. */
  onIssue(receipt: StoredAs["receipt"]): void {
    this.#newest = receipt;
    this.#recent.onIssue(receipt.flush);
  }

  /** A socket is no more, although its connection may be. */
  onGone(socket: Joiner): void {
    if (socket.conn.readyState === "closed") return;
    const { outbox } = socket.client;
    this.#former.set(outbox, this.#newest);
    const readers = [...(this.#bySocket.get(socket) ?? [])];
    const [first] = readers;
    if (first) {
      // what comes behind them must not go out without what they had yet to write, though nobody asks for it any more
      const cutOff = this.#host.cutOff(socket);
      first.port.lose(cutOff);
      cutOff.end(socket);
    }
    for (const reader of readers) {
      reader.leave();
      if (!reader.hasLeft) continue;
      // reached when everything issued for it has come by
      outbox.hold((hold) => {
        if (reader.hasLeft) reader.end();
        hold.release();
      }, false);
    }
  }

  #onEnd(reader: SlowReader): void {
    const { socket, port } = reader;
    if (this.#readers.get(port) === reader) this.#readers.delete(port);
    const readers = this.#bySocket.get(socket);
    readers?.delete(reader);
    if (readers?.size === 0) this.#bySocket.delete(socket);
    if (this.#bySocket.size === 0) this.#host.window.clear();
  }
}
