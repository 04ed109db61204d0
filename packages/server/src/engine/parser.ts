import {
  decodeFrame,
  encodeFrame,
  encodeFrameText,
  type Frame,
  type FrameData,
  type FrameType,
  decodePayload as protocolDecodePayload,
  SEPARATOR,
} from "@holdfast/protocol";

// The codec in the shape of engine.io-parser, for those who import it from the engine.

export const protocol = 4;

type Callback = (encoded: FrameData) => void;

export function encodePacket({ type, data }: Frame, supportsBinary: boolean, callback: Callback): void {
  callback((supportsBinary ? encodeFrame : encodeFrameText)(type as FrameType, data ?? ""));
}

export function encodePayload(frames: Frame[], callback: (payload: string) => void): void {
  callback(frames.map(({ type, data }) => encodeFrameText(type as FrameType, data ?? "")).join(SEPARATOR));
}

export function decodePacket(encoded: FrameData, binaryType?: "arraybuffer" | "nodebuffer"): Frame {
  return toBinaryType(decodeFrame(encoded), binaryType);
}

export function decodePayload(payload: string, binaryType?: "arraybuffer" | "nodebuffer"): Frame[] {
  return protocolDecodePayload(payload).map((frame) => toBinaryType(frame, binaryType));
}

function toBinaryType(frame: Frame, binaryType?: "arraybuffer" | "nodebuffer"): Frame {
  const { data } = frame;
  if (typeof data === "string" || data === undefined) return frame;
  const buffer = ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
  if (binaryType !== "arraybuffer") return { ...frame, data: buffer };
  return {
    ...frame,
    data: buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length) as ArrayBuffer,
  };
}
