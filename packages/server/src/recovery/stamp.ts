import type { Part } from "../outbox/index.ts";

// A stock client takes the last argument of an event, if it is text and the event asks for no acknowledgement, for the
// place up to which it has everything, and shows it when it comes back.

export const formatOffset = (offset: number): string => offset.toString(36);

/** undefined for anything but what {@link formatOffset} makes. */
export function parseOffset(text: unknown): number | undefined {
  if (typeof text !== "string") return undefined;
  const offset = Number.parseInt(text, 36);
  return Number.isSafeInteger(offset) && offset >= 0 && offset.toString(36) === text ? offset : undefined;
}

/** The encoded event with its offset as one more argument. Only for Socket.IO's own encoding. */
export function stampText(parts: readonly Part[], offset: number): Part[] {
  const [text, ...attachments] = parts as [string, ...Part[]];
  return [`${text.slice(0, -1)},"${formatOffset(offset)}"]`, ...attachments];
}
