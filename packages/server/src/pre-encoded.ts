import { OutgoingPacket, type Part } from "./outbox/index.ts";

/**
 * Adapters hand one encoded packet to many sockets, one call each. The last one is remembered until the tick ends, so
 * that all of them share it.
 */
export class PreEncoded {
  #encoded: readonly Part[] | undefined;
  #packet: OutgoingPacket | undefined;

  packet(encoded: readonly Part[], compress: boolean): OutgoingPacket {
    if (this.#encoded === encoded && this.#packet?.compress === compress) return this.#packet;
    if (!this.#encoded) setImmediate(forget, this);
    this.#encoded = encoded;
    this.#packet = new OutgoingPacket(encoded, { compress });
    return this.#packet;
  }

  forget(): void {
    this.#encoded = undefined;
    this.#packet = undefined;
  }
}

function forget(preEncoded: PreEncoded): void {
  preEncoded.forget();
}
