import * as msgpack from "socket.io-msgpack-parser";
import { defaultParser } from "./parser.ts";

Object.assign(defaultParser, { Encoder: msgpack.Encoder, Decoder: msgpack.Decoder });

/** The script tag's global `io`, speaking MessagePack: the server needs the same parser. */
export { default } from "./global.ts";
