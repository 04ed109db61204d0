import { Decoder, Encoder, type Packet } from "@holdfast/protocol";
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

/** What is used without that option; the MessagePack bundle puts its own in the place. */
export const defaultParser: Parser = { Encoder, Decoder };
