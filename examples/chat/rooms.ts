/** All the rooms of the chat, and who may make and delete them. The list is kept too: in a room that nobody is in. */
import type { ChatServer, Limits, Person, StoredRoom } from "./events.ts";
import { channelOf, Room } from "./room.ts";
import { cleanLabel, notStored, Refusal } from "./rules.ts";

/** Where the list is kept: each event is the whole list, so that the newest says all. */
export const listRoom = "rooms of the chat";

export class Rooms {
  readonly #rooms = new Map<string, Room>();

  constructor(
    private readonly limits: Limits,
    private readonly io: ChatServer,
  ) {}

  /** Goes on where an earlier process ended; the first time, with a lobby. */
  async load(): Promise<void> {
    const [newest] = await this.io.in(listRoom).history({ limit: 1 });
    // the lobby is nobody's, so it stays
    const stored = (newest?.args[0] as StoredRoom[]) ?? [{ name: "lobby", creator: null }];
    for (const details of stored) {
      const room = new Room(details, this.limits, this.io);
      await room.load();
      this.#rooms.set(room.channel, room);
    }
    if (!newest) await this.#save();
  }

  [Symbol.iterator](): IterableIterator<Room> {
    return this.#rooms.values();
  }

  /** The room of that name, however it is written, or a {@link Refusal}. */
  find(input: unknown): Room {
    const room = this.#rooms.get(channelOf(cleanLabel(input, "room", this.limits.roomLength)));
    if (!room) throw new Refusal("NO_ROOM", "There is no such room.");
    return room;
  }

  has(room: Room): boolean {
    return this.#rooms.get(room.channel) === room;
  }

  async create(input: unknown, creator: Person): Promise<Room> {
    const name = cleanLabel(input, "room", this.limits.roomLength);
    const room = new Room({ name, creator }, this.limits, this.io);
    if (this.#rooms.has(room.channel)) throw new Refusal("ROOM_EXISTS", `“${name}” exists already.`);
    if (this.#rooms.size >= this.limits.rooms) {
      throw new Refusal("ROOMS_FULL", `There are ${this.limits.rooms} rooms, and no place for more.`);
    }
    this.#rooms.set(room.channel, room);
    try {
      await this.#save();
    } catch (error) {
      this.#rooms.delete(room.channel);
      throw error;
    }
    return room;
  }

  /** A room goes when its creator says so, or anybody when no others are in it: none is stuck for ever. */
  async delete(input: unknown, person: Person): Promise<Room> {
    const room = this.find(input);
    if (!room.creator) throw new Refusal("NOT_YOURS", `“${room.name}” stays.`);
    const others = room.people.size - (room.people.has(person.name) ? 1 : 0);
    if (room.creator.key !== person.key && others > 0) {
      throw new Refusal(
        "NOT_YOURS",
        `Others are in “${room.name}”: only ${room.creator.name} can delete it now.`,
      );
    }
    this.#rooms.delete(room.channel);
    // in this order, so that a room made anew never has the words of the old one
    await room.forget();
    await this.#save();
    return room;
  }

  async #save(): Promise<void> {
    const rooms = [...this.#rooms.values()].map(({ stored }) => stored);
    await this.io.to(listRoom).publish("rooms", rooms).catch(notStored);
  }
}
