// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import { randomId } from "../engine/session-id.ts";
import { Adapter } from "./adapter.ts";
import type { BroadcastOptions, PrivateSessionId, Session, SessionToPersist } from "./contract.ts";
import { MissedEvents } from "./missed-events.ts";

/** Connection state recovery as the server was configured, defaults filled in. */
export interface RecoveryOptions {
  /** How long, in ms, sessions and events are kept. */
  maxDisconnectionDuration: number;
  /** The most events kept per namespace. */
  eventsMax?: number;
  /** The most bytes of events kept per namespace. */
  bytesMax?: number;
  /** The most sessions kept per namespace. */
  sessionsMax?: number;
}

const EVENTS_MAX = 100_000;
const BYTES_MAX = 64 * 1024 * 1024;
const SESSIONS_MAX = 100_000;

/** How often, in ms, what has expired is forgotten although nothing happens. */
const SWEEP_INTERVAL_MS = 60_000;

/** An event's packet type, here and on the wire. */
const EVENT = 2;

type StoredSession = SessionToPersist & { disconnectedAt: number };

/**
 * The in-memory adapter with Socket.IO's connection state recovery: events are kept for a while, each with an offset
 * that its receivers see as the last argument.
 */
export class RecoveryAdapter extends Adapter {
  readonly #durationMs: number;
  readonly #sessionsMax: number;
  readonly #events: MissedEvents;
  /** In the order in which they were persisted, so that the first are the first to expire. */
  readonly #sessions = new Map<PrivateSessionId, StoredSession>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();

  constructor(nsp: any) {
    super(nsp);
    const options: RecoveryOptions = nsp.server.opts.connectionStateRecovery;
    this.#durationMs = options.maxDisconnectionDuration;
    this.#sessionsMax = options.sessionsMax ?? SESSIONS_MAX;
    this.#events = new MissedEvents(
      options.eventsMax ?? EVENTS_MAX,
      options.bytesMax ?? BYTES_MAX,
      randomId(),
    );
  }

  override close(): void {
    clearInterval(this.#sweeper);
  }

  override broadcast(packet: any, opts: BroadcastOptions): void {
    // an acknowledgement could not be asked for again, and a volatile event need not arrive
    if (packet.type !== EVENT || packet.id !== undefined || opts.flags?.volatile !== undefined) {
      super.broadcast(packet, opts);
      return;
    }
    const { data } = packet;
    const { rooms, except } = opts;
    data.push(this.#events.nextOffset);
    const delivery = this.encode(packet, opts);
    // before the delivery: who listens to outgoing events may emit in turn
    this.#events.add({
      data,
      rooms: new Set(rooms),
      except,
      emittedAt: Date.now(),
      bytes: delivery.outgoing.size,
    });
    this.deliver(delivery, opts);
  }

  override persistSession(session: SessionToPersist): void {
    this.#sessions.delete(session.pid);
    this.#sessions.set(session.pid, { ...session, disconnectedAt: Date.now() });
    this.#sweep();
  }

  override restoreSession(pid: PrivateSessionId, offset: string): Promise<Session> | null {
    const session = this.#sessions.get(pid);
    // while somebody resumes it the id is taken
    if (!session || this.nsp.sockets.has(session.sid)) return null;
    if (session.disconnectedAt + this.#durationMs < Date.now()) {
      this.#sessions.delete(pid);
      return null;
    }
    const events = this.#events.after(offset, session.rooms);
    if (!events) return null;
    const missedPackets: unknown[][] = [];
    for (const { data, except } of events) {
      if (!session.rooms.some((room) => except?.has(room))) missedPackets.push(data);
    }
    const { sid, rooms, data } = session;
    return Promise.resolve({ sid, pid, rooms, data, missedPackets });
  }

  #sweep(): void {
    const threshold = Date.now() - this.#durationMs;
    this.#events.expire(threshold);
    for (const [pid, { disconnectedAt }] of this.#sessions) {
      if (disconnectedAt >= threshold && this.#sessions.size <= this.#sessionsMax) break;
      this.#sessions.delete(pid);
    }
  }
}
