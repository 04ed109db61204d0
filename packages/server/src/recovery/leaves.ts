/** How many rooms that were left are remembered until what was issued before has reached, or missed, its clients. */
const LEAVES_MAX = 1_000_000;

/** That a session left a room. */
export interface Leave {
  readonly sid: string;
  readonly room: unknown;
  /** In ms since 1970. */
  readonly at: number;
}

/** The rooms that sessions left, while that still matters to who comes back. */
export class Leaves {
  /** The oldest first. */
  #leaves: Leave[] = [];

  add(sid: string, room: unknown): void {
    this.#leaves.push({ sid, room, at: Date.now() });
  }

  /** Takes out those before then, and the oldest of too many. */
  takeOld(beforeMs: number): Leave[] {
    const isOld = ({ at }: Leave, i: number) => at < beforeMs || this.#leaves.length - i > LEAVES_MAX;
    const fresh = this.#leaves.findIndex((leave, i) => !isOld(leave, i));
    return this.#leaves.splice(0, fresh < 0 ? this.#leaves.length : fresh);
  }
}
