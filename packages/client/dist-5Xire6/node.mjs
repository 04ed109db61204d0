import main from "./index.cjs";
export default main;
export const { Manager, Socket, io, connect, Fetch, NodeWebSocket, NodeXHR, WebSocket, XHR, protocol } = main;
