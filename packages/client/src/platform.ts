import { NodeWS } from "./node/websocket.ts";
import { NodeXHR } from "./node/xhr.ts";
import type { TransportCtor } from "./options.ts";
import type { BinaryType } from "./transport.ts";

// What differs between Node (this file) and browsers (platform.browser.ts); package.json's "browser" map swaps them.

export { NodeFetch as Fetch } from "./node/fetch.ts";
export { NodeWS as NodeWebSocket } from "./node/websocket.ts";
export { NodeXHR } from "./node/xhr.ts";
export { Polling as XHR } from "./polling.ts";

/** By name. */
export const defaultTransports: Record<string, TransportCtor> = { polling: NodeXHR, websocket: NodeWS };

export const defaultBinaryType: BinaryType = "nodebuffer";
