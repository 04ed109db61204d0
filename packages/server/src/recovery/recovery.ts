import type { Receipt, StoredEvent } from "@holdfast/core";
import { type Packet, PacketType } from "@holdfast/protocol";
import type { Placed } from "../kept/index.ts";
import { type Hold, OutgoingPacket, type Part } from "../outbox/index.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import { Barriers } from "./barriers.ts";
import type { RecoveryFailure } from "./failure.ts";
import { Holes } from "./holes.ts";
import { Issued } from "./issued.ts";
import { Leaves } from "./leaves.ts";
import { type PidContent, Pids } from "./pid.ts";
import type { Restoration, Span } from "./restoration.ts";
import { Restorer } from "./restorer.ts";
import { SessionData } from "./session-data.ts";
import { type Ending, type SessionRecord, SessionRecords } from "./session-records.ts";
import { replaySession, type ToldLeave } from "./session-replay.ts";
import { isOfSession, type SessionSocket } from "./session-socket.ts";
import type { SharedRecovery } from "./shared.ts";
import { Stamps } from "./stamp.ts";
import type { SessionsOwner } from "./sweeper.ts";

/**
 * Remembers how long a resumed session has been, or was, in a room, as if this socket had. Returns what tells the client
 * that it has left it, which it may not have heard; undefined if it has not, or the client does not care.
 */
type Recall = (socket: SessionSocket, room: string, stay: Span) => OutgoingPacket | undefined;

/** What recovery needs of its namespace. */
interface SessionNamespace {
  readonly name: string;
  readonly server: { readonly encoder: { encode(packet: Packet): Part[] } };
  /** The connected sockets by id. */
  readonly sockets: ReadonlyMap<string, SessionSocket>;
  /** Those that are still being let in. */
  readonly _preConnectSockets: ReadonlyMap<string, SessionSocket>;
}

/** Sessions of one namespace that survive everything: what is stored of them, and how they come back. */
export class Recovery implements SessionsOwner {
  readonly namespace: string;
  readonly ready: Promise<void>;
  readonly #nsp: SessionNamespace;
  readonly #shared: SharedRecovery;
  readonly #records: SessionRecords;
  readonly #holes: Holes;
  readonly #issued = new Issued();
  readonly #barriers: Barriers;
  readonly #leaves = new Leaves();
  readonly #attempts = new Attempts();
  readonly #data: SessionData;
  readonly #replayParts: (event: StoredEvent) => readonly Part[];
  readonly #recall: Recall;
  readonly #unregister: () => void;
  /** undefined as long as the store is not open. */
  #pids: Pids | undefined;
  #restorer: Restorer | undefined;
  #stamps: Stamps | undefined;
  /** Their sessions have been lost or ended: what happens to their rooms now is not to be stored. */
  readonly #over = new WeakSet<object>();
  /** They have a record. */
  readonly #recorded = new WeakSet<object>();
  /** Sessions of which something is on its way to disk, and with which flush. */
  readonly #leaving = new Map<string, Receipt["flush"]>();
  #isReplaying = false;

