import { isUtf8 } from "node:buffer";
import { Writable } from "node:stream";

/** Where a WebSocket has who takes its texts. */
export const TARGET = Symbol("target");

/** Who takes what a WebSocket receives. */
export interface TextTarget {
  /** Whether parts of a text may be kept for long: then it must not be part of a longer one, which they would keep. */
  readonly keepsText: boolean;
  /** A message of text; the others are events of the WebSocket. */
  receiveText(text: string): void;
}

/** What is used of a WebSocket. */
interface Carrier {
  readonly [TARGET]: TextTarget;
  listenerCount(event: "message"): number;
}

/** What is used of the receiver of `ws`. It is private to it: taken where it is found as expected, not relied on. */
interface Receiver extends Writable {
  _state: number;
  _bufferedBytes: number;
  _fragmented: number;
  _loop: boolean;
  _errored: boolean;
  readonly _isServer: boolean;
  readonly _allowSynchronousEvents: boolean;
  /** 0 for none. */
  readonly _maxPayload: number;
  /** Its WebSocket, under a symbol of `ws`. */
  [key: symbol]: unknown;
}

type ReceiverClass = new () => Receiver;

/** The state of a receiver between two frames. */
const BETWEEN_FRAMES = 0;
/** The first byte of a text that is one frame and not compressed (RFC 6455 §5.2). */
const WHOLE_TEXT = 0x81;
const MASKED = 0x80;
/** What stands for a length in the two bytes that follow. */
const LENGTH_16 = 126;
const MASK_BYTES = 4;

/** Where a receiver has its WebSocket. */
let carrierKey: symbol | undefined;
let WsReceiver: ReceiverClass | undefined;
let TextReceiver: ReceiverClass | undefined;

/**
 * Receives the texts of `socket` for the target that it has, ahead of its `ws`; does nothing if that is not as expected.
 *
 * What nearly every read consists of, texts that are whole, masked, valid and within the limit, needs neither a stream
 * nor a state machine, and costs little more for many than for one. From the first byte of a read on that is none of
 * it, and for as long as `ws` is in the middle of something, all goes to `ws` as it came: what is unusual, wrong or too
 * long is for `ws` to judge.
 */
export function receiveTexts(socket: object): void {
  const receiver = (socket as { _receiver?: Receiver })._receiver;
  if (!(receiver instanceof Writable)) return;
  carrierKey ??= Object.getOwnPropertySymbols(receiver).find((key) => receiver[key] === socket);
  WsReceiver ??= receiver.constructor as ReceiverClass;
  const isKnown =
    carrierKey !== undefined &&
    receiver[carrierKey] === socket &&
    Object.getPrototypeOf(receiver) === WsReceiver.prototype &&
    receiver._isServer === true &&
    receiver._allowSynchronousEvents === true &&
    typeof receiver._maxPayload === "number" &&
    isIdle(receiver);
  if (!isKnown) return;
  TextReceiver ??= textReceiver(WsReceiver);
  // an object of its own in front of each receiver would cost memory
  Object.setPrototypeOf(receiver, TextReceiver.prototype);
}

function textReceiver(WsReceiver: ReceiverClass): ReceiverClass {
  return class TextReceiver extends WsReceiver {
    override write(chunk: Buffer): boolean {
      for (const { receiver, rest } of deliveries) {
        if (receiver !== this) continue;
        rest.push(chunk);
        return true;
      }
      const carrier = this[carrierKey!] as Carrier;
      // somebody else may listen to the messages of `ws`
      if (!isIdle(this) || carrier.listenerCount("message") > 1) return super.write(chunk);
      const length = unmaskTexts(chunk, this._maxPayload);
      if (length === 0) return super.write(chunk);
      const target = carrier[TARGET];
      const texts = textsOf(chunk, length, target.keepsText);
      const rest = length < chunk.length ? [chunk.subarray(length)] : [];
      return deliver({ receiver: this, target, texts, rest }, 0);
    }
  };
}

