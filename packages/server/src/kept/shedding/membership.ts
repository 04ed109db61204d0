interface Change {
  readonly isJoin: boolean;
  /** Of the newest event issued before. */
  readonly offset: number;
}

/** So many changes are remembered while a reader is behind. */
export const CHANGES_MAX = 10_000;

/** In which rooms a socket was at the time of an event: as it is now, and what has changed since. */
export class Membership {
  readonly #isMember: (log: string) => boolean;
  readonly #changes = new Map<string, Change[]>();
  #count = 0;

  /** @param isMember whether it is in the room of this log now */
  constructor(isMember: (log: string) => boolean) {
    this.#isMember = isMember;
  }

  /** Too much has changed to go on. */
  get isFull(): boolean {
    return this.#count > CHANGES_MAX;
  }

  /** It has joined, or left, behind the event with this offset. */
  onChange(log: string, isJoin: boolean, offset: number): void {
    this.#count++;
    const changes = this.#changes.get(log);
    if (changes) changes.push({ isJoin, offset });
    else this.#changes.set(log, [{ isJoin, offset }]);
  }

  /** Whether it was a member when the event with this offset was issued. */
  wasIn(log: string, offset: number): boolean {
    const later = this.#changes.get(log)?.find((change) => change.offset >= offset);
    return later ? !later.isJoin : this.#isMember(log);
  }
}
