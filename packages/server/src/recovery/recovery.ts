// biome-ignore-all lint/suspicious/noExplicitAny: whatever the sockets' types
import { mayReceive, type Receipt, type StoredEvent } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { Room } from "../adapter/index.ts";
import { type Hold, OutgoingPacket, type Part } from "../outbox/index.ts";
import { type PidContent, Pids } from "./pid.ts";
import { SessionData } from "./session-data.ts";
import { SessionRecords, type StoredSession } from "./session-records.ts";
import type { SessionSocket } from "./session-socket.ts";
import type { SharedRecovery } from "./shared.ts";
import { parseOffset } from "./stamp.ts";

/** Why a client did not get its session back. */
export type RecoveryFailure =
  /** It showed no pid, or none of this server. */
  | "unknown"
  /** It was away for longer than `maxDisconnectionDuration`. */
  | "expired"
  /** It, or the server, had ended the session. */
  | "disconnected"
  /** Somebody else is resuming it at this moment. */
  | "takeover"
  /** It was lost while a room was being replayed to it (`join` with `since`), and may not have got all of that. */
  | "replaying"
  /** Some of what it missed has been dropped already: more than was allowed to be kept. */
  | "trimmed"
  /** Something that it should have got, or something of the session, could not be stored. */
  | "storage fault";

/** A session as it is to be resumed. */
export interface Restoration {
  readonly sid: string;
  readonly pid: string;
  readonly rooms: readonly Room[];
  readonly data: unknown;
  /** For each log, the offset behind which the client has missed its events. */
  readonly from: ReadonlyMap<Room, number>;
}

export interface RecoveryLimits {
  /** How long, in ms, a session outlives its connection. */
  durationMs: number;
  /** The most sessions of a namespace that are kept. */
  sessionsMax: number;
}

/** The log of events to everybody. No room has this name as far as the log is concerned. */
export const EVERYBODY = "\0everybody";

const SWEEP_INTERVAL_MS = 60_000;
/** How long, in ms, a pid without a record may be resumed, and how long it is remembered that a session ended. */
const UNRECORDED_MS = 3_600_000;
const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 256 * 1024;

/** Sessions of one namespace that survive everything: what is stored of them, and how they come back. */
export class Recovery {
  readonly ready: Promise<void>;
  readonly #nsp: any;
  readonly #shared: SharedRecovery;
  readonly #records: SessionRecords;
  readonly #limits: RecoveryLimits;
  readonly #replayParts: (event: StoredEvent) => readonly Part[];
  readonly #data: SessionData;
  /** undefined as long as the store is not open. */
  #pids: Pids | undefined;
  /** Offset of the newest event that this namespace issued. */
  #last = 0;
  /** Up to here, something was delivered that is not stored. */
  #hole = 0;
  /** Their sessions have been lost or ended: what happens to their rooms now is not to be stored. */
  readonly #over = new WeakSet<object>();
  /** Sessions that are being restored. */
  readonly #restoring = new Set<string>();
  readonly #sweeper: NodeJS.Timeout;
  #isFull = false;
  #isReplaying = false;

