import type { Server, Socket } from "holdfast";

/** Kept, but for the last one. */
export const ROOMS = ["chat:a", "chat:b", "chat:c", "open"];
const KEPT = ROOMS.slice(0, 3);

/** An event to rooms, by its place in the order of issue. */
interface Issued {
  readonly n: number;
  readonly rooms: readonly string[];
  readonly except: number | undefined;
}

/** One client of the server. */
interface Member {
  readonly socket: Socket;
  /** What it should get. */
  readonly got: number[];
  /** Since when it is in which room. */
  readonly since: Map<string, number>;
}

/** Does things at random to a server, and knows what each client should get, whatever becomes of it on the way. */
export class DeliveryModel {
  readonly members: readonly Member[];
  /** Events that are not stored. */
  readonly unstored = new Set<number>();
  readonly #io: Server;
  readonly #random: (below: number) => number;
  readonly #bytesMax: number;
  readonly #log: Issued[] = [];
  #n = 0;

  /** @param bytesMax how long, in bytes, the text of an event is at most */
  constructor(io: Server, sockets: readonly Socket[], random: (below: number) => number, bytesMax = 1) {
    this.#io = io;
    this.members = sockets.map((socket) => ({ socket, got: [], since: new Map() }));
    this.#random = random;
    this.#bytesMax = bytesMax;
  }

  /** To some rooms, perhaps not to one of the clients. */
  emit(): void {
    const rooms = this.#someOf(ROOMS);
    const except = this.#random(3) === 0 ? this.#random(this.members.length) : undefined;
    const n = ++this.#n;
    const from = except === undefined ? this.#io : this.members[except]!.socket;
    from.to(rooms).emit("event", n, this.#text());
    if (rooms.some((room) => KEPT.includes(room))) this.#log.push({ n, rooms, except });
    else this.unstored.add(n);
    for (const [i, { got, since }] of this.members.entries()) {
      if (i !== except && rooms.some((room) => since.has(room))) got.push(n);
    }
  }

  emitTo({ socket, got }: Member): void {
    const n = ++this.#n;
    socket.emit("event", n, this.#text());
    got.push(n);
    this.unstored.add(n);
  }

  join({ socket, since }: Member, room: string): void {
    void socket.join(room);
    if (!since.has(room)) since.set(room, this.#n);
  }

  leave({ socket, since }: Member, room: string): void {
    void socket.leave(room);
    since.delete(room);
  }

  /** Joins some kept rooms with some of their past. */
  joinSince(member: Member): Promise<unknown> {
    const rooms = this.#someOf(KEPT);
    const count = this.#random(30);
    const { socket, got, since } = member;
    const starts = new Map<string, number>();
    for (const room of rooms) {
      const past = this.#log.filter((event) => event.rooms.includes(room));
      starts.set(room, count === 0 ? this.#n : (past.at(-count - 1)?.n ?? 0));
    }
    for (const event of this.#log) {
      const kept = event.rooms.filter((room) => KEPT.includes(room));
      const isAsked = rooms.some((room) => kept.includes(room) && event.n > starts.get(room)!);
      const isSeen = kept.some((room) => !rooms.includes(room) && event.n > (since.get(room) ?? Infinity));
      if (isAsked && !isSeen && event.except !== this.members.indexOf(member)) got.push(event.n);
    }
    for (const room of rooms) since.set(room, Math.min(since.get(room) ?? Infinity, starts.get(room)!));
    return socket.join(rooms, { since: count });
  }

  #text(): string {
    return "x".repeat(this.#random(this.#bytesMax));
  }

  #someOf(names: readonly string[]): string[] {
    const chosen = names.filter(() => this.#random(3) === 0);
    return chosen.length > 0 ? chosen : [names[this.#random(names.length)]!];
  }
}
