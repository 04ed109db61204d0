import type { PacketSink } from "./adapter/index.ts";
import type { Socket as Connection, Consumer } from "./engine/index.ts";
import { bytesOf, type OutgoingPacket } from "./outbox/index.ts";

/** Packets to a connection of an engine that is not ours, through its API. */
class ForeignOutbox implements PacketSink {
  readonly #conn: Connection;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  get writable(): boolean {
    return this.#conn.transport.writable;
  }

  push({ parts, compress }: OutgoingPacket): void {
    for (const part of parts) this.#conn.write(typeof part === "string" ? part : bytesOf(part), { compress });
  }

  share(packet: OutgoingPacket): void {
    this.push(packet);
  }

  skip(): void {}
}

/** `conn` as it is, or, if its engine is not ours (`engine.io` itself, passed to `bind`), fitted with what it lacks. */
export function asConnection(conn: Connection): Connection {
  if (conn.outbox) return conn;
  const fitted = conn as { outbox: PacketSink; consumer?: Consumer };
  fitted.outbox = new ForeignOutbox(conn);
  conn.on("data", (data: string | Buffer) => fitted.consumer?.onMessage(data));
  conn.on("close", (reason: string, description: unknown) => fitted.consumer?.onClose(reason, description));
  return conn;
}
