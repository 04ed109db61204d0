/** Who is told of the page's events. */
export const watchers = new Set<(type: string) => void>();

const onEvent = ({ type }: { type: string }) => {
  for (const watcher of watchers) watcher(type);
};

/** Passes an event on to all watchers, once however often it is asked for. */
export const watch = (type: string): void => globalThis.addEventListener?.(type, onEvent);

// A page that comes out of the back-forward cache becomes visible, as any other that comes back. A service worker takes listeners only while its script is first evaluated, so they are there before any connection.
for (const type of ["offline", "online", "visibilitychange"]) watch(type);
