import { isReservedEvent } from "@holdfast/protocol";

/** What a server's namespaces emit by themselves. */
const NAMESPACE_EVENTS: ReadonlySet<unknown> = new Set(["connect", "connection", "new_namespace"]);

const refuse = (name: unknown): never => {
  throw new Error(`"${String(name)}" is a reserved event name`);
};

/** Throws if `name` may not be sent to clients. */
export function checkSocketEvent(name: unknown): void {
  if (isReservedEvent(name)) refuse(name);
}

/** Throws if `name` may not be sent to other servers. */
export function checkServerEvent(name: unknown): void {
  if (NAMESPACE_EVENTS.has(name)) refuse(name);
}
