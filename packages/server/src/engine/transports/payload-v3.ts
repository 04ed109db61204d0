import { type Frame, frameTypes } from "@holdfast/protocol";
import { bytesOf, type OutgoingPacket } from "../../outbox/index.ts";

// The polling payloads of Engine.IO v3 ("Encoding payload" of its protocol, revision 3).

const ERROR: Frame = { type: "error", data: "parser error" };

/** A payload as text (`<length>:<frame>…`) or, where the client can and there are bytes in it, as bytes. */
export function encodePayloadV3(
  packets: readonly OutgoingPacket[],
  supportsBinary: boolean,
): string | Buffer {
  const asBytes =
    supportsBinary && packets.some(({ parts }) => parts.some((part) => typeof part !== "string"));
  const records = packets.flatMap((packet) => {
    const digit = frameTypes.indexOf(packet.type);
    return packet.parts.map((part) => {
      if (!asBytes) {
        const text = typeof part === "string" ? digit + part : `b${digit}${bytesOf(part).toString("base64")}`;
        return `${text.length}:${text}`;
      }
      if (typeof part === "string") return byteRecord(0, Buffer.from(digit + part));
      return byteRecord(1, Buffer.concat([Buffer.of(digit), bytesOf(part)]));
    });
  });
  return asBytes ? Buffer.concat(records as Buffer[]) : records.join("");
}

/** A marker of text or bytes, the length as one byte per decimal digit, 255, and the frame. */
function byteRecord(marker: 0 | 1, frame: Buffer): Buffer {
  const digits = [...String(frame.length)].map(Number);
  return Buffer.concat([Buffer.of(marker, ...digits, 255), frame]);
}

/** The frames of a payload. What is malformed yields one `error` frame, at which decoding ends. */
export function decodePayloadV3(payload: string | Buffer): Frame[] {
  return typeof payload === "string" ? decodeText(payload) : decodeBytes(payload);
}

function decodeText(payload: string): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < payload.length; ) {
    const colon = payload.indexOf(":", at);
    const digits = payload.slice(at, colon);
    const end = colon + 1 + Number(digits);
    if (colon < 0 || !/^\d{1,10}$/.test(digits) || end > payload.length) return [...frames, ERROR];
    if (end > colon + 1) frames.push(decodeFrameV3(payload.slice(colon + 1, end)));
    if (frames.at(-1)?.type === "error") return frames;
    at = end;
  }
  return payload === "" ? [ERROR] : frames;
}

function decodeBytes(payload: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < payload.length; ) {
    const marker = payload[at]!;
    const separator = payload.indexOf(255, at);
    const digits = payload.subarray(at + 1, separator);
    if (
      marker > 1 ||
      separator < 0 ||
      digits.length === 0 ||
      digits.length > 10 ||
      digits.some((d) => d > 9)
    ) {
      return [...frames, ERROR];
    }
    const end = separator + 1 + Number(digits.join(""));
    if (end > payload.length) return [...frames, ERROR];
    const record = payload.subarray(separator + 1, end);
    if (marker === 0) frames.push(decodeFrameV3(record.toString()));
    else {
      const type = frameTypes[record[0] ?? -1];
      frames.push(type ? { type, data: record.subarray(1) } : ERROR);
    }
    if (frames.at(-1)!.type === "error") return frames;
    at = end;
  }
  return frames;
}

function decodeFrameV3(text: string): Frame {
  const isBase64 = text[0] === "b";
  const type = frameTypes[text.charCodeAt(isBase64 ? 1 : 0) - 48];
  if (!type) return ERROR;
  if (isBase64) return { type, data: Buffer.from(text.slice(2), "base64") };
  return text.length > 1 ? { type, data: text.slice(1) } : { type };
}
