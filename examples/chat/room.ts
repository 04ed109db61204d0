/** One room of the chat: who is there, and the last messages. In memory: a restart forgets them. */
import { randomUUID } from "node:crypto";
import type { Limits, Message, Person, RoomSummary } from "./events.ts";
import { fold, Refusal } from "./rules.ts";

export class Room {
  readonly people = new Set<string>();
  /** The name of the Socket.IO room. The prefix keeps it apart from the rooms named by a socket's id. */
  readonly channel: string;
  #messages: Message[] = [];
  #said = new Map<string, Message>();
  // Positions of another life of this room (deleted and made anew, or a restart) must not be mistaken for ours.
  #epoch = randomUUID().slice(0, 8);
  #next = 1;

  constructor(
    readonly name: string,
    readonly creator: Person | null,
    private readonly limits: Pick<Limits, "peopleInRoom" | "messagesKept" | "page">,
  ) {
    this.channel = channelOf(name);
  }

  get summary(): RoomSummary {
    return { name: this.name, people: this.people.size, creator: this.creator?.name ?? null };
  }

  /** Whether that is news; a {@link Refusal} if the room is full. */
  enter(name: string): boolean {
    if (this.people.has(name)) return false;
    if (this.people.size >= this.limits.peopleInRoom)
      throw new Refusal("ROOM_FULL", `“${this.name}” is full.`);
    this.people.add(name);
    return true;
  }

  /** Adds a message. The same `id` of the same person gives the message of the first time, `isNew: false`. */
  say(person: Person, id: string, text: string): { message: Message; isNew: boolean } {
    const saidKey = `${person.key} ${id}`;
    const earlier = this.#said.get(saidKey);
    if (earlier) return { message: earlier, isNew: false };
    const position = `${this.#epoch}:${this.#next++}`;
    const message = { id, position, room: this.name, from: person.name, text, time: Date.now() };
    this.#messages.push(message);
    this.#said.set(saidKey, message);
    if (this.#messages.length > this.limits.messagesKept) {
      this.#messages.shift();
      this.#said.delete(this.#said.keys().next().value!); // the oldest: a Map keeps the order of insertion
    }
    return { message, isNew: true };
  }

  /** What came after `since`; without a position that is known here, the latest page. */
  after(since: unknown): { messages: Message[]; earlier: boolean; gap: boolean } {
    const number = this.#numberOf(since);
    const first = this.#next - this.#messages.length;
    if (number === null || number + 1 < first) {
      const messages = this.#messages.slice(-this.limits.page);
      return { messages, earlier: messages.length < this.#messages.length, gap: typeof since === "string" };
    }
    const messages = this.#messages.slice(number + 1 - first);
    return { messages, earlier: messages.length < this.#messages.length, gap: false };
  }

  /** The page of messages just before a position. */
  before(position: unknown): { messages: Message[]; earlier: boolean } {
    const first = this.#next - this.#messages.length;
    const end = (this.#numberOf(position) ?? first) - first;
    if (end <= 0) return { messages: [], earlier: false };
    const start = Math.max(0, end - this.limits.page);
    return { messages: this.#messages.slice(start, end), earlier: start > 0 };
  }

  #numberOf(position: unknown): number | null {
    if (typeof position !== "string" || !position.startsWith(`${this.#epoch}:`)) return null;
    const number = Number(position.slice(this.#epoch.length + 1));
    return Number.isSafeInteger(number) && number > 0 && number < this.#next ? number : null;
  }
}

export const channelOf = (roomName: string): string => `chat:${fold(roomName)}`;
