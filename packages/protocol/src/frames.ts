import { decodeBase64, encodeBase64 } from "./base64.ts";

/** The frame types of Engine.IO v4, in the order of their digits ("0" is open). */
export const frameTypes = ["open", "close", "ping", "pong", "message", "upgrade", "noop"] as const;

export type FrameType = (typeof frameTypes)[number];

/** Text, or bytes. Only a message carries bytes. */
export type FrameData = string | ArrayBuffer | ArrayBufferView;

/** `error` stands for anything that could not be decoded. */
export interface Frame {
  type: FrameType | "error";
  data?: FrameData | undefined;
}

/** Separates the frames of one polling payload (Engine.IO v4, "HTTP long-polling": ASCII record separator). */
export const SEPARATOR = "\x1e";

const ERROR: Frame = { type: "error", data: "parser error" };

/** One frame as a WebSocket message: text with the type's digit, or a message's bytes as they are. */
export function encodeFrame(type: FrameType, data: FrameData = ""): FrameData {
  return typeof data === "string" ? frameTypes.indexOf(type) + data : data;
}

/** One frame as text, for polling: bytes become "b" and base64. */
export function encodeFrameText(type: FrameType, data?: FrameData): string {
  const encoded = encodeFrame(type, data);
  return typeof encoded === "string" ? encoded : `b${encodeBase64(encoded)}`;
}

/** The frame in a WebSocket message or in one record of a polling payload. */
export function decodeFrame(encoded: FrameData): Frame {
  if (typeof encoded !== "string") return { type: "message", data: encoded };
  if (encoded[0] === "b") return { type: "message", data: decodeBase64(encoded.slice(1)) };
  const type = frameTypes[encoded.charCodeAt(0) - 48];
  if (!type) return ERROR;
  return { type, data: encoded.slice(1) || undefined };
}

/** The frames of a polling payload; decoding ends at the first that is malformed, which is returned as `error`. */
export function decodePayload(payload: string): Frame[] {
  const frames: Frame[] = [];
  for (const encoded of payload.split(SEPARATOR)) {
    const frame = decodeFrame(encoded);
    frames.push(frame);
    if (frame.type === "error") break;
  }
  return frames;
}
