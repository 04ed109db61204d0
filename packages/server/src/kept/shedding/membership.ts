import type { RoomChange } from "./recent-changes.ts";

/** So many changes are remembered while a reader is behind. */
export const CHANGES_MAX = 10_000;

/** In which rooms a socket was at the time of an event: as it is now, and what has changed since. */
export class Membership {
  readonly #isMember: (log: string) => boolean;
  readonly #changes = new Map<string, RoomChange[]>();
  #count = 0;

  /** @param isMember whether it is in the room of this log now */
  constructor(isMember: (log: string) => boolean) {
    this.#isMember = isMember;
  }

  /** It was always where it is now. */
  get isUnchanged(): boolean {
    return this.#count === 0;
  }

  /** Too much has changed to go on. */
  get isFull(): boolean {
    return this.#count > CHANGES_MAX;
  }

  onChange(change: RoomChange): void {
    this.#count++;
    const changes = this.#changes.get(change.log);
    if (changes) changes.push(change);
    else this.#changes.set(change.log, [change]);
  }

  /** Whether it was a member when the event with this offset was issued. */
  wasIn(log: string, offset: number): boolean {
    const later = this.#changes.get(log)?.find(({ after }) => after.offset >= offset);
    return later ? !later.isJoin : this.#isMember(log);
  }
}
