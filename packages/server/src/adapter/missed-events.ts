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

/** The latest events of a namespace, in order, within bounds. What is too much or too old goes first. */
export class MissedEvents {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  /** Tells offsets of this log from those of any other. */
  readonly #epoch: string;
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
    this.#events.push(event);
    this.#bytes += event.bytes;
    while (this.size > this.#eventsMax || (this.#bytes > this.#bytesMax && this.size > 0)) this.#drop();
  }

  /** Forgets what was emitted before `threshold`, in ms since 1970. */
  expire(threshold: number): void {
    while (this.size > 0 && this.#events[this.#head]!.emittedAt < threshold) this.#drop();
  }

  /** What followed the event with this offset; undefined if that is no longer, or never was, known. */
  after(offset: string): KeptEvent[] | undefined {
    if (!offset.startsWith(this.#epoch)) return undefined;
    const number = Number.parseInt(offset.slice(this.#epoch.length), 36);
    if (this.#offset(number) !== offset) return undefined;
    const slot = number - this.#base;
    if (slot < this.#head || slot >= this.#events.length) return undefined;
    return this.#events.slice(slot + 1) as KeptEvent[];
  }

  #offset(number: number): string {
    return this.#epoch + number.toString(36);
  }

  #drop(): void {
    this.#bytes -= this.#events[this.#head]!.bytes;
    this.#events[this.#head++] = undefined;
    if (this.#head >= COMPACT_MIN && this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }
}
