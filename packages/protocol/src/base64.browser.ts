type Bytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** What base64.ts does, where there is no Buffer: package.json's "browser" map puts this in its place. */
export function encodeBase64(data: Bytes): string {
  const view = data as Partial<ArrayBufferView<ArrayBuffer>>;
  let text = "";
  for (const byte of new Uint8Array(view.buffer ?? (data as ArrayBuffer), view.byteOffset, view.byteLength)) {
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

/** Throws on malformed input. */
export const decodeBase64 = (text: string): ArrayBuffer =>
  Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
