/** What the chat accepts. Everything that comes from a client passes through here before it is used. */
import { Rejection, retryLater } from "holdfast";
import type { Limits } from "./events.ts";

export const defaultLimits: Limits = {
  nameLength: 24,
  roomLength: 32,
  textLength: 2000,
  rooms: 100,
  peopleInRoom: 1000,
  messagesKept: 10_000,
  page: 50,
  burst: 100,
  perSecond: 20,
};

/**
 * Something the chat will not do. `code` is for programs, `message` for people.
 * `data` travels to the client with the error when a middleware refuses a connection.
 */
export class Refusal extends Rejection {
  constructor(code: string, message: string) {
    super(code, message, { code });
  }
}

/** For promises of the store. */
export const notStored = (): never => {
  throw new Refusal("NOT_STORED", "The server cannot store that now. Try again.");
};

// Line and paragraph separators, and characters that show nothing but turn the direction of text around or
// tell equal-looking names apart. The joiners U+200C and U+200D stay: Persian and emoji are written with them.
const invisible = /[\u00AD\u061C\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/gu;
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** A one-line label (a person, a room): trimmed, single spaces, no invisible characters. */
export function cleanLabel(input: unknown, what: "name" | "room", lengthMax: number): string {
  const code = what === "name" ? "NAME_INVALID" : "ROOM_INVALID";
  const label = what === "name" ? "A name" : "The name of a room";
  // Refused before it is looked at: normalising costs time in proportion to the length.
  if (typeof input !== "string" || input.length > 4 * lengthMax) {
    throw new Refusal(code, `${label} is text of 1 to ${lengthMax} characters.`);
  }
  const clean = input
    .normalize("NFC")
    .replace(/\s+/gu, " ")
    .replace(invisible, "")
    .replace(/[\p{Cc}\p{Cs}]/gu, "")
    .replace(/(\p{M}{3})\p{M}+/gu, "$1") // towers of accents would cover the lines above
    .trim();
  if (clean.length > lengthMax || !visible.test(clean)) {
    throw new Refusal(code, `${label} has 1 to ${lengthMax} characters that can be seen.`);
  }
  return clean;
}

/** A message: lines are kept, control characters and halves of characters are not. */
export function cleanText(input: unknown, lengthMax: number): string {
  if (typeof input !== "string" || input.length > lengthMax) {
    throw new Refusal("TEXT_INVALID", `A message is text of 1 to ${lengthMax} characters.`);
  }
  const clean = input
    .replace(/\r\n?/gu, "\n")
    .replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, "")
    .trimEnd();
  if (!visible.test(clean)) throw new Refusal("TEXT_INVALID", "A message needs something to read.");
  return clean;
}

/** An identifier made by a client: short and plain. */
export function cleanId(input: unknown): string {
  if (typeof input === "string" && /^[\w-]{8,64}$/u.test(input)) return input;
  throw new Refusal("ID_INVALID", "An id has 8 to 64 letters, digits, - or _.");
}

/** Names that differ only in case, or in how a letter is encoded, are the same name. */
export const fold = (label: string): string => label.normalize("NFKC").toLowerCase();

/** Spends like a purse that fills up again: bursts are fine, a steady flood is not. */
export class Allowance {
  #left: number;
  #countedAt: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#left = burst;
    this.#countedAt = now();
  }

  /** If there is too little left, throws what makes the client ask again when there is enough. */
  spend(cost: number): void {
    const now = this.now();
    this.#left = Math.min(this.burst, this.#left + ((now - this.#countedAt) / 1000) * this.perSecond);
    this.#countedAt = now;
    if (this.#left < cost) {
      retryLater(((cost - this.#left) / this.perSecond) * 1000, "That is too much at once. Wait a moment.");
    }
    this.#left -= cost;
  }
}
