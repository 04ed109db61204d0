import { isBinary, isReservedEvent } from "@holdfast/protocol";
import { ReliableError } from "./error.ts";

// As the server bounds them by default, with what surrounds the arguments: it would close the connection again and again.
const DEPTH_MAX = 990;
const BINARIES_MAX = 10;
const ARGUMENTS_MAX = 9_990;

/**
 * An event, with a copy of its arguments as they will travel: JSON's data with bytes in it, so that storage gives back what was
 * put there, and later changes of the original don't matter. `bytes` is about what it takes. Throws `DATA_INVALID`
 * for what would not arrive.
 */
export function plain(
  event: unknown,
  args: readonly unknown[],
): { event: string; args: unknown[]; bytes: number } {
  if (typeof event !== "string" || isReservedEvent(event) || event.startsWith("holdfast:")) {
    throw invalid(`${JSON.stringify(event)} is a reserved event name, or none`);
  }
  if (args.length > ARGUMENTS_MAX) throw invalid(`More than ${ARGUMENTS_MAX} arguments can't be sent`);
  let bytes = 0;
  let binaries = 0;
  const copy = (value: unknown, depth: number): unknown => {
    const type = typeof value;
    if (/^(function|symbol|bigint)$/.test(type)) throw invalid(`A ${type} can't be sent`);
    if (depth > DEPTH_MAX) throw invalid("Data that is nested too deeply, or in a circle, can't be sent");
    bytes += type === "string" ? (value as string).length + 2 : 8;
    if (!value || type !== "object") return value;
    if (isBinary(value)) return copyBinary(value);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return copy(toJSON.call(value), depth + 1);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(
      entries.map(([key, item]) => {
        bytes += key.length + 2;
        return [key, copy(item, depth + 1)];
      }),
    );
  };
  const copyBinary = (value: ArrayBuffer | ArrayBufferView | Blob): unknown => {
    if (++binaries > BINARIES_MAX) throw invalid(`More than ${BINARIES_MAX} binaries can't be sent`);
    if (value instanceof Blob) {
      // only browsers can store it
      if (!globalThis.indexedDB) throw invalid("A Blob can't be sent: read its bytes");
      bytes += value.size;
      return value;
    }
    bytes += value.byteLength;
    return ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
      : value.slice(0);
  };
  return { event, args: args.map((arg) => copy(arg, 0)), bytes };
}

function invalid(message: string): ReliableError {
  return new ReliableError("DATA_INVALID", message);
}
