export { decodeBase64, encodeBase64 } from "./base64.ts";
export { type Binary, hasBinary, insertBinary, isBinary } from "./binary.ts";
export { nestsDeeper } from "./depth.ts";
export {
  decodeFrame,
  decodePayload,
  encodeFrame,
  encodeFrameText,
  type Frame,
  type FrameData,
  type FrameType,
  frameTypes,
  SEPARATOR,
} from "./frames.ts";
export { type EncodedPacket, isReservedEvent, type Packet, PacketType, protocol } from "./packet.ts";
export { Decoder, type DecoderOptions, Encoder } from "./packets.ts";
export { stringifyBinary } from "./stringify-binary.ts";
