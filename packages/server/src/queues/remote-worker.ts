import type { Consumer, Lease, LeaseEnd, Outcome, Queue } from "@holdfast/core";
import type { QueueSocket } from "./queue-socket.ts";

/** A worker whose connection holds more than this gets no further jobs until it has taken some. */
const ISSUED_BYTES_MAX = 256 * 1024;
/** How often, in ms, a connection that is stuck is looked at. */
const STUCK_INTERVAL_MS = 50;
/** What a job costs beside its data, in bytes. */
const ENVELOPE_BYTES = 256;

/** What a remote worker needs of its peer. */
export interface WorkerHost {
  /** Undefined while its transport is lost. */
  readonly socket: QueueSocket | undefined;
}

/** A client's worker on one queue: gives jobs to the client's connection, as fast as that takes them. */
export class RemoteWorker {
  readonly queue: Queue;
  readonly #host: WorkerHost;
  readonly #consumer: Consumer;
  /** Leases that were sent over the connection there is now. */
  readonly #sentHere = new Set<string>();
  /** The client wants jobs. */
  #isWanted = false;
  /** Leases that wait until the connection has taken what it was sent before. */
  readonly #unsent = new Map<string, Lease>();
  /** Since when the first of them waits, in ms. */
  #unsentSince = 0;
  /** Bytes given to the connection since it was last looked at. */
  #issuedBytes = 0;
  #stuck: NodeJS.Timeout | undefined;

  constructor(host: WorkerHost, queue: Queue, owner: string) {
    this.#host = host;
    this.queue = queue;
    this.#consumer = queue.consumer({
      owner,
      // whether it may take any is not known here: from the first moment it takes none
      isStopped: true,
      deliver: (lease) => this.#deliver(lease),
      onLost: (token, reason) => this.#onLost(token, reason),
    });
  }

  get leaseMs(): number {
    return this.#consumer.leaseMs;
  }

  get isIdle(): boolean {
    return !this.#isWanted && this.#consumer.leases.length === 0;
  }

  /**
   * Takes jobs from now on.
   *
   * @param held leases that the client says it works on: of the others, those sent over an earlier connection never
   *   arrived, and are handed back; without it nothing is
   * @returns those of `held` that have passed on
   */
  work(prefetch: number, held: readonly string[] | undefined): string[] {
    this.#consumer.setPrefetch(prefetch);
    const lost: string[] = [];
    if (held) {
      const kept = new Set(held);
      for (const token of held) if (!this.#renew(token)) lost.push(token);
      for (const token of this.#consumer.leases) {
        const isHere = this.#sentHere.has(token) || this.#unsent.has(token);
        if (!kept.has(token) && !isHere) this.#handBack(token);
      }
    }
    this.#isWanted = true;
    if (!this.#stuck) this.#consumer.start();
    return lost;
  }

  /** Takes no more jobs. */
  stop(): void {
    this.#isWanted = false;
    this.#consumer.stop();
  }

  settle(token: string, outcome: Outcome): Promise<void> {
    const settled = () => {
      this.#sentHere.delete(token);
    };
    return this.#consumer.settle(token, outcome).then(settled, (error) => {
      if (error.code === "RESULT_TOO_LARGE") settled();
      throw error;
    });
  }

  extend(token: string): number {
    return this.#consumer.extend(token);
  }

  progress(token: string, value: unknown): void {
    this.#consumer.progress(token, value);
  }

  /** The client's transport is lost. */
  lose(): void {
    this.#unstick();
    this.#sentHere.clear();
    this.#keepUnsent();
    this.#consumer.grace();
  }

  /** The client is back. @param goesOn under its session: otherwise it takes no jobs before it is let in again */
  resume(goesOn: boolean): void {
    if (!goesOn) this.stop();
    this.#consumer.resume();
    // it may have been stopped since its former connection took nothing
    if (this.#isWanted) this.#consumer.start();
  }

  /** The client is gone: its leases are given back. */
  release(): Promise<void> {
    this.#isWanted = false;
    this.#unstick();
    this.#keepUnsent();
    return this.#consumer.release();
  }

  #deliver(lease: Lease): void {
    if (!this.#stuck) {
      this.#send(lease);
      return;
    }
    if (this.#unsent.size === 0) this.#unsentSince = performance.now();
    this.#unsent.set(lease.token, lease);
  }

  #send({ token, id, queue, data, attempt, attempts, leaseMs }: Lease): void {
    const { socket } = this.#host;
    if (!socket?.connected) throw new Error("the worker's connection is gone");
    this.#sentHere.add(token);
    const job = { queue, id, lease: token, data, attempt, attempts, leaseMs };
    socket._emitUnstored("holdfast:queue:job", job);
    this.#issuedBytes += ENVELOPE_BYTES + sizeOf(data);
    if (this.#issuedBytes > ISSUED_BYTES_MAX && !this.#stuck) {
      // those that have begun already still come
      this.#consumer.stop();
      // first it is given the chance to write what was issued in this tick
      this.#stuck = setTimeout(() => this.#look(), 0).unref();
    }
  }

  #onLost(token: string, reason: LeaseEnd): void {
    if (this.#unsent.delete(token)) return;
    this.#sentHere.delete(token);
    const { socket } = this.#host;
    if (socket?.connected) socket._emitUnstored("holdfast:queue:lost", { lease: token, reason });
  }

  /** Goes on as soon as the connection has taken what it was given. */
  #look(): void {
    const { socket } = this.#host;
    this.#stuck = undefined;
    if (!socket?.connected) return;
    if ((socket.conn.transport.pendingBytes ?? 0) > ISSUED_BYTES_MAX) {
      this.#stuck = setTimeout(() => this.#look(), STUCK_INTERVAL_MS).unref();
      // nobody renews them: before they run out somebody else may have them
      if (performance.now() - this.#unsentSince > this.leaseMs / 2) this.#keepUnsent();
      return;
    }
    this.#issuedBytes = 0;
    for (const [token, lease] of this.#unsent) {
      this.#unsent.delete(token);
      this.#send(lease);
      if (this.#stuck) return;
    }
    if (this.#isWanted) this.#consumer.start();
  }

  #unstick(): void {
    clearTimeout(this.#stuck);
    this.#stuck = undefined;
    this.#issuedBytes = 0;
  }

  /** What was not sent goes back as if nothing had been. */
  #keepUnsent(): void {
    for (const token of this.#unsent.keys()) this.#handBack(token);
    this.#unsent.clear();
  }

  #renew(token: string): boolean {
    if (!this.#consumer.holds(token)) return false;
    this.#consumer.extend(token);
    return true;
  }

  #handBack(token: string): void {
    // if it cannot be stored the lease runs out
    this.#consumer.settle(token, { handBack: true }).catch(() => {});
  }
}

/** About how many bytes a value takes on the wire: enough to see that a connection has a lot to do. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) bytes += 1 + sizeOf(item);
  } else for (const key of Object.keys(value)) bytes += key.length + 3 + sizeOf((value as Bag)[key]);
  return bytes;
}

type Bag = Readonly<Record<string, unknown>>;
