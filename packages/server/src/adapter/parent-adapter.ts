// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import { Adapter } from "./adapter.ts";
import type { BroadcastOptions } from "./contract.ts";

/** The adapter of a dynamic parent: what is broadcast goes to each of its children. */
export class ParentBroadcastAdapter extends Adapter {
  override broadcast(packet: any, opts: BroadcastOptions): void {
    for (const child of this.nsp.children) {
      // each child gets its own: an adapter may write into a packet
      child.adapter.broadcast({ ...packet, data: [...packet.data] }, opts);
    }
  }
}
