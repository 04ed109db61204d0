import type { EventSource } from "./merge.ts";
import type { TrimOperation, TrimResult } from "./operations.ts";
import type { LogInfo, StoredEvent, StoreEpochs } from "./store.ts";

/** Events dropped by one trim at most, so that a trim takes no long time. */
const TRIM_EVENTS_MAX = 1000;

/** One log of the memory driver: an array whose dropped front is cut off now and then. */
export class MemoryLog {
  readonly namespace: string;
  readonly room: string;
  /** Order in which logs were made. */
  readonly serial: number;
  #events: StoredEvent[] = [];
  #start = 0;
  bytes = 0;
  floor = 0;
  last = 0;
  isUnflushed = false;

  constructor(namespace: string, room: string, serial: number) {
    this.namespace = namespace;
    this.room = room;
    this.serial = serial;
  }

  get size(): number {
    return this.#events.length - this.#start;
  }

  get oldest(): StoredEvent | undefined {
    return this.#events[this.#start];
  }

  /** An earlier log of that name may have gone as far as `floor`: who stands before that has a gap. */
  push(event: StoredEvent, isUnflushed: boolean, floor: number): void {
    if (this.last === 0) this.floor = floor;
    this.#events.push(event);
    this.bytes += event.payload.length;
    this.last = event.offset;
    this.isUnflushed = isUnflushed;
  }

  /** Drops from the front; the dropped events go to `onDrop`. */
  trim(
    { eventsMax = Infinity, bytesMax = Infinity, sinceMs = -Infinity, through = 0 }: TrimOperation,
    onDrop: (event: StoredEvent) => void,
  ): TrimResult {
    let events = 0;
    for (;;) {
      const event = this.oldest;
      const isOver =
        event !== undefined &&
        (this.size > eventsMax || this.bytes > bytesMax || event.timeMs < sinceMs || event.offset <= through);
      if (!isOver) break;
      if (events === TRIM_EVENTS_MAX) return { events, more: true };
      this.#start++;
      this.bytes -= event.payload.length;
      this.floor = event.offset;
      events++;
      onDrop(event);
    }
    if (this.#start > 1024 && this.#start * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
    return { events, more: false };
  }

  info(epochs: StoreEpochs): LogInfo {
    return {
      namespace: this.namespace,
      room: this.room,
      exists: true,
      epoch: this.isUnflushed ? epochs.unflushed : epochs.flushed,
      events: this.size,
      bytes: this.bytes,
      last: this.last,
      floor: this.floor,
      oldestMs: this.oldest?.timeMs ?? 0,
    };
  }

  source(after: number, before: number, reverse: boolean): EventSource {
    return new MemorySource(this.#events, this.#start, after, before, reverse);
  }

  /** The offset behind which lie the events since a time. */
  offsetBefore(sinceMs: number): number {
    const index = search(this.#events, this.#start, (event) => event.timeMs >= sinceMs);
    return index === this.#start ? this.floor : this.#events[index - 1]!.offset;
  }

  /** The offset behind which lie the newest so many, of those up to `through`. */
  offsetOfNewest(count: number, through = Number.POSITIVE_INFINITY): number {
    const end = search(this.#events, this.#start, ({ offset }) => offset > through);
    const index = end - Math.max(0, Math.floor(count));
    return index <= this.#start ? this.floor : this.#events[index - 1]!.offset;
  }
}

class MemorySource implements EventSource {
  readonly #events: readonly StoredEvent[];
  readonly #end: number;
  readonly #step: number;
  #index: number;

  constructor(
    events: readonly StoredEvent[],
    start: number,
    after: number,
    before: number,
    reverse: boolean,
  ) {
    const from = search(events, start, (event) => event.offset > after);
    const to = search(events, start, (event) => event.offset >= before);
    this.#events = events;
    this.#step = reverse ? -1 : 1;
    this.#index = reverse ? to - 1 : from;
    this.#end = reverse ? from - 1 : Math.max(from, to);
    if (from >= to) this.#end = this.#index;
  }

  get current(): StoredEvent | undefined {
    return this.#index === this.#end ? undefined : this.#events[this.#index];
  }

  advance(): void {
    this.#index += this.#step;
  }
}

/** Index of the first event from `start` on for which the predicate, once true always true, holds. */
function search(
  events: readonly StoredEvent[],
  start: number,
  predicate: (event: StoredEvent) => boolean,
): number {
  let low = start;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (predicate(events[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
