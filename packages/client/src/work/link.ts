import type { Loose } from "../events.ts";
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

type Answered = [error?: WireError | null, answer?: unknown];
type OnAnswer = (...answered: Answered) => void;

/** Requests of one message, and characters of each: a message is far smaller than what servers take. */
const LIST_MAX = 100;
const CHARS_MAX = 2_000;
/** Constructors of what JSON has. */
const PLAIN = /^(Object|Array|String|Number|Boolean)$/;

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

  /** Requests of one kind that were made in this tick, as they were then: they leave as one message. */
  let gathered: [json: string, onAnswer: OnAnswer][] = [];
  let kind: string;
  /** What went with a connection goes alone next: some of it may have been too large. */
  let isAlone: boolean;

  on("disconnect", () => {
    const lost = [...pending];
    pending.clear();
    gathered = [];
    isAlone = true;
    for (const reject of lost) reject(disconnected());
  });

  function emit(onAnswer: OnAnswer, name: string, ...args: unknown[]): void {
    // with a time-out, however long, an acknowledgement has the same form whatever the socket's options
    socket
      .timeout(FOR_EVER_MS)
      .emit(`holdfast:queue:${name}`, ...args, (lost: Error | null, ...answer: Answered) => {
        // the connection went: that is told to all at once
        if (!lost) onAnswer(...answer);
      });
  }

  function flush(): void {
    const entries = gathered;
    gathered = [];
    if (!entries[0]) return;
    const list = JSON.parse(`[${entries.map(([json]) => json)}]`);
    const onAnswer: OnAnswer = (error, answers) =>
      entries.forEach(([, onOwn], at) => {
        onOwn(...(error ? ([error] as Answered) : (answers as Answered[])[at]!));
      });
    if (entries[1]) emit(onAnswer, "many", kind, list);
    else emit(entries[0][1], kind, ...list[0]);
  }

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
          reject(disconnected());
          return;
        }
        const isListed = "add done fail".includes(name);
        const onAnswer: OnAnswer = (error, answer) => {
          pending.delete(reject);
          if (isListed) isAlone = false;
          if (error) reject(new QueueError(error.code, error.message));
          else resolve(answer as never);
        };
        pending.add(reject);
        try {
          const json = isListed && !isAlone && jsonOf(args);
          if (name !== kind || !json || gathered.length === LIST_MAX) flush();
          if (json) {
            kind = name;
            if (gathered.push([json, onAnswer]) === 1) queueMicrotask(flush);
          } else emit(onAnswer, name, ...args);
        } catch (error) {
          onAnswer({ code: "JOB_TOO_LARGE", message: (error as Error).message });
        }
      }),
    onConnect(listener) {
      if (socket.connected) listener();
      return on("connect", listener);
    },
  };
}

/** As JSON; undefined if it is long, or of more than plain objects, arrays and primitives: of binaries above all. */
function jsonOf(args: unknown[]): string | undefined {
  let isPlain = true;
  const json = JSON.stringify(args, function (this: Loose, key, value) {
    // as it is, not as its toJSON has it
    isPlain &&= PLAIN.test(this[key]?.constructor?.name ?? "Object");
    return value;
  });
  return isPlain && json.length < CHARS_MAX ? json : undefined;
}

function disconnected(): QueueError {
  return new QueueError("DISCONNECTED", "disconnected");
}

/** Whether another connection may do better. */
export function isDisconnected(error: unknown): boolean {
  return (error as QueueError).code === "DISCONNECTED";
}
