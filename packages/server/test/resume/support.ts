import type { ServerOptions, Socket } from "holdfast";
import type { Served } from "../negotiation/wire.ts";
import type { Reader } from "./client.ts";

export const options: Partial<ServerOptions> = { store: "memory", rooms: { "kept:*": { keep: true } } };
export const recovering: Partial<ServerOptions> = { ...options, connectionStateRecovery: {} };

/** The server's side of the newest socket. */
export const socketOf = ({ sockets }: Served): Socket => sockets.at(-1)!;

/** It is lost. */
export async function left(client: Reader): Promise<void> {
  client.wire.socket.terminate();
  await client.wire.closed;
}
