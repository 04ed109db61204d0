import type { AppendOperation } from "@holdfast/core";

/*
 * One event: flags (1), offset and time as differences to its segment's (4 each), payload length (4), then, where
 * flagged, the sender (2 + bytes) and what it excludes (2 + n × (2 + bytes)), then the payload. A reference has
 * nothing behind its payload length: the event itself is stored under its offset.
 */

export const HAS_SENDER = 1;
export const HAS_EXCEPT = 2;
export const IS_REFERENCE = 4;
export const EVENT_HEADER = 13;

export interface EventExtras {
  readonly sender: string | undefined;
  readonly except: readonly string[];
  /** Where the payload starts. */
  readonly payloadStart: number;
}

/** A bound on the bytes of an event. */
export function eventBytesBound({ payload, sender, except }: AppendOperation): number {
  let bytes = EVENT_HEADER;
  if (typeof payload !== "string") bytes += payload.length;
  // Past this size, counting is cheaper than memory three times as large.
  else bytes += payload.length < 4096 ? payload.length * 3 : Buffer.byteLength(payload);
  if (sender !== undefined) bytes += 2 + sender.length * 3;
  if (except !== undefined && except.length > 0) {
    bytes += 2;
    for (const name of except) bytes += 2 + name.length * 3;
  }
  return bytes;
}

/** Writes an event and returns where it ends. */
export function writeEvent(
  into: Buffer,
  start: number,
  { payload, sender, except }: AppendOperation,
  offsetDelta: number,
  timeDelta: number,
): number {
  let flags = 0;
  let at = start + EVENT_HEADER;
  if (sender !== undefined) {
    flags |= HAS_SENDER;
    at = writeShortText(into, at, sender);
  }
  if (except !== undefined && except.length > 0) {
    flags |= HAS_EXCEPT;
    into.writeUInt16LE(except.length, at);
    at += 2;
    for (const name of except) at = writeShortText(into, at, name);
  }
  const payloadStart = at;
  if (typeof payload === "string") at += writeText(into, at, payload);
  else {
    into.set(payload, at);
    at += payload.length;
  }
  writeHeader(into, start, flags, offsetDelta, timeDelta, at - payloadStart);
  return at;
}

/** Writes a reference to an event of several rooms and returns where it ends. */
export function writeReference(
  into: Buffer,
  start: number,
  payloadBytes: number,
  offsetDelta: number,
  timeDelta: number,
): number {
  writeHeader(into, start, IS_REFERENCE, offsetDelta, timeDelta, payloadBytes);
  return start + EVENT_HEADER;
}

/** Reads what lies between an event's header and its payload. */
export function readExtras(from: Buffer, start: number): EventExtras {
  const flags = from[start]!;
  let at = start + EVENT_HEADER;
  let sender: string | undefined;
  let except: readonly string[] = NOTHING;
  if (flags & HAS_SENDER) {
    const length = from.readUInt16LE(at);
    sender = from.toString("utf8", at + 2, at + 2 + length);
    at += 2 + length;
  }
  if (flags & HAS_EXCEPT) {
    const names = new Array<string>(from.readUInt16LE(at));
    at += 2;
    for (let i = 0; i < names.length; i++) {
      const length = from.readUInt16LE(at);
      names[i] = from.toString("utf8", at + 2, at + 2 + length);
      at += 2 + length;
    }
    except = names;
  }
  return { sender, except, payloadStart: at };
}

/** Where the event ends. */
export function eventEnd(from: Buffer, start: number): number {
  const flags = from[start]!;
  let at = start + EVENT_HEADER;
  if (flags & IS_REFERENCE) return at;
  if (flags & HAS_SENDER) at += 2 + from.readUInt16LE(at);
  if (flags & HAS_EXCEPT) {
    const count = from.readUInt16LE(at);
    at += 2;
    for (let i = 0; i < count; i++) at += 2 + from.readUInt16LE(at);
  }
  return at + from.readUInt32LE(start + 9);
}

export function writeShortText(into: Buffer, at: number, text: string): number {
  const length = writeText(into, at + 2, text);
  into.writeUInt16LE(length, at);
  return at + 2 + length;
}

const NOTHING: readonly string[] = [];

function writeHeader(
  into: Buffer,
  at: number,
  flags: number,
  offsetDelta: number,
  timeDelta: number,
  payloadBytes: number,
): void {
  into[at] = flags;
  into.writeUInt32LE(offsetDelta, at + 1);
  into.writeUInt32LE(timeDelta, at + 5);
  into.writeUInt32LE(payloadBytes, at + 9);
}

// Calling into native code costs more than copying a short text here.
function writeText(into: Buffer, at: number, text: string): number {
  if (text.length > 64) return into.write(text, at, "utf8");
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return into.write(text, at, "utf8");
    into[at + i] = unit;
  }
  return text.length;
}
