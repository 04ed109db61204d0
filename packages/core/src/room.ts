/** Who can be in rooms. `joined` belongs to `Rooms`: others only carry it and start it as undefined. */
export interface Member {
  readonly id: string;
  /**
   * undefined: in no table. null: in the room of its own id and no other, which most members are, and which costs
   * nothing. A Set: the names of all its rooms.
   */
  joined: Set<string> | null | undefined;
}

/** The members of one room, in the order in which they joined. */
export class Room<M extends Member> {
  readonly members = new Set<M>();
  /** The same as an array, because that is what a broadcast walks fastest; rebuilt after a join or a leave. */
  #snapshot: readonly M[] | undefined;
  /** The ids of the members, built and from then on kept up to date once somebody has asked for them. */
  #ids: Set<string> | undefined;

  add(member: M): void {
    this.members.add(member);
    this.#snapshot = undefined;
    this.#ids?.add(member.id);
  }

  delete(member: M): boolean {
    if (!this.members.delete(member)) return false;
    this.#snapshot = undefined;
    this.#ids?.delete(member.id);
    return true;
  }

  /** Never changes once handed out: who joins or leaves during a walk over it does not disturb the walk. */
  get snapshot(): readonly M[] {
    this.#snapshot ??= [...this.members];
    return this.#snapshot;
  }

  /** One and the same Set for as long as the room exists. */
  get ids(): Set<string> {
    if (!this.#ids) {
      this.#ids = new Set();
      for (const { id } of this.members) this.#ids.add(id);
    }
    return this.#ids;
  }
}
