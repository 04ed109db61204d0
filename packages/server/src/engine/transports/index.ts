import type { Duplex } from "node:stream";
import type { EngineRequest } from "../request.ts";
import type { Transport } from "../transport.ts";
import { Polling, type PollingOptions } from "./polling.ts";
import { JsonpPolling } from "./polling-jsonp.ts";
import { OwnWebSocket, WebSocket } from "./websocket.ts";

/** The transports by their names on the wire. */
const transports = { polling: Polling, websocket: WebSocket };
export default transports;

export { OwnWebSocket, Polling, WebSocket };

/** @param rawSocket the socket under a WebSocket, where it may be written directly */
export function createTransport(req: EngineRequest, options: PollingOptions, rawSocket?: Duplex): Transport {
  if (req.websocket) return new WebSocket(req, rawSocket);
  return typeof req._query.j === "string" ? new JsonpPolling(req, options) : new Polling(req, options);
}
