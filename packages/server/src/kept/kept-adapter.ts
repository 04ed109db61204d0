// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import {
  type Contribution,
  formatPosition,
  type HistoryQuery,
  type Receipt,
  STORE_LIMITS,
  type StoredEvent,
  weigh,
} from "@holdfast/core";
import {
  Adapter,
  type BroadcastOptions,
  type Delivery,
  type EventPacket,
  type Keeping,
  type Room,
} from "../adapter/index.ts";
import { HoldfastError } from "../errors.ts";
import { Gate, OutgoingPacket, type Part, type Shed, type ShedPort } from "../outbox/index.ts";
import type { Start } from "./continuation.ts";
import { CutOff } from "./cut-off.ts";
import type { Framing } from "./framing.ts";
import { Front, type Placed } from "./front.ts";
import type { Joiner } from "./joiner.ts";
import type { Kept } from "./kept.ts";
import { PastJoins, type PastJoinsHost } from "./past-joins.ts";
import { notKept, withAck } from "./refusals.ts";
import type { LastResult } from "./replay.ts";
import type { ReplayResult } from "./seam-replay.ts";
import { type Dialect, LogWindow, Shedding } from "./shedding/index.ts";
import { fromStored, toStored } from "./stored-packet.ts";

/** A stored event, as `history` gives it. */
export interface HistoryEvent {
  /** Where it stands in its room: for `before` and `after`, and for `since`. Opaque. */
  position: string;
  /** When it was issued, in ms since 1970. */
  time: number;
  /** The kept rooms that it went to. */
  rooms: readonly Room[];
  event: string;
  args: unknown[];
}

const EVENT = 2;
/** Marks a packet that was refused a place in the log. It reaches no outbox: there, only the newest gate counts. */
const REFUSED = new Gate();
REFUSED.fail();

/** What became of an event that `publish` issued. */
interface Publication {
  receipt?: Receipt;
  room?: Room;
}

/** The adapter of a server with a store: events to kept rooms are stored before they are delivered. */
export class KeepingAdapter extends Adapter {
  /** How far its events have come. */
  readonly front: Front;
  readonly #kept: Kept;
  readonly #joins: PastJoins;
  readonly #shedding: Shedding;
  readonly #dialect: Dialect = { parts: (event) => this.inTurn(event) };
  /** Set while `publish` issues its event: its fate is the caller's to hear of. */
  #publication: Publication | undefined;

