import type { IncomingMessage, ServerResponse } from "node:http";
import { parse } from "node:querystring";
import type { WebSocket } from "ws";

/** A request under our path. The underscored and attached fields are those that Engine.IO's users know. */
export interface EngineRequest extends IncomingMessage {
  /** The query, parsed; the last of repeated names wins. */
  _query: Record<string, string>;
  res?: ServerResponse | null;
  websocket?: WebSocket;
}

/** Parses the query unless somebody did (connect, for example). */
export function withQuery(req: IncomingMessage): EngineRequest {
  const request = req as EngineRequest;
  if (!request._query) {
    const { url = "" } = req;
    const mark = url.indexOf("?");
    request._query = mark < 0 ? {} : parseQuery(url.slice(mark + 1));
  }
  return request;
}

/** The Engine.IO revision a request asks for; without a known one, 3. */
export const protocolOf = (req: EngineRequest): 3 | 4 => (req._query.EIO === "4" ? 4 : 3);

function parseQuery(text: string): Record<string, string> {
  // spreading defines properties: a parameter named __proto__ is only a parameter
  const query = { ...parse(text) };
  for (const name in query) {
    const value = query[name];
    if (typeof value !== "string") query[name] = value?.at(-1);
  }
  return query as Record<string, string>;
}
