import type { PacketSink } from "./adapter/index.ts";
import type { Socket as Connection, Consumer } from "./engine/index.ts";
import { HoldfastError } from "./errors.ts";
import { bytesOf, type OutgoingPacket } from "./outbox/index.ts";

/** What may wait behind a disk that hangs; what waits for the reader is that engine's own matter. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;

/** Packets to a connection of an engine that is not ours, through its API. */
class ForeignOutbox implements PacketSink {
  readonly #conn: Connection;
  #queue: OutgoingPacket[] = [];
  /** Without what has a gate of its own: its store bounds that. */
  #queuedBytes = 0;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  get writable(): boolean {
    return this.#conn.transport.writable;
  }

  push(packet: OutgoingPacket): void {
    this.#queue.push(packet);
    if (!packet.gate) this.#queuedBytes += packet.size;
    if (this.#queue.length === 1) this.onGate();
    else if (this.#queuedBytes > QUEUE_BYTES_MAX) {
      this.#queue = [];
      this.#queuedBytes = 0;
      // not in the middle of a broadcast
      process.nextTick(() => this.#conn.close(true));
    }
  }

  /** Writes up to the first closed gate. */
  onGate(): void {
    for (let packet = this.#queue[0]; packet; packet = this.#queue[0]) {
      const { parts, compress, gate } = packet;
      if (gate && !gate.isPassable) {
        gate.wait(this);
        return;
      }
      this.#queue.shift();
      if (!gate) this.#queuedBytes -= packet.size;
      if (gate?.hasFailed) continue;
      for (const part of parts)
        this.#conn.write(typeof part === "string" ? part : bytesOf(part), { compress });
    }
  }

  hold(): never {
    throw new HoldfastError("UNSUPPORTED", "a replay needs the engine of holdfast");
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
