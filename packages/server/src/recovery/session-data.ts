import type { SessionSocket } from "./session-socket.ts";

const INTERVAL_MS = 1_000;
/** How many sockets are looked at in one second. */
const LOOKS_MAX = 2_000;

/**
 * Notices when `socket.data` has changed: it is a plain object, so it is compared with what was stored last, once a
 * second, for sockets whose application has ever asked for it.
 */
export class SessionData {
  readonly #store: (socket: SessionSocket, json: string) => void;
  /** Watched sockets and what is stored of each; the next to be looked at comes first. */
  readonly #watched = new Map<SessionSocket, string | undefined>();
  readonly #recorded = new WeakSet<SessionSocket>();
  #timer: NodeJS.Timeout | undefined;

  /** @param store called with what has changed */
  constructor(store: (socket: SessionSocket, json: string) => void) {
    this.#store = store;
  }

  watch(socket: SessionSocket): void {
    if (this.#watched.has(socket)) return;
    this.#watched.set(socket, undefined);
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS).unref();
  }

  /** Its data as it is now; undefined if nobody ever asked for it. */
  json(socket: SessionSocket): string | undefined {
    return this.#watched.has(socket) ? JSON.stringify(socket._data) : undefined;
  }

  /** As {@link json}, for the last time. */
  take(socket: SessionSocket): string | undefined {
    const json = this.json(socket);
    this.forget(socket);
    return json;
  }

  forget(socket: SessionSocket): void {
    this.#watched.delete(socket);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stores a record of a socket that was connected before then and has none. */
  record(socket: SessionSocket, connectedBeforeMs: number): void {
    if (this.#recorded.has(socket) || socket._issuedAt > connectedBeforeMs) return;
    this.#recorded.add(socket);
    this.#store(socket, this.json(socket) ?? "{}");
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    let looks = 0;
    for (const [socket, stored] of this.#watched) {
      if (looks++ >= Math.min(LOOKS_MAX, this.#watched.size)) return;
      const json = JSON.stringify(socket._data);
      this.#watched.delete(socket);
      this.#watched.set(socket, json);
      if (json === stored || (stored === undefined && json === "{}")) continue;
      this.#recorded.add(socket);
      this.#store(socket, json);
    }
  }
}
