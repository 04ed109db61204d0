import { Fetch, io, NodeWebSocket, NodeXHR, protocol, WebSocket, XHR } from "./api.ts";

/** What a script tag defines as the global `io`: callable, with everything else on it. */
export default Object.assign(io, { protocol, Fetch, NodeXHR, XHR, NodeWebSocket, WebSocket });
