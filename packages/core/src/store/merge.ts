import type { EventChunk, EventQuery, StoredEvent } from "./store.ts";

/** A log that is being read in one direction. */
export interface EventSource {
  /** The event at hand; undefined at the end. */
  readonly current: StoredEvent | undefined;
  advance(): void;
}

const LIMIT = 1000;
const BYTES = 256 * 1024;

/** One chunk out of several logs, in order, an event of several logs once. */
export function mergeChunk(
  sources: EventSource[],
  { limit = LIMIT, bytes = BYTES, reverse = false }: EventQuery,
): EventChunk {
  const events: StoredEvent[] = [];
  let bytesLeft = bytes;
  const heap = sources.filter((source) => source.current !== undefined);
  const isBefore = (a: EventSource, b: EventSource) =>
    reverse ? a.current!.offset > b.current!.offset : a.current!.offset < b.current!.offset;
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i, isBefore);
  let lastOffset = -1;
  while (heap.length > 0) {
    const first = heap[0]!;
    const event = first.current!;
    if (event.offset !== lastOffset) {
      if (events.length >= limit || (bytesLeft <= 0 && events.length > 0)) return { events, done: false };
      lastOffset = event.offset;
      bytesLeft -= event.payload.length;
      events.push(event);
    }
    first.advance();
    if (first.current === undefined) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    if (heap.length > 1) sink(heap, 0, isBefore);
  }
  return { events, done: true };
}

function sink<T>(heap: T[], start: number, isBefore: (a: T, b: T) => boolean): void {
  let i = start;
  for (;;) {
    const left = 2 * i + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
    if (!isBefore(heap[child]!, heap[i]!)) return;
    [heap[i], heap[child]] = [heap[child]!, heap[i]!];
    i = child;
  }
}
