// Buffer is used where it exists (Node) because it is many times faster; it is reached through
// globalThis so that bundlers do not pull a polyfill into the browser build.
const { Buffer: NodeBuffer } = globalThis as { Buffer?: typeof Buffer };

/** Standard base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  if (NodeBuffer) return NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The inverse of {@link encodeBase64}. Throws on malformed input in browsers; Node skips what it can't read. */
export function decodeBase64(text: string): Uint8Array {
  return NodeBuffer ? NodeBuffer.from(text, "base64") : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
