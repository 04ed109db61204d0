import type { EngineRequest } from "./request.ts";

/** Headers that are the same for many clients. Not among them: what is a secret, or new with each request. */
const COMMON: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "connection",
  "host",
  "origin",
  "pragma",
  "sec-websocket-extensions",
  "sec-websocket-version",
  "upgrade",
  "user-agent",
]);
/** A flood of strange ones costs the known ones their place, and no more than so many are kept. */
const TEXTS_MAX = 1000;
/** Longer texts are not kept for others (in units of UTF-16). */
const TEXT_LENGTH_MAX = 256;

const values = new Map<string, string>();
const names = new Map<string, { readonly text: string; readonly isCommon: boolean }>();

/**
 * Node makes new strings for each request, and a connection keeps its request for as long as it lives: here equal
 * strings become one. Nobody can tell, but for the memory, and the time that it takes to collect what is no more.
 */
export function shareHeaders(req: EngineRequest): void {
  const { rawHeaders } = req;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = nameOf(rawHeaders[i]!);
    rawHeaders[i] = name.text;
    if (name.isCommon) rawHeaders[i + 1] = shared(rawHeaders[i + 1]!);
  }
  if (req.httpVersion === "1.1") req.httpVersion = "1.1";
  // a query of the application may be a secret
  if (Object.keys(req._query).length === 2 && req._query.EIO && req._query.transport)
    req.url = shared(req.url!);
}

function nameOf(text: string): { readonly text: string; readonly isCommon: boolean } {
  const known = names.get(text);
  if (known) return known;
  const name = { text, isCommon: COMMON.has(text.toLowerCase()) };
  keep(names, text, name);
  return name;
}

function shared(text: string): string {
  const known = values.get(text);
  if (known !== undefined) return known;
  keep(values, text, text);
  return text;
}

function keep<Value>(cache: Map<string, Value>, text: string, value: Value): void {
  if (text.length > TEXT_LENGTH_MAX) return;
  if (cache.size >= TEXTS_MAX) cache.clear();
  cache.set(text, value);
}
