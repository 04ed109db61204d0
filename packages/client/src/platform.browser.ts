import type { TransportCtor } from "./options.ts";
import { XHR } from "./polling.ts";
import type { BinaryType } from "./transport.ts";
import { WS } from "./websocket.ts";

// What differs between browsers (this file) and Node (platform.ts); package.json's "browser" map swaps them.

export { Fetch, XHR as NodeXHR } from "./polling.ts";
export { WS as NodeWebSocket } from "./websocket.ts";

/** By name. */
export const defaultTransports: Record<string, TransportCtor> = { polling: XHR, websocket: WS };

export const defaultBinaryType: BinaryType = "arraybuffer";
