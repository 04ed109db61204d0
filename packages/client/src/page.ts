import type { CloseDetails, Transport } from "./transport.ts";

/** What is told of a page's events. */
interface Watcher {
  readonly hostname: string;
  readonly transport: Transport | undefined;
  _onWake(): void;
  _onClose(reason: string, details: CloseDetails): void;
}

const watching = new Set<Watcher>();

// A service worker takes listeners only while its script is first evaluated: one for all connections.
for (const type of ["offline", "online", "pageshow", "visibilitychange"]) {
  globalThis.addEventListener?.(type, () => {
    for (const connection of watching) {
      if (type !== "offline") connection._onWake();
      // the own machine can be reached without a network
      else if (connection.hostname !== "localhost") {
        connection._onClose("transport close", { description: "network connection lost" });
      }
    }
  });
}

/** Tells the connection what befalls its page, until the returned function is called. */
export function watchPage(connection: Watcher, closeOnBeforeunload = false): () => void {
  const onUnload = () => {
    // silently: the page must not see a disconnect while it is replaced
    connection.transport?.off().close();
  };
  watching.add(connection);
  if (closeOnBeforeunload) globalThis.addEventListener?.("beforeunload", onUnload);
  return () => {
    watching.delete(connection);
    globalThis.removeEventListener?.("beforeunload", onUnload);
  };
}