  /** @param replayParts a stored event as it goes to the client */
  constructor(
    nsp: SessionNamespace,
    shared: SharedRecovery,
    replayParts: (event: StoredEvent) => readonly Part[],
    recall: Recall,
  ) {
    this.#nsp = nsp;
    this.namespace = nsp.name;
    this.#shared = shared;
    this.#replayParts = replayParts;
    this.#recall = recall;
    this.#barriers = new Barriers(shared.kept.gates);
    this.#records = new SessionRecords(shared.kept.store, nsp.name);
    this.#holes = new Holes(shared, nsp.name);
    this.#data = new SessionData({
      onChange: (socket, data) => this.#put(socket, { data }),
      onUnstorable: (socket, error) => this.#spoil(socket, error),
    });
    this.#unregister = shared.register(this);
    this.ready = this.#open();
    this.ready.catch((error) => {
      // closed before anybody came
      if (error.code !== "STORE_CLOSED") this.#report(error);
    });
  }

  /** See {@link Issued.released}. */
  get released(): number {
    return this.#issued.released;
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
  onIssue(placed: Placed): void {
    this.#issued.add(placed);
  }

  /** An event was delivered that could not be stored: nobody who may have missed it can be recovered. */
  onHole(): void {
    this.#holes.add(this.#issued.last);
  }

  /** A socket is connected: tells its client, and what it missed. */
  connect(socket: SessionSocket, restoration: Restoration | undefined): void {
    this.#shared.live();
    if (restoration) {
      this.#resume(socket, restoration);
      return;
    }
    // the offset that the session starts at must be there for good
    if (this.#issued.last > this.#issued.released)
      this.#barriers.wait(socket, this.#shared.kept.store.commit([]));
    const pid = this.#pids?.issue({ sid: socket.id, start: this.#issued.last, issuedAt: Date.now() });
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
    this.#stand(socket, this.#records.join(socket.id, room, this.#issued.last, this.#isReplaying));
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
    this.#leaves.add(socket.id, room);
    this.#stand(socket, this.#records.leave(socket.id, room, this.#issued.last));
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
    for (const socket of this.#nsp.sockets.values()) {
      if (this.#recorded.has(socket) || this.#over.has(socket) || !isOfSession(socket)) continue;
      if (socket._issuedAt <= connectedBeforeMs) receipt = this.#put(socket, {}) ?? receipt;
    }
    await receipt?.durable();
  }

  async tidy(nowMs: number): Promise<void> {
    const { ageMs } = this.#shared.limits;
    const { sockets } = this.#nsp;
    const operations = this.#leaves.takeOld(nowMs - ageMs).flatMap(({ sid, room }) => {
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
    const holder = sockets.get(sid);
    if (holder && holder.conn === (attempt.contender as unknown)) return "takeover";
    holder?.client.conn.close(true);
    const waiting = _preConnectSockets.get(sid);
    if (waiting) {
      this.#over.add(waiting);
      waiting._cleanup();
    }
    // what is stored of it is on its way to disk
    if (this.#leaving.has(sid)) await this.#shared.kept.store.head(this.namespace);
    const found = await this.#restorer!.find(content, this.#stamps!.parse(offset ?? ""), this.#issued.last);
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
      // it comes back and tries again
      const again = () => socket.client.conn.close(true);
      this.#replay(socket, restoration, left, head, hold).then(
        (isWhole) => isWhole || again(),
        (error) => {
          this.#report(error);
          again();
        },
      );
    });
  }

  async #replay(
    socket: SessionSocket,
    { pid, missed, rooms, since, began }: Restoration,
    left: ToldLeave[],
    head: Promise<number>,
    hold: Hold,
  ): Promise<boolean> {
    const before = (await head) + 1;
    if (this.#holes.concern(since, began)) throw new Error("what a client missed could not be stored");
    const { kept } = this.#shared;
    const { namespace } = this;
    const names = new Set([socket.id, ...rooms]) as Set<string>;
    const toPacket = (event: StoredEvent) => {
      kept.replayed++;
      return new OutgoingPacket(this.#replayParts(event));
    };
    const answer = () => {
      const data = socket._connectData(pid);
      return new OutgoingPacket(
        this.#nsp.server.encoder.encode({ type: PacketType.CONNECT, nsp: namespace, data }),
      );
    };
    const { store } = kept;
    return replaySession({ store, namespace, before, missed, names, left, toPacket, answer }, hold);
  }

  /** Whether what happens to this socket's rooms is to be stored. While it is being let in again, it is not. */
  #isOwn(socket: SessionSocket, room: unknown): boolean {
    return (
      room !== socket.id && !this.#over.has(socket) && !this.#attempts.has(socket.id) && isOfSession(socket)
    );
  }

  /** What the client is sent from now on stands on this having been stored. */
  #stand(socket: SessionSocket, receipt: Receipt): void {
    this.#barriers.put(socket, receipt, (error) => this.#spoil(socket, error));
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
    this.#barriers.put(socket, receipt, (error) => {
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

  #report(error: Error): void {
    this.#shared.kept.onError(error, { stage: "recover", namespace: this.namespace });
  }

  async #open(): Promise<void> {
    await this.#shared.ready;
    const { secret, kept } = this.#shared;
    const head = await kept.store.head(this.namespace);
    await this.#holes.open(head, kept.rooms.policies.hasEarly);
    this.#issued.onOpen(head);
    this.#stamps = new Stamps(secret, this.namespace);
    this.#restorer = new Restorer(this.#shared, this.namespace, this.#records, this.#holes);
    this.#pids = new Pids(secret, this.namespace);
  }
}
