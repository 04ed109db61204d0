import { randomUUID } from "node:crypto";
import { Peer, type PeerLimits } from "./peer.ts";
import type { QueueSocket } from "./queue-socket.ts";
import type { Watches } from "./watches.ts";

/** Peers that wait for their clients. Past it the oldest is given up. */
const AWAY_MAX = 10_000;

export type OnReleaseError = (error: Error) => void;

/** All clients that deal with queues: those that are connected, and those whose leases still wait for them. */
export class Peers {
  readonly #limits: PeerLimits;
  readonly #onError: OnReleaseError;
  readonly #bySocket = new Map<QueueSocket, Peer>();
  /** By the id of the socket that they began as. */
  readonly #bySid = new Map<string, Peer>();
  /** Those that are away, by the id of the socket that they were last: another one, if they showed who they are. */
  readonly #left = new Map<string, Peer>();
  /** What ends their time, the oldest first. */
  readonly #away = new Map<Peer, NodeJS.Timeout>();

  constructor(limits: PeerLimits, onError: OnReleaseError) {
    this.#limits = limits;
    this.#onError = onError;
  }

  of(socket: QueueSocket): Peer {
    const known = this.#bySocket.get(socket);
    if (known) return known;
    // another connection may have shown that it is who this one was
    const sid = this.#bySid.has(socket.id) ? randomUUID() : socket.id;
    const peer = new Peer(socket, sid, this.#limits);
    this.#bySocket.set(socket, peer);
    this.#bySid.set(sid, peer);
    return peer;
  }

  /** The client shows that it is the one that began as the socket `sid`. Its earlier connection, if any, has no part in it now. */
  adopt(socket: QueueSocket, sid: string): Peer {
    const present = this.of(socket);
    if (present.sid === sid) return present;
    const former = this.#bySid.get(sid) ?? new Peer(socket, sid, this.#limits);
    if (former.socket && former.socket !== socket) this.#bySocket.delete(former.socket);
    // what this connection watches already goes on
    const watches = present.handOver();
    this.#release(present);
    this.#bySid.set(sid, former);
    this.#bySocket.set(socket, former);
    this.#arrive(former, socket, watches);
    return former;
  }

  /** A session was resumed: the client goes on as it was. */
  onResume(socket: QueueSocket): void {
    const peer = this.#left.get(socket.id) ?? this.#bySid.get(socket.id);
    if (!peer) return;
    this.#bySocket.set(socket, peer);
    this.#arrive(peer, socket);
  }

  /** @param mayReturn its transport was lost; otherwise it has left */
  onClose(socket: QueueSocket, mayReturn: boolean): void {
    const peer = this.#bySocket.get(socket);
    if (!peer) return;
    this.#bySocket.delete(socket);
    if (!mayReturn || !peer.isAtWork) {
      this.#release(peer);
      return;
    }
    peer.lose(socket.id);
    this.#left.set(socket.id, peer);
    const timer = setTimeout(() => this.#release(peer), peer.graceMs).unref();
    this.#away.set(peer, timer);
    if (this.#away.size > AWAY_MAX) this.#release(this.#away.keys().next().value!);
  }

  /** Forgets everybody. What they hold is the queues' concern. */
  close(): void {
    for (const timer of this.#away.values()) clearTimeout(timer);
    for (const peer of this.#bySid.values()) peer.watches.clear();
    this.#away.clear();
    this.#left.clear();
    this.#bySid.clear();
    this.#bySocket.clear();
  }

  #arrive(peer: Peer, socket: QueueSocket, watches?: Watches): void {
    this.#isBack(peer);
    peer.resume(socket, watches);
  }

  #isBack(peer: Peer): void {
    clearTimeout(this.#away.get(peer));
    this.#away.delete(peer);
    if (this.#left.get(peer.lastSid) === peer) this.#left.delete(peer.lastSid);
  }

  #release(peer: Peer): void {
    this.#isBack(peer);
    if (this.#bySid.get(peer.sid) === peer) this.#bySid.delete(peer.sid);
    peer.release().catch(this.#onError);
  }
}
