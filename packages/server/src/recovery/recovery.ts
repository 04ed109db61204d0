// biome-ignore-all lint/suspicious/noExplicitAny: whatever the sockets' types
import { mayReceive, type Receipt, type StoredEvent } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { Placed } from "../kept/index.ts";
import { type Gate, type Hold, OutgoingPacket, type Part } from "../outbox/index.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import type { RecoveryFailure } from "./failure.ts";
import { Holes } from "./holes.ts";
import { type PidContent, Pids } from "./pid.ts";
import type { Restoration, Span } from "./restoration.ts";
import { Restorer } from "./restorer.ts";
import { SessionData } from "./session-data.ts";
import { type Ending, type SessionRecord, SessionRecords } from "./session-records.ts";
import type { SessionSocket } from "./session-socket.ts";
import type { SharedRecovery } from "./shared.ts";
import { Stamps } from "./stamp.ts";
import type { SessionsOwner } from "./sweeper.ts";

const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 256 * 1024;
/** How many rooms that were left are remembered until what was issued before has reached, or missed, its clients. */
const LEAVES_MAX = 1_000_000;

/**
 * Remembers how long a resumed session has been, or was, in a room, as if this socket had. Returns what tells the client
 * that it has left it, which it may not have heard; undefined if it has not, or the client does not care.
 */
type Recall = (socket: SessionSocket, room: string, stay: Span) => OutgoingPacket | undefined;

interface Leave {
  readonly sid: string;
  readonly room: unknown;
  readonly at: number;
}

/** Sessions of one namespace that survive everything: what is stored of them, and how they come back. */
export class Recovery implements SessionsOwner {
  readonly namespace: string;
  readonly ready: Promise<void>;
  readonly #nsp: any;
  readonly #shared: SharedRecovery;
  readonly #records: SessionRecords;
  readonly #holes: Holes;
  readonly #attempts = new Attempts();
  readonly #data: SessionData;
  readonly #replayParts: (event: StoredEvent) => readonly Part[];
  readonly #recall: Recall;
  readonly #unregister: () => void;
  /** undefined as long as the store is not open. */
  #pids: Pids | undefined;
  #restorer: Restorer | undefined;
  #stamps: Stamps | undefined;
  /** Offset of the newest event that this namespace issued. */
  #last = 0;
  /** Offset of the newest event that has been let go. */
  #released = 0;
  /** The flush in progress, and the offset of its newest event. */
  #flush: { flush: Receipt["flush"]; offset: number } | undefined;
  /** Their sessions have been lost or ended: what happens to their rooms now is not to be stored. */
  readonly #over = new WeakSet<object>();
  /** They have a record. */
  readonly #recorded = new WeakSet<object>();
  /** Sessions of which something is on its way to disk, and with which flush. */
  readonly #leaving = new Map<string, Receipt["flush"]>();
  /** The oldest first. */
  #leaves: Leave[] = [];
  /** What follows on a connection waits for it: the same for everybody, once per flush. */
  #barrierPacket: OutgoingPacket | undefined;
  /** The newest gate that each socket has been put behind. */
  readonly #behind = new WeakMap<object, Gate>();
  #isReplaying = false;

