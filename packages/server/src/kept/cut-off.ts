import type { Lost, OutgoingPacket } from "../outbox/index.ts";
import type { Framing } from "./framing.ts";
import type { Joiner } from "./joiner.ts";

/**
 * What a client must not get if its replay, or what was shed, ends before its time: stored events of this session, and what says where it
 * stands. It would take them for the next ones of the replay, and come back behind a hole.
 */
export class CutOff implements Lost {
  isOver = false;
  readonly #namespace: string;
  readonly #framing: Framing | undefined;

  /** @param framing if its client is told where it stands */
  constructor(namespace: string, framing: Framing | undefined) {
    this.#namespace = namespace;
    this.#framing = framing;
  }

  includes(packet: OutgoingPacket): boolean {
    if (packet.stored) return packet.stored.namespace === this.#namespace;
    return packet.follows === this.#namespace && this.#framing?.isPosition(packet) === true;
  }

  /** Of what is issued for this connection from now on, nothing is meant. */
  end(socket: Joiner): void {
    if (socket.conn.readyState !== "open") return;
    socket.client.outbox.hold((hold) => {
      this.isOver = true;
      hold.release();
    }, false);
  }
}
