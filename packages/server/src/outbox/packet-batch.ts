import { OutgoingPacket, type Part } from "./outgoing-packet.ts";

/** Up to this size all is built into one buffer. */
const JOIN_BYTES_MAX = 512 * 1024;

/** Several packets as one, for many connections that are sent the same stretch of a log: built once. */
export class PacketBatch extends OutgoingPacket {
  /** How many packets it stands for. */
  readonly count: number;
  #joined: readonly Buffer[] | undefined;

  constructor(packets: readonly (readonly Part[])[]) {
    super(packets.flat());
    this.count = packets.length;
  }

  override webSocketFrames(): readonly Buffer[] {
    if (this.size > JOIN_BYTES_MAX) return super.webSocketFrames();
    if (!this.#joined) {
      const buffer = Buffer.allocUnsafeSlow(this.webSocketSize());
      this.writeTo(buffer, 0);
      this.#joined = [buffer];
    }
    return this.#joined;
  }
}
