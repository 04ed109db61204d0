import type { IncomingMessage, ServerResponse } from "node:http";
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
    // fromEntries defines properties: a parameter named __proto__ is only a parameter
    request._query = Object.fromEntries(mark < 0 ? [] : new URLSearchParams(url.slice(mark + 1)));
  }
  return request;
}

/** The Engine.IO revision a request asks for; without a known one, 3. */
export const protocolOf = (req: EngineRequest): 3 | 4 => (req._query.EIO === "4" ? 4 : 3);
