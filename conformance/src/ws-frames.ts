/** WebSocket opcodes (RFC 6455 §5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface WsFrame {
  fin: boolean;
  rsv1: boolean;
  opcode: number;
  payload: Buffer;
}

export interface FrameFields {
  opcode: number;
  payload: Buffer;
  fin?: boolean;
  rsv1?: boolean;
  /** Clients mask every frame; a server must refuse one that is not. */
  masked?: boolean;
  /** Lies about the payload's length when given. */
  declaredLength?: number;
}

/** The bytes of one WebSocket frame, well-formed unless the fields say otherwise. */
export function encodeWsFrame(fields: FrameFields): Buffer {
  const { opcode, payload, fin = true, rsv1 = false, masked = true } = fields;
  const length = fields.declaredLength ?? payload.length;
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let header: Buffer;
  if (length < 126) {
    header = Buffer.from([first, maskBit | length]);
  } else if (length < 65_536) {
    header = Buffer.alloc(4);
    header[0] = first;
    header[1] = maskBit | 126;
    header.writeUInt16BE(length, 2);
  } else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = maskBit | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([header, payload]);
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  const hidden = Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] as number)));
  return Buffer.concat([header, mask, hidden]);
}

/** A masked text frame. */
export function textFrame(text: string): Buffer {
  return encodeWsFrame({ opcode: opcodes.text, payload: Buffer.from(text) });
}

/** One unmasked frame at the start of `bytes`, with what follows it; undefined while incomplete. */
export function decodeWsFrame(bytes: Buffer): { frame: WsFrame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const first = bytes[0] as number;
  let length = (bytes[1] as number) & 0x7f;
  let start = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  if (bytes.length < start + length) return undefined;
  return {
    frame: {
      fin: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      opcode: first & 0x0f,
      payload: bytes.subarray(start, start + length),
    },
    rest: bytes.subarray(start + length),
  };
}