  constructor(nsp: any) {
    super(nsp);
    this.#kept = nsp.server._kept;
    this.front = new Front(this.#kept.store, nsp.name);
    const host: PastJoinsHost = {
      namespace: nsp.name,
      kept: this.#kept,
      front: this.front,
      keptOf: (rooms) => this.keptOf(rooms),
      framingOf: (socket) => this.#framing(socket),
      replayer: () => this.replayer(),
      joinSince: (socket, rooms, since) => this.joinSince(socket, rooms, since),
    };
    this.#joins = new PastJoins(host, nsp.server._resume.positionsMax);
    this.#shedding = new Shedding({
      namespace: nsp.name,
      window: new LogWindow(this.#kept.store, nsp.name),
      dialectOf: (socket) => this.#framing(socket)?.dialect ?? this.#dialect,
      isMember: (socket, log) => this.isMember(socket, log),
      settled: () => this.#kept.store.head(nsp.name),
      onReplayed: (events) => {
        this.#kept.replayed += events;
      },
      onGap: (socket, gaps) => this.#framing(socket)?.gap(gaps),
      cutOff: (socket) => new CutOff(nsp.name, this.#framing(socket)),
    });
    const onChange = (member: object, room: Room, isJoin: boolean) => {
      const log = this.logOf(room);
      if (log !== undefined) this.#shedding.onChange(member, log, isJoin);
    };
    this.on("join-room", (room: Room, id: string) => {
      const member = this.table.member(id);
      if (member) onChange(member, room, true);
      if (member && room !== id && this.#isKept(room)) this.#joins.onJoin(member, room);
    });
    this.on("leave-room", (room: Room, id: string) => {
      const member = this.table.member(id);
      if (member) onChange(member, room, false);
      if (member && room !== id && this.#isKept(room)) this.#joins.onLeave(member, room);
    });
  }

  /** See {@link BroadcastOperator.publish}. */
  async publish(packet: EventPacket, opts: BroadcastOptions): Promise<string> {
    if (opts.flags?.volatile) throw new HoldfastError("UNSUPPORTED", "a volatile event is not kept");
    if (typeof packet.data.at(-1) === "function") throw withAck();
    // before it is delivered to anybody
    if (this.keptOf(opts.rooms).length === 0) throw notKept([...opts.rooms]);
    const publication: Publication = {};
    this.#publication = publication;
    try {
      this.broadcast(packet, opts);
    } finally {
      this.#publication = undefined;
    }
    const { receipt, room } = publication as Required<Publication>;
    const { offsets } = await receipt.durable();
    return formatPosition(this.#kept.rooms.positionOf(room, offsets[0]!));
  }

  /**
   * An event to kept rooms as what a commit of somebody else can hold. It is delivered as others are: to the members at
   * the time of the commit, once that is on disk.
   *
   * @throws what `publish` rejects with
   */
  prepare(packet: EventPacket, opts: BroadcastOptions): Contribution {
    if (typeof packet.data.at(-1) === "function") throw withAck();
    if (this.keptOf(opts.rooms).length === 0) throw notKept([...opts.rooms]);
    packet.nsp = this.nsp.name;
    const parts: Part[] = this.nsp.server.encoder.encode(packet);
    const namespace = this.nsp.name;
    const rooms = this.logsOf(opts);
    const except = this.#namesOf(opts.except ?? new Set());
    const event = { namespace, rooms, payload: toStored(parts), except };
    const operation = this.#kept.rooms.operation(event);
    weigh(operation);
    return {
      operations: [operation],
      issued: (receipt, firstAppend) => {
        this.#kept.rooms.onAppend(event);
        const placed = {
          get offset() {
            return receipt.offsets[firstAppend] ?? 0;
          },
          flush: receipt.flush,
          isEarly: false,
          get state() {
            return receipt.state;
          },
        };
        this.front.onIssue(placed);
        this.#shedding.onIssue(placed);
        const sent = this.stored(packet, parts, placed);
        const gate = this.#kept.gates.gateOfOne(receipt);
        const stamp = stampOf(sent, parts, placed.offset);
        const stored = { namespace, rooms, except, receipt: placed };
        const outgoing = new OutgoingPacket(sent, { gate, stamp, stored });
        this.deliver({ packet, outgoing, isVolatile: false, dropped: 0 }, opts);
      },
    };
  }

  /** See {@link Socket.join}. */
  joinSince(socket: Joiner, rooms: readonly Room[], since: Start): Promise<ReplayResult> {
    return this.#joins.since(socket, rooms, since);
  }

  /** See {@link Socket.join}: each room behind where the client stood in it, or as a plain join does. */
  joinLast(socket: Joiner, rooms: readonly Room[]): Promise<LastResult> {
    return this.#joins.last(socket, rooms);
  }

  /** See {@link PastJoins.missedEarly}. */
  missedEarly(socket: Joiner): ReadonlyMap<Room, unknown> | undefined {
    return this.#joins.missedEarly(socket);
  }

  /** A socket is connected. */
  onConnect(socket: Joiner): void {
    this.#joins.onConnect(socket);
  }

  /** A member of a kept room gets again what it missed of it, behind `after`. */
  onRecovered(socket: Joiner, room: Room, after: number): void {
    this.#joins.onRecovered(socket, room, after);
  }

  /** See `OutboxOwner.shed`. Called for sockets of this namespace, or those that have just left it. */
  shed(
    socket: Joiner | undefined,
    port: ShedPort,
    packet: OutgoingPacket,
    mayStart: boolean,
  ): Shed | undefined {
    return this.#shedding.take(socket, port, packet, mayStart);
  }

  /** Its client is not heard any more: a replay that waits for it ends, and what was shed behind that with it. */
  onClosing(socket: Joiner): void {
    if (this.#joins.waitsFor(socket)) this.#shedding.onGone(socket);
  }

  /** A socket is no more. */
  onGone(socket: Joiner): void {
    this.#joins.onGone(socket);
    this.#shedding.onGone(socket);
  }

  /** See {@link PastJoins.recall}; of a room that may not be kept. */
  protected recall(socket: Joiner, room: Room, after: number, through: number): OutgoingPacket | undefined {
    return this.#isKept(room) ? this.#joins.recall(socket, room, after, through) : undefined;
  }

  /** See {@link BroadcastOperator.history}. */
  async history(rooms: ReadonlySet<Room>, query: HistoryQuery): Promise<HistoryEvent[]> {
    const names = this.keptOf(rooms);
    if (names.length === 0) throw notKept([...rooms]);
    const events = await this.#kept.rooms.history(this.nsp.name, names, query);
    return events.map((event) => this.#toHistory(event));
  }

  /** See {@link BroadcastOperator.forget}. */
  async forget(rooms: ReadonlySet<Room>): Promise<number> {
    const names = this.keptOf(rooms);
    if (names.length === 0) throw notKept([...rooms]);
    let events = 0;
    for (const room of names) events += await this.#kept.rooms.forget(this.nsp.name, room);
    return events;
  }

  /** The logs that an event goes to. */
  protected logsOf({ rooms }: BroadcastOptions): Room[] {
    return this.keptOf(rooms);
  }

  /** The name of a room's log, as events have it; undefined if it can't have one. */
  protected logOf(room: unknown): string | undefined {
    return typeof room === "string" ? room : undefined;
  }

  /** Whether the socket gets now what goes to a log. */
  protected isMember(socket: Joiner, log: string): boolean {
    return socket.rooms.has(log);
  }

  /** What is sent of an event that is being stored. */
  protected stored(_packet: EventPacket, parts: readonly Part[], _placed: Placed): readonly Part[] {
    return parts;
  }

  /** What is sent of an event that is not stored; if because it could not be, `error` says why. */
  protected notStored(_packet: EventPacket, parts: readonly Part[], _error?: Error): readonly Part[] {
    return parts;
  }

  /** What is sent of stored events to who joins now, with `since`. */
  protected replayer(): (event: StoredEvent) => readonly Part[] {
    return (event) => this.replayed(event);
  }

  /** What is sent of a stored event to whoever gets all of them in their order. */
  protected inTurn(event: StoredEvent): readonly Part[] {
    return this.replayed(event);
  }

  /** A stored event as it was issued. */
  protected replayed({ payload }: StoredEvent): readonly Part[] {
    return fromStored(payload);
  }

  protected override keep(
    packet: EventPacket,
    parts: readonly Part[],
    opts: BroadcastOptions,
  ): Keeping | undefined {
    const publication = this.#publication;
    this.#publication = undefined;
    if (packet.type !== EVENT || packet.id !== undefined) return undefined;
    // an acknowledgement could not be asked for again, and a volatile event need not arrive
    const logs = opts.flags?.volatile ? [] : this.logsOf(opts);
    if (logs.length === 0) return this.#unstored(packet, parts);
    const namespace = this.nsp.name;
    const except = opts.except?.size ? this.#namesOf(opts.except) : undefined;
    const payload = toStored(parts);
    const receipt = this.#kept.rooms.append({ namespace, rooms: logs, payload, except });
    const rooms = this.keptOf(opts.rooms);
    if (publication) Object.assign(publication, { receipt, room: rooms[0] });
    const report = (error: Error) =>
      this.#kept.onError(error, { stage: "keep", namespace, rooms: logs, event: packet.data[0] });
    if (receipt.state === "failed") {
      if (!publication) report(receipt.error!);
      // in a room that is not kept it is delivered, as if nobody had meant to store it
      if (rooms.length > 0) return { gate: REFUSED };
      return this.#unstored(packet, parts, receipt.error);
    }
    this.front.onIssue(receipt);
    this.#shedding.onIssue(receipt);
    const { gates } = this.#kept;
    const gate = rooms.length > 0 ? gates.gateOf(receipt) : gates.lenientGateOf(receipt);
    if (!publication) {
      gates.watch(receipt, (error) => {
        report(error);
        if (rooms.length === 0) this.notStored(packet, parts, error);
      });
    }
    const sent = this.stored(packet, parts, receipt);
    const stamp = stampOf(sent, parts, receipt.offset);
    const stored = { namespace, rooms: logs, except: except ?? [], receipt };
    return { gate: receipt.isEarly ? undefined : gate, parts: sent, stamp, stored };
  }

  /** Nobody listens to, or looks up, what was refused. */
  protected override deliver(delivery: Delivery, opts: BroadcastOptions): void {
    if (delivery.outgoing.gate !== REFUSED) super.deliver(delivery, opts);
  }

  #unstored(packet: EventPacket, parts: readonly Part[], error?: Error): Keeping {
    const sent = this.notStored(packet, parts, error);
    return { parts: sent, stamp: sent !== parts || undefined };
  }

  /** Of who is excluded: a client that speaks resume comes back under another id. */
  #namesOf(except: ReadonlySet<Room>): string[] {
    const names = [...except];
    if (!this.nsp.server._resume.isSpoken) return names;
    for (const name of except) {
      const socket = this.nsp.sockets.get(name);
      const framing = socket && this.#framing(socket);
      if (framing && names.length < STORE_LIMITS.exceptMax) names.push(framing.alias);
    }
    return names;
  }

  #framing(member: object): Framing | undefined {
    return this.nsp.server._resume.readerOf(member);
  }

  #isKept(room: unknown): room is Room {
    // programs get away with other names in Socket.IO: those are rooms too, but never kept ones
    return typeof room === "string" && this.#kept.rooms.isKept(room);
  }

  /** Those of the rooms that are kept. */
  keptOf(rooms: Iterable<Room>): Room[] {
    const { sockets, _preConnectSockets } = this.nsp;
    const kept: Room[] = [];
    // a socket's own room is never kept, whatever the pattern
    for (const room of rooms) {
      if (this.#isKept(room) && !sockets.has(room) && !_preConnectSockets.has(room)) kept.push(room);
    }
    return kept;
  }

  #toHistory({ offset, timeMs, rooms, payload }: StoredEvent): HistoryEvent {
    const [event, ...args] = this.nsp.server.codec.decodeParts(fromStored(payload)).data;
    const kept = rooms.filter((room) => this.#kept.rooms.isKept(room));
    const position = formatPosition(this.#kept.rooms.positionOf(kept[0]!, offset));
    return { position, time: timeMs, rooms: kept, event, args };
  }
}

/** See {@link OutgoingPacket.stamp}. Without an offset it is as if it were not stored: it may be replayed once more. */
function stampOf(sent: readonly Part[], parts: readonly Part[], offset: number): number | true | undefined {
  return sent !== parts || offset || undefined;
}
