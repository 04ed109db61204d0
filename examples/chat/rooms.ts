/** All the rooms of the chat, and who may make and delete them. */
import type { Limits, Person } from "./events.ts";
import { channelOf, Room } from "./room.ts";
import { cleanLabel, Refusal } from "./rules.ts";

export class Rooms {
  readonly #rooms = new Map<string, Room>();

  constructor(private readonly limits: Limits) {
    const lobby = new Room("lobby", null, limits); // nobody's, so it stays
    this.#rooms.set(lobby.channel, lobby);
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

  create(input: unknown, creator: Person): Room {
    const room = new Room(cleanLabel(input, "room", this.limits.roomLength), creator, this.limits);
    if (this.#rooms.has(room.channel)) throw new Refusal("ROOM_EXISTS", `“${room.name}” exists already.`);
    if (this.#rooms.size >= this.limits.rooms) {
      throw new Refusal("ROOMS_FULL", `There are ${this.limits.rooms} rooms, and no place for more.`);
    }
    this.#rooms.set(room.channel, room);
    return room;
  }

  /** A room goes when its creator says so, or anybody when no others are in it: none is stuck for ever. */
  delete(input: unknown, person: Person): Room {
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
    return room;
  }
}
