export { Adapter } from "./adapter/index.ts";
export type { BroadcastOperator, RemoteSocket } from "./broadcast-operator.ts";
export { HoldfastError, type HoldfastErrorCode } from "./errors.ts";
export { Namespace } from "./namespace.ts";
export { Server, Server as default } from "./server.ts";
export type { ServerOptions } from "./server-options.ts";
export { Socket } from "./socket.ts";
export type { DisconnectReason, Event, ExtendedError } from "./socket-types.ts";
export type { DefaultEventsMap } from "./typed-events.ts";
