import type { IncomingMessage, ServerResponse } from "node:http";
import { createDeflate, createGzip, type ZlibOptions } from "node:zlib";
import accepts from "accepts";

export type HttpCompression = boolean | (ZlibOptions & { threshold?: number });

const THRESHOLD_BYTES = 1024;

/**
 * Answers with a compressed body if the options, its size and the client allow; otherwise returns false and does
 * nothing.
 *
 * @param done called once, when the response has been written or cut off
 */
export function compress(
  req: IncomingMessage,
  res: ServerResponse,
  body: string | Buffer,
  headers: Record<string, unknown>,
  options: HttpCompression,
  done: () => void,
): boolean {
  if (!options) return false;
  const { threshold = THRESHOLD_BYTES, ...zlibOptions } = options === true ? {} : options;
  if (Buffer.byteLength(body) < threshold) return false;
  const encoding = accepts(req).encodings(["gzip", "deflate"]);
  if (!encoding || encoding === "identity") return false;
  headers["Content-Encoding"] = encoding;
  res.writeHead(200, headers as never);
  const stream = encoding === "gzip" ? createGzip(zlibOptions) : createDeflate(zlibOptions);
  stream.on("error", () => res.end());
  res.once("finish", done).once("close", done);
  stream.pipe(res);
  stream.end(body);
  return true;
}
