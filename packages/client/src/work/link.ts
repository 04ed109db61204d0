import { QueueError, type QueueSocket } from "./types.ts";

/** What one socket's workers and watches share: requests, and the comings and goings of the connection. */
export interface Link {
  readonly socket: QueueSocket;
  /** The secret by which the server knows this client's workers again. */
  worker: string | undefined;
  /** Queues that are worked on. */
  readonly queues: Set<string>;
  /** How many watch each job here, by queue and id. */
  readonly watches: Map<string, number>;
  /**
   * Rejects with the server's error, with `DISCONNECTED` when the connection is lost before the answer, or with
   * `JOB_TOO_LARGE` if it cannot be written at all.
   */
  ask<Answer>(name: string, ...args: unknown[]): Promise<Answer>;
  /** Calls back now, if the socket is connected, and at each later connection. Returns what ends it. */
  onConnect(listener: () => void): () => void;
  /** Calls back for each such event. Returns what ends it. */
  on<Payload>(name: string, listener: (payload: Payload) => void): () => void;
}

interface WireError {
  readonly code: string;
  readonly message: string;
}

/** The longest time-out there is. */
export const FOR_EVER_MS = 0x7fffffff;

/** A request during which so many connections broke may be what breaks them: it is larger than the server takes. */
export const LOSSES_MAX = 5;

const links = new WeakMap<QueueSocket, Link>();

/** The one link of a socket. Its listeners stay as long as the socket. */
export function linkOf(socket: QueueSocket): Link {
  const known = links.get(socket);
  if (known) return known;
  const link = createLink(socket);
  links.set(socket, link);
  return link;
}

function createLink(socket: QueueSocket): Link {
  /** What fails if the connection is lost. */
  const pending = new Set<(error: QueueError) => void>();
  const listeners: Record<string, Set<(payload: never) => void>> = {};

  function on<Payload>(name: string, listener: (payload: Payload) => void): () => void {
    if (!listeners[name]) {
      const set = new Set<(payload: never) => void>();
      listeners[name] = set;
      socket.on(name, (payload: unknown) => {
        for (const each of [...set]) each(payload as never);
      });
    }
    const set = listeners[name];
    set.add(listener);
    return () => set.delete(listener);
  }

  on("disconnect", () => {
    const lost = [...pending];
    pending.clear();
    for (const reject of lost) reject(new QueueError("DISCONNECTED", "the connection was lost"));
  });

  return {
    socket,
    worker: undefined,
    queues: new Set(),
    watches: new Map(),
    on,
    ask: (name, ...args) =>
      new Promise((resolve, reject) => {
        // what waits in a buffer may come in the wrong order, or twice
        if (!socket.connected) {
          reject(new QueueError("DISCONNECTED", "the socket is not connected"));
          return;
        }
        pending.add(reject);
        const ack = (lost: Error | null, error?: WireError | null, answer?: unknown) => {
          // the connection went: that is told to all at once
          if (lost) return;
          pending.delete(reject);
          if (error) reject(new QueueError(error.code, error.message));
          else resolve(answer as never);
        };
        // with a time-out, however long, an acknowledgement has the same form whatever the socket's options
        try {
          socket.timeout(FOR_EVER_MS).emit(`holdfast:queue:${name}`, ...args, ack);
        } catch (error) {
          pending.delete(reject);
          reject(new QueueError("JOB_TOO_LARGE", `it cannot be sent: ${(error as Error).message}`));
        }
      }),
    onConnect(listener) {
      if (socket.connected) listener();
      return on("connect", listener);
    },
  };
}

/** Whether another connection may do better. */
export function isDisconnected(error: unknown): boolean {
  return (error as QueueError).code === "DISCONNECTED";
}
