import type { DefaultEventsMap, EventsMap } from "./events.ts";
import { Manager } from "./manager.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { Socket } from "./socket.ts";
import { parseUrl } from "./url.ts";

export type Options = Partial<ManagerOptions & SocketOptions>;
type Connected<Listen extends EventsMap, Emit extends EventsMap> = Socket<
  Listen,
  Emit,
  Manager<Listen, Emit>
>;

/** The managers that may be shared, by protocol, host, port and path. */
const shared: Record<string, Manager> = {};

/**
 * Connects to a namespace: the path of `url`, "/" without one. Relative to the page where there is one. Sockets of
 * different namespaces of one server share a connection; asking twice for the same namespace makes another.
 */
function lookup<Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
  options?: Options,
): Connected<Listen, Emit>;
function lookup<Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
  url: string | Options | undefined,
  options?: Options,
): Connected<Listen, Emit>;
function lookup<Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
  url?: string | Options,
  options: Options = {},
): Connected<Listen, Emit> {
  if (url && typeof url === "object") [url, options] = [undefined, url];
  const { protocol, host, path } = parseUrl(url as string | undefined);
  const id = protocol + host + (options.path || "/socket.io");
  const isShared = !options.forceNew && options.multiplex !== false && !shared[id]?.nsps[path];
  const manager = (isShared && shared[id]) || new Manager(url, options);
  if (isShared) shared[id] = manager;
  return manager.socket(path, options) as unknown as Connected<Listen, Emit>;
}

/** `io(...)`, and a namespace of its own, as in `io.connect(...)`. */
export const io = Object.assign(lookup, { Manager, Socket, connect: lookup });
