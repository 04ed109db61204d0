import type { SessionSocket } from "./session-socket.ts";

const INTERVAL_MS = 1_000;
/** How many sockets are looked at in one second. */
const LOOKS_MAX = 2_000;
/** What one session's data may take as JSON. */
const DATA_BYTES_MAX = 1024 * 1024;
const EMPTY = "{}";

/** What happens to the data of sessions. */
export interface DataObserver {
  /** It has changed. */
  onChange(socket: SessionSocket, json: string): void;
  /** It can't be stored: what JSON can't hold, or too much. */
  onUnstorable(socket: SessionSocket, error: Error): void;
}

/**
 * Notices when `socket.data` has changed: it is a plain object, so it is compared with what was stored last, once a
 * second, for sockets whose application has ever asked for it.
 */
export class SessionData {
  readonly #observer: DataObserver;
  /** What is stored of each, if anything. */
  readonly #stored = new WeakMap<SessionSocket, string>();
  /** Those that were asked for it; the next to be looked at comes first. */
  readonly #watched = new Set<SessionSocket>();
  #timer: NodeJS.Timeout | undefined;

  constructor(observer: DataObserver) {
    this.#observer = observer;
  }

  watch(socket: SessionSocket): void {
    if (this.#watched.has(socket)) return;
    this.#watched.add(socket);
    // what most programs ever store, they store when a client connects: that need not wait for a second
    setImmediate(() => {
      if (this.#watched.has(socket)) this.#check(socket);
    });
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** The session was resumed: this is stored of it. */
  adopt(socket: SessionSocket, json: string): void {
    this.#stored.set(socket, json);
  }

  /** Its data as it is now; undefined if there is none. Throws if it can't be stored. */
  json(socket: SessionSocket): string | undefined {
    const stored = this.#stored.get(socket);
    if (!this.#watched.has(socket)) return stored;
    const json = toJson(socket._data);
    if (stored === undefined && json === EMPTY) return undefined;
    this.#stored.set(socket, json);
    return json;
  }

  forget(socket: SessionSocket): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const sockets = [...takeFirst(this.#watched, LOOKS_MAX)];
    for (const socket of sockets) {
      this.#watched.delete(socket);
      this.#watched.add(socket);
      this.#check(socket);
    }
  }

  #check(socket: SessionSocket): void {
    const stored = this.#stored.get(socket);
    try {
      const json = this.json(socket);
      if (json !== stored && json !== undefined) this.#observer.onChange(socket, json);
    } catch (error) {
      this.#observer.onUnstorable(socket, error as Error);
    }
  }
}

function toJson(data: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (error) {
    throw new Error(`socket.data can't be stored: ${(error as Error).message}`, { cause: error });
  }
  if (json === undefined) throw new Error(`socket.data can't be stored: it is ${typeof data}`);
  if (json.length > DATA_BYTES_MAX) {
    throw new Error(`socket.data can't be stored: it has ${json.length} of ${DATA_BYTES_MAX} characters`);
  }
  return json;
}

function* takeFirst<T>(values: Iterable<T>, count: number): Generator<T> {
  let taken = 0;
  for (const value of values) {
    if (taken++ === count) return;
    yield value;
  }
}
