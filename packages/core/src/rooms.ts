import { type Member, Room } from "./room.ts";

export type { Member };

/** Hears of changes, at the moment of the change. May itself join and leave. */
export interface RoomsObserver {
  onCreate(room: string): void;
  onJoin(room: string, id: string): void;
  onLeave(room: string, id: string): void;
  onDelete(room: string): void;
}

/**
 * Who is in which room. A member that entered stays known until it has left everything ({@link leaveAll}), even if it
 * is in no room.
 *
 * The room of a member's own id is implied: no record of it exists until somebody else joins it.
 */
export class Rooms<M extends Member> {
  readonly #observer: RoomsObserver;
  readonly #rooms = new Map<string, Room<M>>();
  readonly #members = new Map<string, M>();
  #everyone: readonly M[] | undefined;
  /** The records of members' rooms that somebody has seen, and may hold on to. */
  readonly #shown = new WeakSet<Set<string>>();

  constructor(observer: RoomsObserver) {
    this.#observer = observer;
  }

  member(id: string): M | undefined {
    return this.#members.get(id);
  }

  get memberCount(): number {
    return this.#members.size;
  }

  members(): IterableIterator<M> {
    return this.#members.values();
  }

  /** All members, as a snapshot that does not change. */
  everyone(): readonly M[] {
    this.#everyone ??= [...this.#members.values()];
    return this.#everyone;
  }

  /** The members of a room, as a snapshot that does not change. */
  in(name: string): readonly M[] {
    const room = this.#rooms.get(name);
    if (room) return room.snapshot;
    const owner = this.#owner(name);
    return owner ? [owner] : [];
  }

  has(name: string): boolean {
    return this.#rooms.has(name) || this.#owner(name) !== undefined;
  }

  /** The ids of a room's members; undefined for a room that does not exist. MUST NOT be changed by the caller. */
  ids(name: string): Set<string> | undefined {
    const room = this.#rooms.get(name);
    if (room) return room.ids;
    return this.#owner(name) && new Set([name]);
  }

  /** The names of the member's rooms; undefined for one that never entered. MUST NOT be changed by the caller. */
  roomsOf(member: M): Set<string> | undefined {
    // from here on the Set is the record, so that what was handed out stays true
    if (member.joined === null) member.joined = new Set([member.id]);
    if (member.joined) this.#shown.add(member.joined);
    return member.joined;
  }

  /** The names of all rooms, implied ones first. */
  *names(): Generator<string, undefined> {
    for (const member of this.#members.values()) {
      if (isHome(member) && !this.#rooms.has(member.id)) yield member.id;
    }
    yield* this.#rooms.keys();
  }

  join(member: M, name: string): void {
    const { id } = member;
    if (member.joined === undefined) this.#enter(member);
    const { joined } = member;
    if (joined === undefined) member.joined = name === id ? null : new Set([name]);
    else if (joined === null) {
      if (name === id) return;
      member.joined = new Set([id, name]);
    } else {
      if (joined.has(name)) return;
      joined.add(name);
    }
    let room = this.#rooms.get(name);
    if (!room) {
      if (name === id) {
        this.#observer.onCreate(name);
        this.#observer.onJoin(name, id);
        return;
      }
      const owner = this.#owner(name);
      room = new Room();
      this.#rooms.set(name, room);
      if (owner) room.add(owner);
      else this.#observer.onCreate(name);
    }
    room.add(member);
    this.#observer.onJoin(name, id);
  }

  leave(member: M, name: string): void {
    const { id } = member;
    if (member.joined === null) {
      if (name !== id) return;
      member.joined = new Set();
    } else {
      const { joined } = member;
      if (!joined?.delete(name)) return;
      if (joined.size === 1 && joined.has(id) && !this.#shown.has(joined)) member.joined = null;
    }
    this.#release(member, name);
  }

  /** Leaves every room and is forgotten. */
  leaveAll(member: M): void {
    const { joined, id } = member;
    if (joined === undefined) return;
    // its rooms stay readable until the last observer has heard
    if (joined === null) this.#release(member, id);
    else for (const name of joined) this.#release(member, name);
    member.joined = undefined;
    if (this.#members.get(id) === member) this.#members.delete(id);
    this.#everyone = undefined;
  }

  /** Makes the member known. It takes the place, and the rooms, of another with its id; nobody is told. */
  #enter(member: M): void {
    const previous = this.#members.get(member.id);
    this.#members.set(member.id, member);
    this.#everyone = undefined;
    if (!previous) return;
    member.joined = previous.joined;
    previous.joined = undefined;
    for (const name of member.joined ?? []) {
      const room = this.#rooms.get(name);
      if (room?.delete(previous)) room.add(member);
    }
  }

  /** Takes the member out of the room's record, and the record away when nothing needs it any more. */
  #release(member: M, name: string): void {
    const room = this.#rooms.get(name);
    if (!room) {
      this.#observer.onLeave(name, member.id);
      this.#observer.onDelete(name);
      return;
    }
    if (!room.delete(member)) return;
    this.#observer.onLeave(name, member.id);
    const { size } = room.members;
    if (size === 0) {
      if (this.#rooms.get(name) === room && this.#rooms.delete(name)) this.#observer.onDelete(name);
    } else if (size === 1 && room.members.has(this.#owner(name) as M)) this.#rooms.delete(name);
  }

  /** The member whose own room this is, while it is in it. */
  #owner(name: string): M | undefined {
    const member = this.#members.get(name);
    return member && isHome(member) ? member : undefined;
  }
}

/** Whether the member is in the room of its own id. */
function isHome({ joined, id }: Member): boolean {
  return joined === null || joined?.has(id) === true;
}
