import { type Queue, type QueueOptions, Queues, type Store } from "@holdfast/core";
import type { Controls } from "../negotiation/index.ts";
import { Authority } from "./authority.ts";
import { queueControls } from "./controls.ts";
import { Grants } from "./grants.ts";
import { Peers } from "./peers.ts";
import type { QueueSocket, QueuesServerOptions } from "./queue-socket.ts";

export interface ServerQueuesOptions extends QueuesServerOptions {
  readonly store: Store;
  readonly onError: (error: Error, context: { stage: "queue"; queue?: string }) => void;
}

/** The queues of a server: those of its store, and the clients that deal with them. */
export class ServerQueues {
  /** Taken from every socket from the first queue on. */
  readonly controls: Controls<QueueSocket>;
  readonly registry: Queues;
  readonly #peers: Peers;

  constructor({ store, onError, authorize, ...limits }: ServerQueuesOptions) {
    this.registry = new Queues({ store, onError, queuesMax: limits.queuesMax });
    const report = (error: Error) => onError(error, { stage: "queue" });
    const requestsPerSocketMax = limits.requestsPerSocketMax ?? 10_000;
    this.#peers = new Peers(
      {
        workedPerSocketMax: limits.workedPerSocketMax ?? 100,
        watchesPerSocketMax: limits.watchesPerSocketMax ?? 1_000,
        requestsPerSocketMax,
      },
      report,
    );
    this.controls = queueControls({
      registry: this.registry,
      authority: new Authority(authorize, report),
      grants: new Grants(store),
      peers: this.#peers,
      requestsPerSocketMax,
      onError: report,
    });
  }

  queue<Data, Result>(name: string, options?: QueueOptions): Queue<Data, Result> {
    return this.registry.queue<Data, Result>(name, options);
  }

  /** A socket with a resumed session is connected. */
  onResume(socket: QueueSocket): void {
    this.#peers.onResume(socket);
  }

  /** @param mayReturn its transport was lost; otherwise it has left */
  onClose(socket: QueueSocket, mayReturn: boolean): void {
    this.#peers.onClose(socket, mayReturn);
  }

  /** Waits for jobs of this process, at most `timeoutMs` (default: 30,000), and gives the others' leases back. */
  async close(options?: { timeoutMs?: number }): Promise<void> {
    // meanwhile clients may still leave, or say how their jobs went
    await this.registry.close(options);
    this.#peers.close();
  }
}
