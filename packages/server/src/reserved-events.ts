/** What a server's namespaces emit by themselves. */
const NAMESPACE_EVENTS: ReadonlySet<unknown> = new Set(["connect", "connection", "new_namespace"]);

/** What sockets, here or at the client, emit by themselves. */
const SOCKET_EVENTS: ReadonlySet<unknown> = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

const refuse = (name: unknown): never => {
  throw new Error(`"${String(name)}" is a reserved event name`);
};

/** Throws if `name` may not be sent to clients. */
export function checkSocketEvent(name: unknown): void {
  if (SOCKET_EVENTS.has(name)) refuse(name);
}

/** Throws if `name` may not be sent to other servers. */
export function checkServerEvent(name: unknown): void {
  if (NAMESPACE_EVENTS.has(name)) refuse(name);
}