  /** @param replayParts a stored event as it goes to the client */
  constructor(
    nsp: any,
    shared: SharedRecovery,
    replayParts: (event: StoredEvent) => readonly Part[],
    recall: Recall,
  ) {
    this.#nsp = nsp;
    this.namespace = nsp.name;
    this.#shared = shared;
    this.#replayParts = replayParts;
    this.#recall = recall;
    this.#records = new SessionRecords(shared.kept.store, nsp.name);
    this.#holes = new Holes(shared, nsp.name);
    this.#data = new SessionData({
      onChange: (socket, data) => this.#put(socket, { data }),
      onUnstorable: (socket, error) => this.#spoil(socket, error),
    });
    this.#unregister = shared.register(this);
    this.ready = this.#open();
    this.ready.catch((error) => this.#report(error));
  }

  /** The newest issued event's offset: what a member that joins now has no part in. */
  get last(): number {
    return this.#last;
  }

  /** The newest offset that clients may be told. */
  get released(): number {
    return this.#released;
  }

  close(): void {
    this.#unregister();
    this.#data.close();
  }

  /** An offset as clients see it. Nobody is there to see one before the store is open. */
  stampOf(offset: number): string {
    return this.#stamps?.format(offset) ?? "";
  }

  /** An event has been issued. */
  onIssue({ offset, flush, isEarly }: Placed): void {
    if (offset > this.#last) this.#last = offset;
    if (isEarly) this.#release(offset);
    if (this.#flush?.flush === flush) {
      this.#flush.offset = offset;
      return;
    }
    const current = { flush, offset };
    this.#flush = current;
    flush.onSettled(() => this.#release(current.offset));
  }

  /** An event was delivered that could not be stored: nobody who may have missed it can be recovered. */
  onHole(): void {
    this.#holes.add(this.#last);
  }

  /** A socket is connected: tells its client, and what it missed. */
  connect(socket: SessionSocket, restoration: Restoration | undefined): void {
    this.#shared.live();
    if (restoration) {
      this.#resume(socket, restoration);
      return;
    }
    // the offset that the session starts at must be there for good
    if (this.#last > this.#released) this.#waitFor(socket, this.#shared.kept.store.commit([]));
    const pid = this.#pids?.issue({ sid: socket.id, start: this.#last, issuedAt: Date.now() });
    socket.packet({ type: PacketType.CONNECT, data: socket._connectData(pid) });
  }

  /** A socket did not come to be connected. Call it before the socket leaves its rooms. */
  abandon(socket: SessionSocket, restoration: Restoration | undefined): void {
    if (!restoration) return;
    this.#over.add(socket);
    this.#attempts.end(socket.id, restoration.attempt);
  }

  onJoin(socket: SessionSocket, room: unknown): void {
    if (!this.#isOwn(socket, room)) return;
    if (typeof room !== "string" && typeof room !== "number") {
      this.#spoil(socket, new TypeError(`a room is ${typeof room}: only text and numbers can be stored`));
      return;
    }
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

  onLeave(socket: SessionSocket, room: unknown): void {
    if (!this.#isOwn(socket, room)) return;
    this.#leaves.push({ sid: socket.id, room, at: Date.now() });
    this.#barrier(socket, this.#records.leave(socket.id, room, this.#last));
  }

  /** The application looks at `socket.data`, and may change it. */
  onData(socket: SessionSocket): void {
    if (!this.#over.has(socket)) this.#data.watch(socket);
  }

  /** The client was lost: its session waits for it. */
  lose(socket: SessionSocket): void {
    if (this.#over.has(socket)) return;
    if (this.#shared.isFull) {
      this.#end(socket, "crowded");
      return;
    }
    let data: string | undefined;
    try {
      data = this.#data.json(socket);
    } catch (error) {
      this.#spoil(socket, error as Error);
      return;
    }
    this.#data.forget(socket);
    this.#shared.count("away");
    this.#put(socket, { lostAt: Date.now(), data });
    this.#over.add(socket);
  }

  /** The session ends, durably before anything that is sent to the client from now on. */
  end(socket: SessionSocket): void {
    if (!this.#over.has(socket)) this.#end(socket, "disconnected");
  }

  /**
   * Finds a session and closes whoever has it.
   *
   * @param contender the connection that wants it
   */
  async restore(
    pid: string,
    offset: unknown,
    contender: Attempt["contender"],
  ): Promise<Restoration | RecoveryFailure> {
    await this.ready;
    const content = this.#pids?.read(pid);
    if (!content) return "unknown";
    const { sid } = content;
    const attempt = await this.#attempts.begin(sid, contender);
    const outcome = await this.#restore(pid, content, offset, attempt).catch((error): RecoveryFailure => {
      this.#report(error);
      return "storage fault";
    });
    attempt.onLoaded();
    if (typeof outcome === "string") this.#attempts.end(sid, attempt);
    return outcome;
  }

  // --- for the sweeper

  isPresent(sid: string): boolean {
    const { sockets, _preConnectSockets } = this.#nsp;
    return (
      sockets.has(sid) || _preConnectSockets.has(sid) || this.#attempts.has(sid) || this.#leaving.has(sid)
    );
  }

  async recordAll(connectedBeforeMs: number): Promise<void> {
    let receipt: Receipt | undefined;
    for (const socket of this.#nsp.sockets.values() as Iterable<SessionSocket>) {
      if (this.#recorded.has(socket) || this.#over.has(socket) || !isOfSession(socket)) continue;
      if (socket._issuedAt <= connectedBeforeMs) receipt = this.#put(socket, {}) ?? receipt;
    }
    await receipt?.durable();
  }

  async tidy(nowMs: number): Promise<void> {
    const { ageMs } = this.#shared.limits;
    const { sockets } = this.#nsp;
    const isOld = ({ at }: Leave, i: number) => nowMs - at > ageMs || this.#leaves.length - i > LEAVES_MAX;
    const fresh = this.#leaves.findIndex((leave, i) => !isOld(leave, i));
    const old = this.#leaves.splice(0, fresh < 0 ? this.#leaves.length : fresh);
    const operations = old.flatMap(({ sid, room }) => {
      // of one that is away, what is stored counts; it goes with the session
      const rooms: ReadonlySet<unknown> | undefined = sockets.get(sid)?.rooms;
      return rooms ? this.#records.forgetLeave(sid, room, rooms.has(room)) : [];
    });
    if (operations.length > 0) await this.#shared.kept.store.commit(operations).durable();
  }

  // ---

  async #restore(
    pid: string,
    content: PidContent,
    offset: unknown,
    attempt: Attempt,
  ): Promise<Restoration | RecoveryFailure> {
    const { sid } = content;
    const { sockets, _preConnectSockets } = this.#nsp;
    // its connection is half open, or its end has not been noticed yet
    const holder: SessionSocket | undefined = sockets.get(sid);
    if (holder && holder.conn === (attempt.contender as unknown)) return "takeover";
    holder?.client.conn.close(true);
    const waiting: SessionSocket | undefined = _preConnectSockets.get(sid);
    if (waiting) {
      this.#over.add(waiting);
      waiting._cleanup();
    }
    // what is stored of it is on its way to disk
    if (this.#leaving.has(sid)) await this.#shared.kept.store.head(this.namespace);
    const found = await this.#restorer!.find(content, this.#stamps!.parse(offset ?? ""), this.#last);
    if (typeof found === "string") return found;
    if (!this.#attempts.isNewest(sid, attempt)) return "takeover";
    return { ...found, sid, pid, attempt, began: { offset: content.start, at: content.issuedAt } };
  }

  /** What was missed goes first, then what is issued from now on. */
  #resume(socket: SessionSocket, restoration: Restoration): void {
    const { json, rooms, attempt } = restoration;
    this.#attempts.end(socket.id, attempt);
    const head = this.#shared.kept.store.head(this.namespace);
    if (json !== undefined) this.#data.adopt(socket, json);
    this.#put(socket, { data: json });
    // what middleware made of its rooms
    const before = new Set<unknown>(rooms);
    for (const room of socket.rooms) if (!before.delete(room)) this.onJoin(socket, room);
    for (const room of before) this.onLeave(socket, room);
    // in the order in which it left them
    const left = [...restoration.stays]
      .map(([room, stay]) => ({ at: stay.through, packet: this.#recall(socket, room, stay) }))
      .sort((a, b) => a.at - b.at);
    socket.outbox.hold((hold) => {
      this.#replay(socket, restoration, left, head, hold).catch((error) => {
        this.#report(error);
        // it comes back and tries again
        socket.client.conn.close(true);
      });
    });
  }

  async #replay(
    socket: SessionSocket,
    { pid, missed, rooms, since, began }: Restoration,
    left: { readonly at: number; readonly packet: OutgoingPacket | undefined }[],
    head: Promise<number>,
    hold: Hold,
  ): Promise<void> {
    const names = new Set<any>([socket.id, ...rooms]);
    const before = (await head) + 1;
    if (this.#holes.concern(since, began)) throw new Error("what a client missed could not be stored");
    const query = { namespace: this.namespace, rooms: [...missed.keys()], before };
    let after = Math.min(...[...missed.values()].map((span) => span.after));
    let isTold = false;
    for (let done = false; !done && !hold.isDiscarded; ) {
      const limits = { limit: CHUNK_EVENTS, bytes: CHUNK_BYTES };
      const chunk = await this.#shared.kept.store.events({ ...query, after, ...limits });
      done = chunk.done;
      after = chunk.events.at(-1)?.offset ?? after;
      const packets: OutgoingPacket[] = [];
      /** What it has left before the next event. */
      const leaveBefore = (offset: number) => {
        while (left.length > 0 && left[0]!.at < offset) {
          const { packet } = left.shift()!;
          if (packet) packets.push(packet);
        }
      };
      for (const event of chunk.events) {
        if (!isMissed(event, missed) || !mayReceive(event, names)) continue;
        leaveBefore(event.offset);
        packets.push(new OutgoingPacket(this.#replayParts(event)));
        this.#shared.kept.replayed++;
      }
      if (done) leaveBefore(Infinity);
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
    const data = socket._connectData(pid);
    return new OutgoingPacket(
      this.#nsp.server.encoder.encode({ type: PacketType.CONNECT, nsp: this.namespace, data }),
    );
  }

  /** Whether what happens to this socket's rooms is to be stored. While it is being let in again, it is not. */
  #isOwn(socket: SessionSocket, room: unknown): boolean {
    return (
      room !== socket.id && !this.#over.has(socket) && !this.#attempts.has(socket.id) && isOfSession(socket)
    );
  }

  /** What the client is sent from now on stands on this having been stored. */
  #barrier(socket: SessionSocket, receipt: Receipt): void {
    this.#gate(socket, receipt, (error) => this.#spoil(socket, error));
  }

  #gate(socket: SessionSocket, receipt: Receipt, onFailure: (error: Error) => void): void {
    if (receipt.state === "failed") {
      onFailure(receipt.error!);
      return;
    }
    this.#waitFor(socket, receipt);
    this.#shared.kept.gates.watch(receipt, onFailure);
  }

  /** What the client is sent from now on waits until the flush has ended, well or not. */
  #waitFor(socket: SessionSocket, receipt: Receipt): void {
    if (receipt.state === "failed") return;
    const gate = this.#shared.kept.gates.gateOf(receipt);
    if (this.#behind.get(socket) === gate) return;
    this.#behind.set(socket, gate);
    if (this.#barrierPacket?.gate !== gate) this.#barrierPacket = new OutgoingPacket([], { gate });
    socket.outbox.share(this.#barrierPacket);
  }

  #put(socket: SessionSocket, record: SessionRecord): Receipt | undefined {
    const receipt = this.#records.put(socket.id, record);
    this.#recorded.add(socket);
    if (receipt.state === "failed") {
      this.#spoil(socket, receipt.error!);
      return undefined;
    }
    this.#follow(socket.id, receipt);
    this.#shared.kept.gates.gateOf(receipt);
    this.#shared.kept.gates.watch(receipt, (error) => this.#spoil(socket, error));
    return receipt;
  }

  #end(socket: SessionSocket, ended: Ending): void {
    const rooms = [...socket.rooms].filter((room) => room !== socket.id);
    this.#over.add(socket);
    this.#data.forget(socket);
    this.#shared.count("ended");
    const record = { ended, endedAt: Date.now() };
    const receipt = this.#records.end(socket.id, rooms, record);
    this.#follow(socket.id, receipt);
    this.#gate(socket, receipt, (error) => {
      this.#report(error);
      this.#owe(socket.id, record);
    });
  }

  /** Something of the session is not stored: it must not come back as if nothing had happened. */
  #spoil(socket: SessionSocket, error: Error): void {
    this.#report(error);
    this.#over.add(socket);
    this.#data.forget(socket);
    this.#shared.count("ended");
    const record: SessionRecord = { ended: "storage fault", endedAt: Date.now() };
    const receipt = this.#records.put(socket.id, record);
    this.#follow(socket.id, receipt);
    const owe = () => this.#owe(socket.id, record);
    if (receipt.state === "failed") owe();
    else receipt.flush.onSettled(() => receipt.error && owe());
  }

  #owe(sid: string, record: SessionRecord): void {
    const operation = this.#records.operation(sid, record);
    if (operation.type === "put") this.#shared.owe(operation.key, operation);
  }

  #follow(sid: string, { flush }: Receipt): void {
    this.#leaving.set(sid, flush);
    flush.onSettled(() => {
      if (this.#leaving.get(sid) === flush) this.#leaving.delete(sid);
    });
  }

  #release(offset: number): void {
    if (offset > this.#released) this.#released = offset;
  }

  #report(error: Error): void {
    this.#shared.kept.onError(error, { stage: "recover", namespace: this.namespace });
  }

  async #open(): Promise<void> {
    await this.#shared.ready;
    const { secret, kept } = this.#shared;
    const head = await kept.store.head(this.namespace);
    await this.#holes.open(head, kept.rooms.policies.hasEarly);
    if (head > this.#last) this.#last = head;
    this.#release(head);
    this.#stamps = new Stamps(secret, this.namespace);
    this.#restorer = new Restorer(this.#shared, this.namespace, this.#records, this.#holes);
    this.#pids = new Pids(secret, this.namespace);
  }
}

/** Clients of Socket.IO 2 know no recovery, and neither do engines other than ours. */
export function isOfSession({ conn, outbox }: Pick<SessionSocket, "conn" | "outbox">): boolean {
  return conn.protocol === 4 && "heldBytes" in outbox;
}

/** Whether one of the logs of the event is one of which the client missed it. */
function isMissed({ rooms, offset }: StoredEvent, missed: ReadonlyMap<string, Span>): boolean {
  return rooms.some((room) => {
    const span = missed.get(room);
    return span !== undefined && offset > span.after && offset <= span.through;
  });
}
