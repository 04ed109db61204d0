import type { DefaultEventsMap, EventsMap } from "./events.ts";
import { Manager } from "./manager.ts";
import type { ManagerOptions, SocketOptions } from "./options.ts";
import { Socket } from "./socket.ts";
import { absoluteUrl, bracket, parseUrl } from "./url.ts";

type Options = Partial<ManagerOptions & SocketOptions>;
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
  options: Options & { "force new connection"?: boolean } = {},
): Connected<Listen, Emit> {
  if (url && typeof url === "object") [url, options] = [undefined, url];
  const source = absoluteUrl(url as string | undefined);
  const { protocol, host, port, path } = parseUrl(source);
  const namespace = path || "/";
  const id = `${protocol}://${bracket(host)}:${port || (/s$/.test(protocol) ? 443 : 80)}${options.path || "/socket.io"}`;
  const known = shared[id];
  const alone =
    options.forceNew ||
    options["force new connection"] ||
    options.multiplex === false ||
    (known && namespace in known.nsps);
  const manager = (alone ? undefined : known) ?? new Manager(source, options);
  if (!alone) shared[id] = manager;
  return manager.socket(namespace, options) as unknown as Connected<Listen, Emit>;
}

/** `io(...)`, and a namespace of its own, as in `io.connect(...)`. */
export const io = Object.assign(lookup, { Manager, Socket, io: lookup, connect: lookup });
