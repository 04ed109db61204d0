import { createHash } from "node:crypto";
import { STORE_LIMITS } from "@holdfast/core";

/** What our own names start with. */
export const RESERVED = "\0";
/** The log of events to everybody. No room has this name as far as the log is concerned. */
export const EVERYBODY = "\0everybody";

const NUMBER = "\0#";
const LONG = "\0long:";

/**
 * The name of a room's log. Programs get away with numbers as rooms in Socket.IO, and a name may be longer than a store
 * takes. undefined for what can't be written down at all.
 */
export function logNameOf(room: unknown): string | undefined {
  if (typeof room === "number") return NUMBER + room;
  if (typeof room !== "string") return undefined;
  if (room.startsWith(RESERVED)) return LONG + digest(room);
  // a char has at most three bytes
  const { roomBytesMax } = STORE_LIMITS;
  if (room.length * 3 <= roomBytesMax || Buffer.byteLength(room) <= roomBytesMax) return room;
  return LONG + digest(room);
}

export const digest = (text: string): string => createHash("sha256").update(text).digest("base64url");
