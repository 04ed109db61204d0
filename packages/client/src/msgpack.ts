import * as msgpack from "socket.io-msgpack-parser";
import script from "./global.ts";
import { io, type Options } from "./io.ts";
import { Manager as AnyManager } from "./manager.ts";
import type { ManagerOptions } from "./options.ts";

const parser = { Encoder: msgpack.Encoder, Decoder: msgpack.Decoder };

/** As Manager, speaking MessagePack. */
class Manager extends AnyManager {
  constructor(url?: string | Partial<ManagerOptions>, options?: Partial<ManagerOptions>) {
    if (url && typeof url === "object") super({ parser, ...url });
    else super(url as string | undefined, { parser, ...options });
  }
}

const connect = (url?: string | Options, options?: Options) =>
  url && typeof url === "object" ? io({ parser, ...url }) : io(url, { parser, ...options });

/** The script tag's global `io`, speaking MessagePack: the server needs the same parser. */
export default Object.assign(connect, script, { Manager, io: connect, connect });
