import { createHash } from "node:crypto";
import type { Part } from "../outbox/index.ts";

// A stock client takes the last argument of an event, if it is text and the event asks for no acknowledgement, for the
// place up to which it has everything, and shows it when it comes back.

const TAG_CHARS = 4;

/** Offsets as clients see them: marked, so that what another server, or an earlier store, told a client is not taken for one. */
export class Stamps {
  readonly #tag: string;

  constructor(secret: Buffer, namespace: string) {
    const hash = createHash("sha256").update(secret).update(namespace);
    this.#tag = hash.digest("base64url").slice(0, TAG_CHARS);
  }

  format(offset: number): string {
    return this.#tag + formatOffset(offset);
  }

  /** "foreign" for what is not ours, undefined for what pretends to be. */
  parse(text: unknown): number | "foreign" | undefined {
    if (typeof text !== "string" || !text.startsWith(this.#tag)) return "foreign";
    return parseOffset(text.slice(TAG_CHARS));
  }
}

/** As records hold it. */
export const formatOffset = (offset: number): string => offset.toString(36);

/** undefined for anything but what {@link formatOffset} makes. */
export function parseOffset(text: string): number | undefined {
  const offset = Number.parseInt(text, 36);
  return Number.isSafeInteger(offset) && offset >= 0 && offset.toString(36) === text ? offset : undefined;
}

/** The encoded event with one more argument. Only for Socket.IO's own encoding. */
export function stampText(parts: readonly Part[], stamp: string): Part[] {
  const [text, ...attachments] = parts as [string, ...Part[]];
  return [`${text.slice(0, -1)},"${stamp}"]`, ...attachments];
}
