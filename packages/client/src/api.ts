import type { DefaultEventsMap, EventsMap } from "./events.ts";
import { Manager } from "./manager.ts";
import { Socket as AnySocket, type DisconnectReason } from "./socket.ts";

export { protocol } from "@holdfast/protocol";
export { io, io as connect } from "./io.ts";
export type { ManagerOptions, SocketOptions } from "./options.ts";
export { Fetch, NodeWebSocket, NodeXHR, XHR } from "./platform.ts";
export type { DisconnectDescription } from "./socket.ts";
export { WS as WebSocket } from "./websocket.ts";
export { Manager };

// Renamed by a declaration, not by the import: that would make the alias below refer to itself once bundled.
type Reason = DisconnectReason;

/** A socket: a value to construct or compare with, and a type of the events it hears and emits. */
export const Socket = AnySocket;
export type Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> = AnySocket<ListenEvents, EmitEvents, Manager<ListenEvents, EmitEvents>>;
export declare namespace Socket {
  type DisconnectReason = Reason;
}
