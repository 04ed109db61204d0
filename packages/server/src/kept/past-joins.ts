import type { StoredEvent } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { OutgoingPacket, Part } from "../outbox/index.ts";
import { Continuation, type Continued, type Start } from "./continuation.ts";
import { EarlyJoins } from "./early-joins.ts";
import type { Framing } from "./framing.ts";
import type { Front } from "./front.ts";
import type { Joiner } from "./joiner.ts";
import type { Kept } from "./kept.ts";
import { isWithin, LeftRooms, type Stay } from "./left-rooms.ts";
import { notKept } from "./refusals.ts";
import { Catchup, type LastResult } from "./replay.ts";
import type { ReplayResult } from "./seam-replay.ts";

/** The adapter whose rooms are joined. */
export interface PastJoinsHost {
  readonly namespace: string;
  readonly kept: Kept;
  readonly front: Front;
  /** Those of the rooms that are kept. */
  keptOf(rooms: Iterable<Room>): Room[];
  /** undefined for a client that does not speak resume. */
  framingOf(socket: object): Framing | undefined;
  /** What is sent of stored events to who joins now. */
  replayer(): (event: StoredEvent) => readonly Part[];
  /** {@link PastJoins.since}, and what else the adapter does then. */
  joinSince(socket: Joiner, rooms: readonly Room[], since: Start): Promise<ReplayResult>;
}

/** Kept rooms joined with their past, and where sockets stand in those that they have left. */
export class PastJoins {
  readonly #host: PastJoinsHost;
  readonly #catchup: Catchup;
  readonly #left: LeftRooms;
  readonly #early = new EarlyJoins();

  /** @param positionsMax rooms of one socket that it is remembered to have left */
  constructor(host: PastJoinsHost, positionsMax: number) {
    this.#host = host;
    this.#catchup = new Catchup(host.kept.rooms, host.namespace, host.front);
    this.#left = new LeftRooms(positionsMax);
  }

  /** The member has joined a kept room. */
  onJoin(member: object, room: Room): void {
    this.#catchup.onJoin(member, room);
    this.#left.forget(member, room);
    this.#host.framingOf(member)?.onJoin(room);
  }

  /** The member has left a kept room. */
  onLeave(member: object, room: Room): void {
    const after = this.#catchup.onLeave(member, room);
    // whoever is lost needs no memory of it
    const isThere = (member as Partial<Joiner>).conn?.readyState === "open";
    if (isThere) this.#left.note(member, room, { after, through: this.#host.front.last });
    this.#host.framingOf(member)?.onLeave(room);
  }

  /** See {@link Socket.join}. */
  since(socket: Joiner, rooms: readonly Room[], since: Start): Promise<ReplayResult> {
    const free = this.#freeOf(rooms);
    if (free.length > 0) return Promise.reject(notKept(free));
    const framing = this.#host.framingOf(socket);
    const toParts = framing ? (event: StoredEvent) => framing.dialect.parts(event) : this.#host.replayer();
    const isEarly = !socket.connected;
    const seams = new Map<Room, number>();
    const joined = this.#catchup.join(socket, rooms, since, toParts, framing, seams);
    return joined.then(async (result) => {
      this.#host.kept.replayed += result.events;
      if (isEarly) {
        for (const [room, offset] of seams) this.#early.note(socket, room, { offset, isLast: false });
        if (socket.connected) await this.#joinMissed(socket);
      }
      return result;
    });
  }

  /** See {@link Socket.join}: each room behind where the client stood in it, or as a plain join does. */
  async last(socket: Joiner, rooms: readonly Room[]): Promise<LastResult> {
    const free = this.#freeOf(rooms);
    if (free.length > 0) throw notKept(free);
    const { front } = this.#host;
    const starts = new Map<Room, Continued>();
    const left = this.#left.of(socket);
    const framing = this.#host.framingOf(socket);
    let resumed = true;
    const isEarly = !socket.connected;
    if (isEarly && !front.isReady) await front.ready;
    for (const room of new Set(rooms)) {
      // a member has, or will get, everything
      if (socket.rooms.has(room)) continue;
      const stood = this.#lastOf(room, left.get(room), framing);
      if (stood) starts.set(room, stood);
      else {
        resumed = false;
        void socket.join(room);
        if (isEarly) this.#early.note(socket, room, { offset: front.last, isLast: true });
      }
    }
    if (starts.size === 0) return { events: 0, gaps: [], resumed };
    const continuation = new Continuation(starts, (room, offset) => {
      const stay = left.get(room);
      return (stay && isWithin(stay, offset)) || !!framing?.hadBefore(room, offset);
    });
    return { ...(await this.#host.joinSince(socket, [...starts.keys()], continuation)), resumed };
  }

  /** Rooms whose past a socket joined in middleware: what it has yet to get of them is told by its replay. */
  missedEarly(socket: Joiner): ReadonlyMap<Room, unknown> | undefined {
    return this.#early.of(socket);
  }

  /** A socket is connected. */
  onConnect(socket: Joiner): void {
    this.#joinMissed(socket).catch((error) => {
      const { kept, namespace } = this.#host;
      kept.onError(error, { stage: "keep", namespace });
    });
  }

  /** A member of a kept room gets again what it missed of it, behind `after`. */
  onRecovered(socket: Joiner, room: Room, after: number): void {
    this.#catchup.onRecovered(socket, room, after);
  }

  /** Whether a replay is under way that waits for its client. */
  waitsFor(socket: Joiner): boolean {
    return this.#catchup.waitsFor(socket);
  }

  /** A socket is no more. */
  onGone(socket: Joiner): void {
    this.#catchup.onGone(socket);
  }

  /**
   * A session goes on as this socket, and had been in a kept room. Returns what tells its client that it has left it, if
   * it has, and the client speaks resume.
   */
  recall(socket: Joiner, room: Room, after: number, through: number): OutgoingPacket | undefined {
    if (socket.rooms.has(room)) {
      this.#catchup.onRecovered(socket, room, after);
      return undefined;
    }
    this.#left.note(socket, room, { after: { offset: after }, through });
    return this.#host.framingOf(socket)?.left(room, through);
  }

  /** It gets what was issued since middleware made it join rooms with their past. */
  async #joinMissed(socket: Joiner): Promise<void> {
    const early = this.#early.of(socket);
    this.#early.forget(socket);
    if (!early?.size) return;
    const framing = this.#host.framingOf(socket);
    const starts = new Map<Room, Continued>();
    for (const [room, { offset, isLast }] of early) {
      const start = this.#host.kept.rooms.positionOf(room, offset);
      const stood = isLast ? this.#lastOf(room, undefined, framing) : undefined;
      starts.set(room, stood ?? { start, after: { offset } });
    }
    const continuation = new Continuation(starts, (room, offset) => !!framing?.hadBefore(room, offset));
    await this.#host.joinSince(socket, [...starts.keys()], continuation);
  }

  /** Where the socket stood when it left, or else where its client says that it stands. */
  #lastOf(room: Room, left: Stay | undefined, framing: Framing | undefined): Continued | undefined {
    if (left) {
      // what was on its way then may not have reached the disk
      const offset = Math.min(left.through, this.#host.front.last);
      return { start: this.#host.kept.rooms.positionOf(room, offset), after: left.after };
    }
    const shown = framing?.lastOf(room);
    return shown && { start: shown, after: { offset: shown.floor } };
  }

  #freeOf(rooms: readonly Room[]): Room[] {
    return rooms.filter((room) => this.#host.keptOf([room]).length === 0);
  }
}
