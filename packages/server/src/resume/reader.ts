import type { Gap, KeptRooms, Position } from "@holdfast/core";
import type { Room } from "../adapter/index.ts";
import type { Framing, Front, RoomOffset } from "../kept/index.ts";
import type { Party } from "../negotiation/index.ts";
import type { OutgoingPacket } from "../outbox/index.ts";
import type { Stamps } from "../recovery/index.ts";
import type { Credit } from "./credit.ts";
import type { Dialect } from "./dialect.ts";
import type { Grants } from "./grants.ts";

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
  readonly #socket: Party;
  readonly #shelf: Shelf;
  readonly #holder: string;
  readonly #shown: Map<Room, Shown>;
  readonly #credit: Credit;
  /** Of rooms whose shown positions were taken up and whose `joined` is yet to be told. */
  readonly #floors = new Map<Room, number>();
  #replays = 0;
  #isQuiet = false;
  #isOver = false;

  /** @param holder to whom its positions are granted */
  constructor(socket: Party, shelf: Shelf, holder: string, shown: Map<Room, Shown>, credit: Credit) {
    this.#socket = socket;
    this.#shelf = shelf;
    this.#holder = holder;
    this.#shown = shown;
    this.#credit = credit;
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

  takeShown(room: Room): Position | undefined {
    const shown = this.#shown.get(room);
    if (!shown) return undefined;
    this.#shown.delete(room);
    this.#floors.set(room, shown.floor);
    return { epoch: shown.epoch, offset: shown.offset };
  }

  onJoin(room: Room): void {
    // from here on it stands where it is told now
    this.#shown.delete(room);
    this.#tell((offset) => ["joined", room, this.#format(offset), this.#grant(room, offset)]);
  }

  onLeave(room: Room): void {
    this.#tell((offset) => ["left", room, this.#format(offset)]);
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

  begin(starts: readonly RoomOffset[]): OutgoingPacket[] {
    const { dialect } = this.#shelf;
    const joined = starts.map(([room, offset]) => {
      const floor = Math.min(offset, this.#floors.get(room) ?? offset);
      this.#floors.delete(room);
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

  spend(events: number): void {
    this.#credit.spend(events);
  }

  /** In order with the events, and once no crash can take the offset back. */
  #tell(message: (offset: number) => unknown[]): void {
    const { conn, outbox, connected } = this.#socket;
    if (this.#isQuiet || this.#isOver || !connected || conn.readyState !== "open") return;
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
