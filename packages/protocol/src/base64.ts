type Bytes = ArrayBuffer | ArrayBufferView<ArrayBufferLike>;

/** Standard base64 with padding (RFC 4648 §4). Browsers have base64.browser.ts. */
export const encodeBase64 = (data: Bytes): string =>
  (ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data)
  ).toString("base64");

/** The inverse of {@link encodeBase64}. Skips what it can't read. */
export const decodeBase64 = (text: string): Uint8Array<ArrayBuffer> => Buffer.from(text, "base64");
