/** One room of the chat: who is there, and what was said. The words are in a kept room; only people are in memory. */
import type { ChatServer, Limits, Message, Person, RoomSummary, StoredRoom } from "./events.ts";
import { fold, Refusal } from "./rules.ts";

/** How many of the latest messages are recognised when they are sent again. */
const remembered = 200;
/** The most that one call of `history` gives. */
const historyMax = 1000;

export class Room {
  readonly people = new Set<string>();
  /** The Socket.IO room of what is said, which is kept. The prefix keeps it apart from rooms named by a socket's id. */
  readonly channel: string;
  /** The one of who comes, goes and types, which is of no interest later. */
  readonly presence: string;
  #said = new Map<string, Promise<Message>>();
  #next = 1;

  constructor(
    readonly stored: StoredRoom,
    private readonly limits: Pick<Limits, "peopleInRoom" | "messagesKept" | "page">,
    private readonly io: ChatServer,
  ) {
    this.channel = channelOf(stored.name);
    this.presence = `presence:${fold(stored.name)}`;
  }

  get name(): string {
    return this.stored.name;
  }

  get creator(): Person | null {
    return this.stored.creator;
  }

  get summary(): RoomSummary {
    return { name: this.name, people: this.people.size, creator: this.creator?.name ?? null };
  }

  /** Goes on where an earlier process ended, however it ended. */
  async load(): Promise<void> {
    for (const message of await this.#history(remembered)) {
      this.#remember(message, Promise.resolve(message));
      this.#next = Number(message.position.slice(this.stored.made.length + 1)) + 1;
    }
  }

  /** Whether that is news; a {@link Refusal} if the room is full. */
  enter(name: string): boolean {
    if (this.people.has(name)) return false;
    if (this.people.size >= this.limits.peopleInRoom)
      throw new Refusal("ROOM_FULL", `“${this.name}” is full.`);
    this.people.add(name);
    return true;
  }

  /**
   * Publishes a message: it is on disk before anybody sees it, and before this resolves. The same `id` of the same
   * person gives the message of the first time.
   */
  say(person: Person, id: string, text: string): Promise<Message> {
    const earlier = this.#said.get(keyOf(person.name, id));
    if (earlier) return earlier;
    const position = `${this.stored.made}:${this.#next++}`;
    const message = { id, position, room: this.name, from: person.name, text, time: Date.now() };
    const said = this.io
      .to(this.channel)
      .publish("message", message)
      .then(() => message);
    this.#remember(message, said);
    said.catch(() => this.#said.delete(keyOf(person.name, id)));
    return said;
  }

  /** How many messages came after a position; without one that is known here, or too long ago, a page of them. */
  since(position: unknown): { count: number; gap: boolean } {
    const number = this.#numberOf(position);
    const count = number === null ? Infinity : this.#next - 1 - number;
    if (count <= this.limits.messagesKept) return { count, gap: false };
    return { count: this.limits.page, gap: typeof position === "string" };
  }

  /** Whether there is more than the latest so many. */
  hasMoreThan(messages: number): boolean {
    return messages < Math.min(this.#next - 1, this.limits.messagesKept);
  }

  /** The page of messages just before one: before its `position`, or before what an earlier page began with. */
  async before(position: unknown): Promise<{ messages: Message[]; earlier: boolean }> {
    const before = this.#numberOf(position) === null ? position : await this.#find(position as string);
    if (typeof before !== "string") return { messages: [], earlier: false };
    const page = await this.#history(this.limits.page + 1, before);
    return { messages: page.slice(-this.limits.page), earlier: page.length > this.limits.page };
  }

  /** Drops every word of it. */
  async forget(): Promise<void> {
    await this.io.in(this.channel).forget();
  }

  /** Stored messages, with their place in the log as position: `before` takes both kinds. */
  async #history(limit: number, before?: string): Promise<Message[]> {
    const events = await this.io.in(this.channel).history({ limit, before });
    return events.map(({ args, position }) => ({
      ...(args[0] as Message),
      ...(before === undefined ? {} : { position }),
    }));
  }

  /** Where the log has the message with this position; clients have the latest few hundred. */
  async #find(position: string): Promise<string | undefined> {
    let before: string | undefined;
    for (;;) {
      const events = await this.io.in(this.channel).history({ limit: historyMax, before });
      const found = events.find(({ args }) => (args[0] as Message).position === position);
      if (found || events.length < historyMax) return found?.position;
      before = events[0]?.position;
    }
  }

  #remember({ from, id }: Message, said: Promise<Message>): void {
    this.#said.set(keyOf(from, id), said);
    if (this.#said.size <= remembered) return;
    this.#said.delete(this.#said.keys().next().value!); // the oldest: a Map keeps the order of insertion
  }

  #numberOf(position: unknown): number | null {
    const { made } = this.stored;
    if (typeof position !== "string" || !position.startsWith(`${made}:`)) return null;
    const number = Number(position.slice(made.length + 1));
    return Number.isSafeInteger(number) && number > 0 && number < this.#next ? number : null;
  }
}

const keyOf = (name: string, id: string): string => `${fold(name)} ${id}`;

export const channelOf = (roomName: string): string => `chat:${fold(roomName)}`;
