import * as msgpack from "socket.io-msgpack-parser";
import { defaults } from "./parser.ts";

defaults.parser = msgpack;

/** The script tag's global `io`, speaking MessagePack: the server needs the same parser. */
export { default } from "./global.ts";