  /** @param replayParts a stored event as it goes to the client */
  constructor(
    nsp: any,
    shared: SharedRecovery,
    limits: RecoveryLimits,
    replayParts: (event: StoredEvent) => readonly Part[],
  ) {
    this.#nsp = nsp;
    this.#shared = shared;
    this.#limits = limits;
    this.#replayParts = replayParts;
    this.#records = new SessionRecords(shared.kept.store, nsp.name);
    this.#data = new SessionData((socket, data) => this.#put(socket, { data }));
    this.ready = this.#open();
    this.ready.catch((error) => this.#report(error));
    this.#sweeper = setInterval(() => {
      this.#sweep().catch((error) => this.#report(error));
    }, SWEEP_INTERVAL_MS).unref();
  }

  /** The newest issued event's offset: what a member that joins now has no part in. */
  get last(): number {
    return this.#last;
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#data.close();
  }

  /** An event has been issued. */
  onIssue(offset: number): void {
    if (offset > this.#last) this.#last = offset;
  }

  /** An event was delivered that could not be stored: nobody who may have missed it can be recovered. */
  onHole(): void {
    this.#hole = this.#last + 1;
  }

  /** A socket is connected: tells its client, and what it missed. */
  connect(socket: SessionSocket, restoration: Restoration | undefined): void {
    this.#shared.live();
    if (restoration) {
      this.#restoring.delete(restoration.sid);
      this.#resume(socket, restoration);
      return;
    }
    const pid = this.#pids?.issue({ sid: socket.id, start: this.#last, issuedAt: Date.now() });
    socket.packet({ type: PacketType.CONNECT, data: { sid: socket.id, pid } });
  }

  /** A restored session's socket did not come to be connected. */
  abandon(sid: string): void {
    this.#restoring.delete(sid);
  }

  onJoin(socket: SessionSocket, room: Room): void {
    if (room === socket.id || this.#over.has(socket) || this.#restoring.has(socket.id)) return;
    this.#barrier(socket, this.#records.join(socket.id, room, this.#last, this.#isReplaying));
  }

  /** What is joined during this call is joined with its past. */
  whileReplaying<T>(join: () => T): T {
    this.#isReplaying = true;
    try {
      return join();
    } finally {
      this.#isReplaying = false;
    }
  }

  onLeave(socket: SessionSocket, room: Room): void {
    if (room === socket.id || this.#over.has(socket) || this.#restoring.has(socket.id)) return;
    this.#barrier(socket, this.#records.leave(socket.id, room));
  }

  /** The application looks at `socket.data`, and may change it. */
  onData(socket: SessionSocket): void {
    if (!this.#over.has(socket)) this.#data.watch(socket);
  }

  /** The client was lost: its session waits for it. */
  lose(socket: SessionSocket): void {
    if (this.#over.has(socket) || this.#isFull) return;
    this.#over.add(socket);
    const data = this.#data.take(socket);
    this.#put(socket, { lostAt: Date.now(), data });
  }

  /** The session ends, durably before anything that is sent to the client from now on. */
  end(socket: SessionSocket): void {
    if (this.#over.has(socket)) return;
    const rooms = [...socket.rooms].filter((room) => room !== socket.id);
    this.#over.add(socket);
    this.#data.forget(socket);
    const record = { ended: "disconnected", endedAt: Date.now() } as const;
    this.#gate(socket, this.#records.end(socket.id, rooms, record));
  }

  /** Finds a session and closes whoever has it. */
  async restore(pid: string, offset: unknown): Promise<Restoration | RecoveryFailure> {
    await this.ready;
    const content = this.#pids?.read(pid);
    if (!content) return "unknown";
    const { sid } = content;
    if (this.#restoring.has(sid) || this.#nsp._preConnectSockets.has(sid)) return "takeover";
    this.#restoring.add(sid);
    const outcome = await this.#restore(pid, content, offset).catch((error): RecoveryFailure => {
      this.#report(error);
      return "storage fault";
    });
    if (typeof outcome === "string") this.#restoring.delete(sid);
    return outcome;
  }

  async #restore(pid: string, content: PidContent, offset: unknown): Promise<Restoration | RecoveryFailure> {
    const { sid, start } = content;
    // the connection is half open, or its end has not been noticed yet
    this.#nsp.sockets.get(sid)?.client.conn.close(true);
    const { store } = this.#shared.kept;
    // everything issued so far is stored, or has failed
    await store.head(this.#nsp.name);
    const session = await this.#records.load(sid);
    const failure = this.#judge(content, session);
    if (failure) return failure;
    const shown = offset === undefined || offset === "" ? start : parseOffset(offset);
    if (shown === undefined || shown > this.#last) return "unknown";
    const since = Math.max(shown, start);
    if (since < this.#hole) return "storage fault";
    const from = new Map<Room, number>([
      [sid, since],
      [EVERYBODY, since],
    ]);
    for (const [room, joined] of session?.rooms ?? []) {
      // events come in order: who has seen a later one has seen all of the replay
      if (joined.withReplay && shown <= joined.offset) return "replaying";
      from.set(room, Math.max(since, joined.offset));
    }
    for (const [room, after] of from) {
      const { floor } = await store.log(this.#nsp.name, room);
      if (floor > after) return "trimmed";
    }
    const data = session?.data === undefined ? undefined : JSON.parse(session.data);
    return { sid, pid, rooms: [...(session?.rooms.keys() ?? [])], data, from };
  }

  #judge({ issuedAt }: PidContent, session: StoredSession | undefined): RecoveryFailure | undefined {
    if (session?.ended) return session.ended;
    const now = Date.now();
    const { startedAt, diedAt } = this.#shared;
    if (!session && now - issuedAt > UNRECORDED_MS) return "expired";
    // who was not lost under our eyes was lost when the process died
    const lostAt = session?.lostAt ?? (issuedAt < startedAt ? diedAt : undefined);
    if (lostAt === undefined) return session ? "storage fault" : "expired";
    return now - lostAt > this.#limits.durationMs ? "expired" : undefined;
  }

  /** What was missed goes first, then what is issued from now on. */
  #resume(socket: SessionSocket, restoration: Restoration): void {
    const head = this.#shared.kept.store.head(this.#nsp.name);
    this.#put(socket, { data: this.#data.json(socket) });
    socket.outbox.hold((hold) => {
      this.#replay(socket, restoration, head, hold).catch((error) => {
        this.#report(error);
        // it comes back and tries again
        socket.client.conn.close(true);
      });
    });
  }

  async #replay(
    socket: SessionSocket,
    { pid, from }: Restoration,
    head: Promise<number>,
    hold: Hold,
  ): Promise<void> {
    const names = new Set([socket.id, ...from.keys()]);
    const before = (await head) + 1;
    let after = Math.min(...from.values());
    let isTold = false;
    for (let done = false; !done && !hold.isDiscarded; ) {
      const query = { namespace: this.#nsp.name, rooms: [...from.keys()], after, before };
      const chunk = await this.#shared.kept.store.events({
        ...query,
        limit: CHUNK_EVENTS,
        bytes: CHUNK_BYTES,
      });
      done = chunk.done;
      after = chunk.events.at(-1)?.offset ?? after;
      const missed = chunk.events.filter((event) => isMissed(event, from) && mayReceive(event, names));
      const packets = missed.map((event) => new OutgoingPacket(this.#replayParts(event)));
      if (!isTold) {
        // the client keeps what comes before the answer until it has that
        packets.push(this.#answer(socket, pid));
        isTold = true;
      }
      hold.write(packets);
      await hold.ready();
    }
    hold.release();
  }

  #answer(socket: SessionSocket, pid: string): OutgoingPacket {
    const data = { sid: socket.id, pid };
    return new OutgoingPacket(
      this.#nsp.server.encoder.encode({ type: PacketType.CONNECT, nsp: this.#nsp.name, data }),
    );
  }

  /** What the client is sent from now on stands on this having been stored. */
  #barrier(socket: SessionSocket, receipt: Receipt): void {
    this.#gate(socket, receipt, (error) => this.#spoil(socket, error));
  }

  #gate(socket: SessionSocket, receipt: Receipt, onFailure = (error: Error) => this.#report(error)): void {
    if (receipt.state === "failed") {
      onFailure(receipt.error!);
      return;
    }
    const { gates } = this.#shared.kept;
    socket.outbox.push(new OutgoingPacket([], { gate: gates.gateOf(receipt) }));
    gates.watch(receipt, onFailure);
  }

  #put(socket: SessionSocket, record: { lostAt?: number; data?: string | undefined }): void {
    const receipt = this.#records.put(socket.id, record as StoredSession);
    if (receipt.state === "failed") {
      this.#spoil(socket, receipt.error!);
      return;
    }
    this.#shared.kept.gates.gateOf(receipt);
    this.#shared.kept.gates.watch(receipt, (error) => this.#spoil(socket, error));
  }

  /** Something of the session is not stored: it must not come back as if nothing had happened. */
  #spoil(socket: SessionSocket, error: Error): void {
    this.#report(error);
    this.#over.add(socket);
    this.#data.forget(socket);
    this.#records.put(socket.id, { ended: "storage fault", endedAt: Date.now() });
  }

  #report(error: Error): void {
    this.#shared.kept.onError(error, { stage: "recover", namespace: this.#nsp.name });
  }

  async #open(): Promise<void> {
    await this.#shared.ready;
    this.#pids = new Pids(this.#shared.secret, this.#nsp.name);
    this.onIssue(await this.#shared.kept.store.head(this.#nsp.name));
  }

  async #sweep(): Promise<void> {
    const now = Date.now();
    const { startedAt, diedAt } = this.#shared;
    for (const socket of this.#nsp.sockets.values()) this.#data.record(socket, now - UNRECORDED_MS / 2);
    const remaining = await this.#records.sweep((sid, record) => {
      if (this.#nsp.sockets.has(sid) || this.#restoring.has(sid)) return false;
      if (record?.endedAt !== undefined) return now - record.endedAt > UNRECORDED_MS;
      const lostAt = record?.lostAt ?? (diedAt || startedAt);
      return now - lostAt > Math.max(this.#limits.durationMs, SWEEP_INTERVAL_MS);
    });
    this.#isFull = remaining - this.#nsp.sockets.size > this.#limits.sessionsMax;
  }
}

/** Whether one of the rooms that the event went to was the client's when it was issued, and it was away since. */
function isMissed({ rooms, offset }: StoredEvent, from: ReadonlyMap<Room, number>): boolean {
  return rooms.some((room) => offset > (from.get(room) ?? Number.POSITIVE_INFINITY));
}
