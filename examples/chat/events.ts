/**
 * The words that the page and the server exchange.
 *
 * What arrives from a client is `unknown`: types are gone at run time, and anyone can send anything.
 */

/** One thing somebody said. */
export interface Message {
  /** Made by the sender, so that a message sent again after a lost answer is recognised. */
  id: string;
  /** Where the message stands in its room. Opaque to clients: they keep it and hand it back. */
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

/** The answer to `join`: who is there, and what was said. */
export interface Joined {
  room: string;
  people: string[];
  /** Oldest first. Without `since` the latest ones, otherwise what came after it. */
  messages: Message[];
  /** More can be had with `history`. */
  earlier: boolean;
  /** Something after `since` is no longer kept: the reader has missed it for good. */
  gap: boolean;
}

export interface ClientEvents {
  "create room": (room: unknown, answer: unknown) => void;
  "delete room": (room: unknown, answer: unknown) => void;
  join: (room: unknown, since: unknown, answer: unknown) => void;
  leave: (room: unknown, answer: unknown) => void;
  say: (message: unknown, answer: unknown) => void;
  history: (room: unknown, before: unknown, answer: unknown) => void;
  typing: (room: unknown) => void;
}

export interface ServerEvents {
  welcome: (welcome: { name: string; rooms: RoomSummary[]; limits: Limits }) => void;
  room: (room: RoomSummary) => void;
  "room deleted": (room: string, by: string) => void;
  joined: (room: string, name: string) => void;
  left: (room: string, name: string) => void;
  message: (message: Message) => void;
  typing: (room: string, name: string) => void;
}

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
  /** Messages kept per room; also how far back a repeated message is recognised. */
  messagesKept: number;
  /** Messages per answer to `join` (without `since`) and `history`. */
  page: number;
  /** What a socket may spend at once; a message costs 5, any other request 1. */
  burst: number;
  /** What it gets back per second. */
  perSecond: number;
}
