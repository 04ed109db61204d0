import type { Room } from "./contract.ts";

/** An event that somebody may have missed. */
export interface KeptEvent {
  /** Name, arguments, offset. */
  readonly data: unknown[];
  readonly rooms: Set<Room>;
  readonly except?: Set<Room> | undefined;
  /** ms since 1970. */
  readonly emittedAt: number;
  /** Its size on the wire, roughly. */
  readonly bytes: number;
}

/** From this many forgotten slots at the front, if they are half of all, the array is moved up. */
const COMPACT_MIN = 1024;

/** Stands for everybody where a room is meant. */
const EVERYBODY = Symbol("everybody");
type Index = Room | typeof EVERYBODY;

/** The numbers of a room's events, in order. */
interface Line {
  numbers: number[];
  /** Where the oldest event that is kept stands. */
  head: number;
}

/**
 * The latest events of a namespace, in order, within bounds, indexed by room. What is too much or too old goes first.
 */
export class MissedEvents {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  /** Tells offsets of this log from those of any other. */
  readonly #epoch: string;
  readonly #lines = new Map<Index, Line>();
  #events: (KeptEvent | undefined)[] = [];
  /** The slot of the oldest event kept. */
  #head = 0;
  /** The number of the event in slot 0. */
  #base = 0;
  #bytes = 0;

  constructor(eventsMax: number, bytesMax: number, epoch: string) {
    this.#eventsMax = eventsMax;
    this.#bytesMax = bytesMax;
    this.#epoch = epoch;
  }

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** The offset of the event that is added next. */
  get nextOffset(): string {
    return this.#offset(this.#base + this.#events.length);
  }

  add(event: KeptEvent): void {
    const number = this.#base + this.#events.length;
    for (const index of indexesOf(event)) {
      const line = this.#lines.get(index);
      if (line) line.numbers.push(number);
      else this.#lines.set(index, { numbers: [number], head: 0 });
    }
    this.#events.push(event);
    this.#bytes += event.bytes;
    while (this.size > this.#eventsMax || (this.#bytes > this.#bytesMax && this.size > 0)) this.#drop();
  }

  /** Forgets what was emitted before `threshold`, in ms since 1970. */
  expire(threshold: number): void {
    while (this.size > 0 && this.#events[this.#head]!.emittedAt < threshold) this.#drop();
  }

  /**
   * What followed the event with this offset, in these rooms or to everybody; undefined if that event is no longer, or
   * never was, known.
   */
  after(offset: string, rooms: Iterable<Room>): KeptEvent[] | undefined {
    if (!offset.startsWith(this.#epoch)) return undefined;
    const number = Number.parseInt(offset.slice(this.#epoch.length), 36);
    if (this.#offset(number) !== offset) return undefined;
    const slot = number - this.#base;
    if (slot < this.#head || slot >= this.#events.length) return undefined;
    // an event of several rooms once
    const numbers = new Set<number>();
    for (const index of [EVERYBODY, ...rooms] as Index[]) {
      const line = this.#lines.get(index);
      if (line)
        for (let i = firstBehind(line, number); i < line.numbers.length; i++) numbers.add(line.numbers[i]!);
    }
    return [...numbers].sort((a, b) => a - b).map((at) => this.#events[at - this.#base]!);
  }

  #offset(number: number): string {
    return this.#epoch + number.toString(36);
  }

  #drop(): void {
    const event = this.#events[this.#head]!;
    this.#bytes -= event.bytes;
    this.#events[this.#head++] = undefined;
    for (const index of indexesOf(event)) {
      // it is the oldest of each of its rooms too
      const line = this.#lines.get(index)!;
      line.head++;
      if (line.head === line.numbers.length) this.#lines.delete(index);
      else if (line.head >= COMPACT_MIN && line.head * 2 >= line.numbers.length) {
        line.numbers = line.numbers.slice(line.head);
        line.head = 0;
      }
    }
    if (this.#head >= COMPACT_MIN && this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }
}

function indexesOf({ rooms }: KeptEvent): Iterable<Index> {
  return rooms.size === 0 ? [EVERYBODY] : rooms;
}

/** Where the first number after this one stands. */
function firstBehind({ numbers, head }: Line, number: number): number {
  let low = head;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}
