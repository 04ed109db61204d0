import type { RawData, TransportOptions } from "../transport.ts";

/** Bytes in the form that the application asked for, which in Node may change at any time. */
export function bytesFor({ socket: { binaryType } }: TransportOptions, data: RawData): RawData {
  if (binaryType === "blob") return new Blob([data]);
  // a Buffer is often a part of something larger
  return binaryType === "arraybuffer" ? new Uint8Array(data).buffer : data;
}
