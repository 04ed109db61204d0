/**
 * The words that the page and the server exchange.
 *
 * What arrives from a client is `unknown`: types are gone at run time, and anyone can send anything.
 */

import type { DefaultEventsMap, Server } from "holdfast";

/** One thing somebody said. */
export interface Message {
  /** Made by the sender, who knows it by that again. */
  id: string;
  /** Where it stands in its room: opaque, to be handed back. A message may come with one of two; both will do. */
  position: string;
  room: string;
  from: string;
  text: string;
  /** Milliseconds since 1970, by the server's clock. */
  time: number;
}

/** What the list of rooms shows about one of them. */
export interface RoomSummary {
  name: string;
  people: number;
  /** Who made it and may delete it; null for a room that stays. */
  creator: string | null;
}

/** Messages in a row. */
export interface Page {
  messages: Message[];
  /** There are older ones: ask with `history`. */
  earlier: boolean;
}

/** The answer to `join`, which comes when the messages have. */
export interface Joined {
  room: string;
  people: string[];
  /** Whoever goes on where they stood has got what they missed; others get the latest messages here. */
  latest?: Page;
  /** There are older ones than those that came. */
  earlier?: boolean;
}

/** A room as the list of rooms is kept. */
export interface StoredRoom {
  name: string;
  creator: Person | null;
}

/** The answer to a request, or `{ error: { code, message } }`. */
type Answer<Reply> = (reply: Reply) => void;

export interface ClientEvents {
  "create room": (room: unknown, answer: Answer<{ room: string }>) => void;
  "delete room": (room: unknown, answer: Answer<{ room: string }>) => void;
  /** Since a position; or "last": where this client stood; or null: the latest messages. */
  join: (room: unknown, since: unknown, answer: Answer<Joined>) => void;
  leave: (room: unknown, answer: Answer<{ room: string }>) => void;
  /** Emitted reliably, or as any other event. */
  say: (message: unknown, answer: Answer<{ message: Message }>) => void;
  /** The page before a position, or the newest. */
  history: (room: unknown, before: unknown, answer: Answer<Page>) => void;
  typing: (room: unknown) => void;
}

export interface ServerEvents {
  welcome: (welcome: { name: string; rooms: RoomSummary[]; limits: Limits }) => void;
  room: (room: RoomSummary) => void;
  "room deleted": (room: string, by: string) => void;
  joined: (room: string, name: string) => void;
  left: (room: string, name: string) => void;
  message: (message: Message) => void;
  /** Something between what the reader asked from and the messages that follow is no longer kept. */
  gap: (room: string) => void;
  /** Kept, and sent to nobody: the list of rooms. */
  rooms: (rooms: StoredRoom[]) => void;
  typing: (room: string, name: string) => void;
}

/** The four types: what clients send, what we send, what servers tell each other, and `socket.data`. */
export type ChatServer = Server<ClientEvents, ServerEvents, DefaultEventsMap, Person>;

/** What the server remembers about a socket: `socket.data`. */
export interface Person {
  name: string;
  /** A secret of the client: a second tab with the same key is the same person. */
  key: string;
}

/** Every bound of the chat. Lengths count characters as JavaScript does (UTF-16). */
export interface Limits {
  nameLength: number;
  roomLength: number;
  textLength: number;
  rooms: number;
  peopleInRoom: number;
  /** Messages kept per room; a restart loses none. */
  messagesKept: number;
  /** Messages that come with a `join` (without a position) and an answer to `history`. */
  page: number;
  /** What a socket may spend at once; a message costs 5, any other request 1. */
  burst: number;
  /** What it gets back per second. */
  perSecond: number;
}
