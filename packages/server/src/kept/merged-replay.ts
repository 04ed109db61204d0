import type { Gap, Replay, StoredEvent } from "@holdfast/core";

const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 256 * 1024;
const CHUNK_BYTES_MIN = 4 * 1024;

/** A replay and what was read of it ahead of the others. */
interface Branch {
  readonly replay: Replay;
  events: readonly StoredEvent[];
  index: number;
  isDone: boolean;
}

/** The replays of several rooms as one: in the order of issue, an event of several rooms once. */
export class MergedReplay {
  /** What was missing on the way. */
  readonly gaps: Gap[] = [];
  readonly #branches: Branch[];
  readonly #bytes: number;

  constructor(replays: readonly Replay[]) {
    this.#branches = replays.map((replay) => ({ replay, events: [], index: 0, isDone: false }));
    this.#bytes = Math.max(CHUNK_BYTES_MIN, Math.floor(CHUNK_BYTES / Math.max(1, replays.length)));
  }

  get isDone(): boolean {
    return this.#branches.every((branch) => branch.isDone && isEmpty(branch));
  }

  /** The next events, about a chunk of them, at most `limit`; perhaps none although more follow. Rejects with the store's code. */
  async next(limit = CHUNK_EVENTS): Promise<readonly StoredEvent[]> {
    for (const branch of this.#branches) {
      if (isEmpty(branch) && !branch.isDone) await this.#read(branch, Math.min(limit, CHUNK_EVENTS));
    }
    const [only] = this.#branches;
    if (only && this.#branches.length === 1) {
      only.index = only.events.length;
      return only.events;
    }
    const merged: StoredEvent[] = [];
    // up to where a branch that goes on would have to be read first
    while (merged.length < limit && this.#branches.every((branch) => !isEmpty(branch) || branch.isDone)) {
      let first: StoredEvent | undefined;
      for (const { events, index } of this.#branches) {
        const event = events[index];
        if (event && (!first || event.offset < first.offset)) first = event;
      }
      if (!first) break;
      merged.push(first);
      for (const branch of this.#branches) {
        if (branch.events[branch.index]?.offset === first.offset) branch.index++;
      }
    }
    return merged;
  }

  async #read(branch: Branch, limit: number): Promise<void> {
    const { events, gap, done } = await branch.replay.next(limit, this.#bytes);
    if (gap) this.gaps.push(gap);
    branch.events = events;
    branch.index = 0;
    branch.isDone = done;
  }
}

function isEmpty({ events, index }: Branch): boolean {
  return index >= events.length;
}
