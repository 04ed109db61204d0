/** One room of the chat: who is there, and what was said. The words are in a kept room; only people are in memory. */
import { randomUUID } from "node:crypto";
import type { Transaction } from "holdfast";
import type { ChatServer, Limits, Message, Page, Person, RoomSummary, StoredRoom } from "./events.ts";
import { fold, notStored, Refusal } from "./rules.ts";

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

  constructor(
    readonly stored: StoredRoom,
    private readonly limits: Pick<Limits, "peopleInRoom" | "page">,
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
    for (const { message } of await this.#history(remembered))
      this.#remember(message, Promise.resolve(message));
  }

  /** Whether that is news; a {@link Refusal} if the room is full. */
  enter(name: string): boolean {
    if (this.people.has(name)) return false;
    if (this.people.size >= this.limits.peopleInRoom)
      throw new Refusal("ROOM_FULL", `“${this.name}” is full.`);
    this.people.add(name);
    return true;
  }

  /** Publishes a message: it is on disk before anybody sees it, and before the sender has an answer. */
  say(person: Person, id: string, text: string, tx: Transaction): Message | Promise<Message> {
    const message = {
      id,
      position: randomUUID(),
      room: this.name,
      from: person.name,
      text,
      time: Date.now(),
    };
    if (tx.sequence === undefined) return this.#sayOnce(message);
    // Together with the answer: a reliable emit takes effect once, however often it is sent.
    tx.to(this.channel).publish("message", message);
    return message;
  }

  /** Where to begin for somebody who has a message: behind it. Nowhere if it is not here. */
  since(position: string): Promise<string | undefined> {
    return isOurs(position) ? this.#find(position) : Promise.resolve(undefined);
  }

  /** Whether there is more than the latest so many. */
  async hasMoreThan(messages: number): Promise<boolean> {
    return messages >= historyMax || (await this.#history(messages + 1)).length > messages;
  }

  /** The page just before a message, or before what an earlier page began with; without either, the newest. */
  async before(position?: unknown): Promise<Page> {
    const { page } = this.limits;
    const refuse = () => {
      throw new Refusal("POSITION_INVALID", "There is no such position.");
    };
    let before = typeof position === "string" ? position : undefined;
    if (before && isOurs(before)) before = await this.#find(before);
    if (position !== undefined && before === undefined) return refuse();
    const found = await this.#history(page + 1, before).catch(refuse);
    const messages = found.slice(-page).map(({ message, position }) => ({ ...message, position }));
    return { messages, earlier: found.length > page };
  }

  /** Drops every word of it. */
  async forget(): Promise<void> {
    await this.io.in(this.channel).forget().catch(notStored);
  }

  /** For who can't emit reliably, and sends a message again when the answer was lost: its `id` tells. */
  #sayOnce(message: Message): Promise<Message> {
    const key = keyOf(message);
    const earlier = this.#said.get(key);
    if (earlier) return earlier;
    const publishing = this.io.to(this.channel).publish("message", message);
    const said = publishing.then(() => message, notStored);
    this.#remember(message, said);
    said.catch(() => this.#said.delete(key));
    return said;
  }

  /** Stored messages, and where the log has them. */
  async #history(limit: number, before?: string): Promise<{ message: Message; position: string }[]> {
    const events = await this.io.in(this.channel).history({ limit, before });
    return events.map(({ args, position }) => ({ message: args[0] as Message, position }));
  }

  /** Where the log has the message with this position; clients have the latest few hundred. */
  async #find(wanted: string): Promise<string | undefined> {
    let before: string | undefined;
    for (;;) {
      const events = await this.#history(historyMax, before);
      const found = events.find(({ message }) => message.position === wanted);
      if (found || events.length < historyMax) return found?.position;
      before = events[0]?.position;
    }
  }

  #remember(message: Message, said: Promise<Message>): void {
    this.#said.set(keyOf(message), said);
    if (this.#said.size <= remembered) return;
    this.#said.delete(this.#said.keys().next().value!); // the oldest: a Map keeps the order of insertion
  }
}

const keyOf = ({ from, id }: Message): string => `${fold(from)} ${id}`;

/** Whether a position is one that we made, and not one of the log. */
const isOurs = (position: string): boolean => /^[0-9a-f-]{36}$/.test(position);

export const channelOf = (roomName: string): string => `chat:${fold(roomName)}`;
