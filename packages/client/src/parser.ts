import type { Packet } from "@holdfast/protocol";
import type { Loose } from "./events.ts";

/** What turns packets into text and bytes, and back: the option `parser`. */
export interface Parser {
  Encoder: new () => { encode(packet: Packet): Loose };
  Decoder: new () => {
    on(event: "decoded", listener: (packet: Packet) => void): unknown;
    add(chunk: Loose): void;
    destroy(): void;
  };
}
