import { createHash } from "node:crypto";
import type { Gap, KeptRooms, Position } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { Framing, Front, RoomOffset } from "../kept/index.ts";
import type { Party } from "../negotiation/index.ts";
import type { OutgoingPacket } from "../outbox/index.ts";
import type { Stamps } from "../recovery/index.ts";
import type { Credit } from "./credit.ts";
import type { Dialect } from "./dialect.ts";
import type { Grants } from "./grants.ts";

/** So start the names that stand for clients where events are stored; no room of an application does. */
const ALIAS = "\0reader:";
const ALIAS_CHARS = 16;

/** A position that a client showed, and that counts. */
export interface Shown extends Position {
  /** It may go back so far. */
  readonly floor: number;
}

/** What the readers of a namespace share. */
export interface Shelf {
  readonly namespace: string;
  readonly rooms: KeptRooms;
  readonly front: Front;
  readonly grants: Grants;
  readonly stamps: Stamps;
  readonly dialect: Dialect;
}

/** One socket that speaks resume: tells its client where it stands (PROTOCOL §3.4 to §3.6). */
export class Reader implements Framing {
  readonly alias: string;
  readonly #socket: Party;
  readonly #shelf: Shelf;
  readonly #holder: string;
  /** As it was when the client came. */
  readonly #had: ReadonlyMap<Room, Shown>;
  /** Those of it that still say where the client stands. */
  readonly #shown: Map<Room, Shown>;
  readonly #credit: Credit;
  #replays = 0;
  #isQuiet = false;
  #isOver = false;

  /**
   * @param client its key
   * @param holder to whom its positions are granted: the key, or the user
   * @param shown positions that count
   */
  constructor(
    socket: Party,
    shelf: Shelf,
    client: string,
    holder: string,
    shown: ReadonlyMap<Room, Shown>,
    credit: Credit,
  ) {
    this.#socket = socket;
    this.#shelf = shelf;
    this.#holder = holder;
    this.#had = shown;
    this.#shown = new Map(shown);
    this.#credit = credit;
    this.alias = ALIAS + createHash("sha256").update(client).digest("base64url").slice(0, ALIAS_CHARS);
  }

  /** The client's key, or its user: the same on every connection of its. */
  get holder(): string {
    return this.#holder;
  }

  close(): void {
    this.#isOver = true;
    this.#credit.close();
  }

  giveCredit(events: number): void {
    this.#credit.give(events);
  }

  lastOf(room: Room): Shown | undefined {
    return this.#shown.get(room);
  }

  hadBefore(room: Room, offset: number): boolean {
    const had = this.#had.get(room);
    return had !== undefined && offset > had.floor && offset <= had.offset;
  }

  onJoin(room: Room): void {
    if (this.#isQuiet) return;
    // from here on it stands where it is told now
    this.#shown.delete(room);
    this.#tell((offset) => ["joined", room, this.#format(offset), this.#grant(room, offset)]);
  }

  /**
   * It is a member again, since its session was recovered: it stands where it says, or else where the session began to
   * miss the room's events, which come behind this.
   *
   * @returns the offset behind which it has had everything
   */
  onRecovered(room: Room, after: number): number {
    const { offset, floor } = this.#shown.get(room) ?? { offset: after, floor: after };
    this.#shown.delete(room);
    const message = ["joined", room, this.#format(offset), this.#grant(room, floor)];
    this.#socket.outbox.push(this.#shelf.dialect.control(message));
    return floor;
  }

  onLeave(room: Room): void {
    if (this.#isQuiet) return;
    this.#tell((offset) => ["left", room, this.#format(offset)]);
  }

  left(room: Room, offset: number): OutgoingPacket {
    return this.#shelf.dialect.control(["left", room, this.#format(offset)]);
  }

  quietly(change: () => void): void {
    this.#isQuiet = true;
    try {
      change();
    } finally {
      this.#isQuiet = false;
    }
  }

  get dialect(): Dialect {
    return this.#shelf.dialect;
  }

  begin(starts: readonly RoomOffset[], floorOf?: (room: Room) => number | undefined): OutgoingPacket[] {
    const { dialect } = this.#shelf;
    const joined = starts.map(([room, offset]) => {
      const floor = Math.min(offset, floorOf?.(room) ?? offset);
      this.#shown.delete(room);
      return dialect.control(["joined", room, this.#format(offset), this.#grant(room, floor)]);
    });
    this.#replays++;
    return [...joined, dialect.control(["replay", this.#replays, starts.map(([room]) => room)])];
  }

  end(events: number, ends: readonly RoomOffset[], gaps: readonly Gap[]): OutgoingPacket {
    const positions = ends.map(([room, offset]) => [room, this.#format(offset)]);
    const told = gaps.map(({ room, from, to, reason }) => {
      return { room, from: this.#format(from), to: this.#format(to), reason };
    });
    return this.#shelf.dialect.control(["replayed", this.#replays, events, positions, told]);
  }

  gap(gaps: readonly Gap[]): OutgoingPacket[] {
    const starts = gaps.map(({ room, from }) => [room, from] as const);
    const ends = gaps.map(({ room, to }) => [room, to] as const);
    return [...this.begin(starts), this.end(0, ends, gaps)];
  }

  async credit(): Promise<number> {
    if (this.#isOver) return 0;
    const events = await this.#credit.available();
    return this.#isOver ? 0 : events;
  }

  isPosition(packet: OutgoingPacket): boolean {
    return this.#shelf.dialect.isPosition(packet);
  }

  spend(events: number): void {
    this.#credit.spend(events);
  }

  /** In order with the events, and once no crash can take the offset back. */
  #tell(message: (offset: number) => unknown[]): void {
    const { conn, outbox, connected } = this.#socket;
    if (this.#isOver || !connected || conn.readyState !== "open") return;
    const { front, dialect } = this.#shelf;
    const { offset, durable, otherwise, fallback } = front.show();
    outbox.push(dialect.control(message(offset), durable));
    if (otherwise) outbox.push(dialect.control(message(fallback), otherwise));
  }

  #format(offset: number): string {
    return this.#shelf.dialect.format(offset);
  }

  #grant(room: Room, floor: number): string {
    const { namespace, rooms, grants } = this.#shelf;
    const { epoch } = rooms.positionOf(room, floor);
    return grants.issue({ namespace, room, holder: this.#holder, floor, epoch });
  }
}
