/** The bytes of an unmasked WebSocket frame around a payload of this length (RFC 6455 §5.2). */
export function frameSize(payloadLength: number): number {
  if (payloadLength < 126) return payloadLength + 2;
  return payloadLength < 65536 ? payloadLength + 4 : payloadLength + 10;
}

/** Writes the header of a final, unmasked frame and returns the offset at which its payload starts. */
export function writeFrameHeader(
  target: Buffer,
  offset: number,
  opcode: 1 | 2,
  payloadLength: number,
): number {
  target[offset] = 0x80 | opcode;
  if (payloadLength < 126) {
    target[offset + 1] = payloadLength;
    return offset + 2;
  }
  if (payloadLength < 65536) {
    target[offset + 1] = 126;
    target.writeUInt16BE(payloadLength, offset + 2);
    return offset + 4;
  }
  target[offset + 1] = 127;
  target.writeUInt32BE(Math.floor(payloadLength / 2 ** 32), offset + 2);
  target.writeUInt32BE(payloadLength >>> 0, offset + 6);
  return offset + 10;
}
