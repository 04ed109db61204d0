// biome-ignore-all lint/suspicious/noExplicitAny: the auth payload is the application's
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ParsedUrlQuery } from "node:querystring";

/** How a client introduced itself. */
export interface Handshake {
  /** Those of the request that opened the connection. */
  headers: IncomingHttpHeaders;
  /** When the socket was made, as text. */
  time: string;
  /** The client's IP address. */
  address: string;
  /** Whether the request came from a page of another origin. */
  xdomain: boolean;
  /** Whether the request came over TLS. */
  secure: boolean;
  /** When the socket was made, in ms since 1970. */
  issued: number;
  /** The request's URL. */
  url: string;
  /** The request's query. */
  query: ParsedUrlQuery;
  /** What the client sent with CONNECT. */
  auth: { [key: string]: any };
}

interface HandshakeRequest extends IncomingMessage {
  _query?: ParsedUrlQuery;
}

/** @param issued ms since 1970 */
export function buildHandshake(
  request: IncomingMessage | undefined,
  address: string,
  auth: Handshake["auth"],
  issued: number,
): Handshake {
  const { headers = {}, url, _query = {}, socket } = (request ?? {}) as Partial<HandshakeRequest>;
  return {
    headers,
    time: `${new Date(issued)}`,
    address,
    xdomain: !!headers.origin,
    secure: !request || !!(socket as { encrypted?: boolean } | undefined)?.encrypted,
    issued,
    url: url as string,
    query: _query,
    auth,
  };
}
