import type { Receipt } from "@holdfast/core";
import type { Kept } from "../kept/index.ts";
import { type Gate, OutgoingPacket } from "../outbox/index.ts";
import type { SessionSocket } from "./session-socket.ts";

/** Lets what a client is sent from now on stand on what is on its way to disk. */
export class Barriers {
  readonly #gates: Kept["gates"];
  /** What follows on a connection waits for it: the same for everybody, once per flush. */
  #packet: OutgoingPacket | undefined;
  /** The newest gate that each socket has been put behind. */
  readonly #behind = new WeakMap<object, Gate>();

  constructor(gates: Kept["gates"]) {
    this.#gates = gates;
  }

  /** What the client is sent from now on waits until the flush has ended, well or not: if not, `onFailure` hears of it. */
  put(socket: SessionSocket, receipt: Receipt, onFailure: (error: Error) => void): void {
    if (receipt.state === "failed") {
      onFailure(receipt.error!);
      return;
    }
    this.wait(socket, receipt);
    this.#gates.watch(receipt, onFailure);
  }

  /** As {@link put}, whoever hears of a failure. */
  wait(socket: SessionSocket, receipt: Receipt): void {
    if (receipt.state === "failed") return;
    const gate = this.#gates.gateOf(receipt);
    if (this.#behind.get(socket) === gate) return;
    this.#behind.set(socket, gate);
    if (this.#packet?.gate !== gate) this.#packet = new OutgoingPacket([], { gate });
    socket.outbox.share(this.#packet);
  }
}
