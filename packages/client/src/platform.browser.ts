import { Fetch } from "./fetch.ts";
import type { TransportCtor } from "./options.ts";
import type { BinaryType, CookieJar } from "./transport.ts";
import { WS } from "./websocket.ts";
import { XHR } from "./xhr.ts";

// What differs between browsers (this file) and Node (platform.ts); package.json's "browser" map swaps them.

export { WS as NodeWebSocket } from "./websocket.ts";
export { XHR as NodeXHR } from "./xhr.ts";

/** By name; service workers have no XMLHttpRequest. */
export const defaultTransports: Record<string, TransportCtor> = {
  polling: globalThis.XMLHttpRequest ? XHR : Fetch,
  websocket: WS,
};

export const defaultBinaryType: BinaryType = "arraybuffer";

/** Browsers keep cookies themselves. */
export const createCookieJar = (): CookieJar | undefined => undefined;
