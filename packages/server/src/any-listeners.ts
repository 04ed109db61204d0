// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
export type AnyListener = (...args: any[]) => void;

/** Catch-all listeners in the order of their calls; undefined, and thus free, while there are none. */
export type AnyListeners = AnyListener[] | undefined;

/** The list without the first occurrence of `listener`, or without all of them. */
export function withoutListener(listeners: AnyListeners, listener: AnyListener | undefined): AnyListeners {
  if (!listeners || !listener) return undefined;
  const at = listeners.indexOf(listener);
  if (at >= 0) listeners.splice(at, 1);
  return listeners.length > 0 ? listeners : undefined;
}

/** Calls each with the event's name and arguments. Who is added or removed meanwhile does not matter. */
export function callListeners(listeners: AnyListeners, self: unknown, event: unknown[]): void {
  if (!listeners) return;
  for (const listener of listeners.slice()) listener.apply(self, event);
}
