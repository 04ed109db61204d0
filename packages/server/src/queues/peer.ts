import type { Queue } from "@holdfast/core";
import { Refusal } from "./answers.ts";
import type { QueueSocket } from "./queue-socket.ts";
import { RemoteWorker, type WorkerHost } from "./remote-worker.ts";
import { Watches } from "./watches.ts";

export interface PeerLimits {
  readonly workedPerSocketMax: number;
  readonly watchesPerSocketMax: number;
  readonly requestsPerSocketMax: number;
}

/** One client's dealings with queues: it outlives its transport for as long as its leases do. */
export class Peer implements WorkerHost {
  /** The id of the socket that it began as: who it is, for the queues. */
  readonly sid: string;
  /** The id of the socket that it was last. */
  lastSid: string;
  /** Requests that are not answered. */
  requests = 0;
  watches: Watches;
  readonly #limits: PeerLimits;
  readonly #workers = new Map<string, RemoteWorker>();
  #socket: QueueSocket | undefined;

  constructor(socket: QueueSocket, sid: string, limits: PeerLimits) {
    this.sid = sid;
    this.lastSid = sid;
    this.#limits = limits;
    this.#socket = socket;
    this.watches = new Watches(socket);
  }

  get socket(): QueueSocket | undefined {
    return this.#socket;
  }

  /** It takes jobs, or has some. Who only speaks under leases that it made up does not. */
  get isAtWork(): boolean {
    for (const worker of this.#workers.values()) if (!worker.isIdle) return true;
    return false;
  }

  /** How long, in ms, it can be gone before all its leases have passed on. */
  get graceMs(): number {
    return Math.max(0, ...[...this.#workers.values()].map(({ queue }) => queue.options.graceMs));
  }

  /** The worker for a queue, made if it is not there: it takes no jobs before it is told to. */
  worker(queue: Queue): RemoteWorker {
    const known = this.#workers.get(queue.name);
    if (known) return known;
    const { workedPerSocketMax } = this.#limits;
    if (this.#workers.size >= workedPerSocketMax) {
      throw new Refusal("QUEUE_LIMIT", `a socket can work on ${workedPerSocketMax} queues`);
    }
    const worker = new RemoteWorker(this, queue, `socket:${this.sid}`);
    this.#workers.set(queue.name, worker);
    return worker;
  }

  /** Ends the work on a queue; what is held stays until its outcome. */
  stop(queue: string): void {
    this.#workers.get(queue)?.stop();
  }

  checkWatch(queue: string, id: string): void {
    const { watchesPerSocketMax } = this.#limits;
    if (this.watches.size >= watchesPerSocketMax && !this.watches.has(queue, id)) {
      throw new Refusal("QUEUE_LIMIT", `a socket can watch ${watchesPerSocketMax} jobs`);
    }
  }

  /** Gives up its watches: another peer has the connection from now on. */
  handOver(): Watches {
    const { watches } = this;
    if (this.#socket) this.watches = new Watches(this.#socket);
    return watches;
  }

  /** Its transport is lost: it may come back. */
  lose(lastSid = this.lastSid): void {
    this.lastSid = lastSid;
    this.#socket = undefined;
    this.watches.clear();
    for (const worker of this.#workers.values()) worker.lose();
  }

  /** It is back, over another connection: under its session, or with its `watches` as one that shows who it is. */
  resume(socket: QueueSocket, watches?: Watches): void {
    if (this.#socket) this.lose();
    this.#socket = socket;
    this.watches = watches ?? new Watches(socket);
    for (const worker of this.#workers.values()) worker.resume(!watches);
  }

  /** It is gone for good: its leases are given back. */
  async release(): Promise<void> {
    this.#socket = undefined;
    this.watches.clear();
    const workers = [...this.#workers.values()];
    this.#workers.clear();
    await Promise.all(workers.map((worker) => worker.release()));
  }
}
