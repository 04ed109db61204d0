import type { TransportCtor } from "./options.ts";
import { Polling } from "./polling.ts";
import type { BinaryType } from "./transport.ts";
import { WS } from "./websocket.ts";

// What differs between browsers (this file) and Node (platform.ts); package.json's "browser" map swaps them.

// one transport under the names that socket.io-client has for polling
export { Polling as Fetch, Polling as NodeXHR, Polling as XHR } from "./polling.ts";
export { WS as NodeWebSocket } from "./websocket.ts";

/** By name. */
export const defaultTransports: Record<string, TransportCtor> = { polling: Polling, websocket: WS };

export const defaultBinaryType: BinaryType = "arraybuffer";