function isIdle(receiver: Receiver): boolean {
  return (
    receiver._state === BETWEEN_FRAMES &&
    receiver._bufferedBytes === 0 &&
    receiver._fragmented === 0 &&
    receiver._loop === false &&
    receiver._errored === false &&
    receiver.writable &&
    receiver.writableLength === 0
  );
}

/** Texts on their way to a target. */
interface Delivery {
  readonly receiver: Receiver;
  readonly target: TextTarget;
  readonly texts: readonly string[];
  /** What comes after them: the rest of the read, and what the stream may bring in the middle of them. */
  readonly rest: Buffer[];
}

/** Those under way: none, or one, but for streams that bring something while something they brought is received. */
const deliveries: Delivery[] = [];

/** Returns whether more may be written now. */
function deliver(delivery: Delivery, first: number): boolean {
  const { receiver, target, texts, rest } = delivery;
  if (first === 0) deliveries.push(delivery);
  let next = first;
  try {
    while (next < texts.length) target.receiveText(texts[next++]!);
  } finally {
    // one that throws does not keep the others from being received
    if (next < texts.length) process.nextTick(deliver, delivery, next);
    else deliveries.splice(deliveries.indexOf(delivery), 1);
  }
  let isReady = true;
  for (const chunk of rest) isReady = receiver.write(chunk);
  return isReady;
}

/** Whether all that was unmasked last is ASCII. */
let isAscii = true;

/** Unmasks the texts at the beginning of `chunk` and returns how many bytes they take with their headers. */
function unmaskTexts(chunk: Buffer, lengthMax: number): number {
  let offset = 0;
  isAscii = true;
  while (offset + 2 + MASK_BYTES < chunk.length && chunk[offset] === WHOLE_TEXT) {
    let length = chunk[offset + 1]! - MASKED;
    let mask = offset + 2;
    if (length === LENGTH_16) {
      length = chunk.readUInt16BE(mask);
      mask += 2;
    } else if (length > LENGTH_16) break;
    const start = mask + MASK_BYTES;
    const end = start + length;
    if (length <= 0 || end > chunk.length || (lengthMax > 0 && length > lengthMax)) break;
    if (unmask(chunk, mask, start, end) >= 0x80) {
      if (!isUtf8(chunk.subarray(start, end))) {
        // masked again, as `ws` expects it
        unmask(chunk, mask, start, end);
        break;
      }
      isAscii = false;
    }
    offset = end;
  }
  return offset;
}

/** The texts in the unmasked frames of which the first `length` bytes consist. */
function textsOf(chunk: Buffer, length: number, isKept: boolean): string[] {
  const texts: string[] = [];
  // to make one string takes much longer than to find a part of it
  const shared = isAscii && !isKept ? chunk.toString("latin1", 0, length) : undefined;
  for (let offset = 0; offset < length; ) {
    let size = chunk[offset + 1]! - MASKED;
    let start = offset + 2 + MASK_BYTES;
    if (size === LENGTH_16) {
      size = chunk.readUInt16BE(offset + 2);
      start += 2;
    }
    offset = start + size;
    texts.push(shared ? shared.slice(start, offset) : chunk.toString("utf8", start, offset));
  }
  return texts;
}

/** Masks or unmasks a payload, and returns all bits of the result. */
function unmask(bytes: Buffer, mask: number, start: number, end: number): number {
  const first = bytes[mask]!;
  const second = bytes[mask + 1]!;
  const third = bytes[mask + 2]!;
  const fourth = bytes[mask + 3]!;
  let bits = 0;
  let i = start;
  for (; i + 3 < end; i += 4) {
    bits |= bytes[i]! ^= first;
    bits |= bytes[i + 1]! ^= second;
    bits |= bytes[i + 2]! ^= third;
    bits |= bytes[i + 3]! ^= fourth;
  }
  if (i < end) bits |= bytes[i]! ^= first;
  if (i + 1 < end) bits |= bytes[i + 1]! ^= second;
  if (i + 2 < end) bits |= bytes[i + 2]! ^= third;
  return bits;
}
