import type { AddOptions } from "@holdfast/core";
import type { Party } from "../negotiation/index.ts";

/** A socket, as far as queues are concerned. */
export interface QueueSocket extends Party {
  readonly id: string;
  readonly conn: Party["conn"] & { readonly transport: { readonly pendingBytes?: number; rest?(): void } };
  /** Emits to this client alone, and stores nothing of it: what a queue says is true at the moment. */
  _emitUnstored(event: string, ...args: unknown[]): void;
}

/** What a client wants of a queue. Renewing a job and saying how it went takes no permission but its lease. */
export type QueueAction = "add" | "work" | "watch" | "admin";

/** What `admin` can do. Those of a job are given its id. */
export const ADMIN_ACTIONS = [
  "counts",
  "get",
  "pause",
  "resume",
  "drain",
  "deadLetters",
  "redrive",
  "purge",
  "remove",
] as const;
export type AdminAction = (typeof ADMIN_ACTIONS)[number];

/** What a client asks about, as `authorize` sees it. From the wire: of any size and shape. */
export interface QueueRequest extends Pick<AddOptions, "id" | "delayMs" | "priority" | "expiresMs"> {
  /** Of `add`. */
  readonly data?: unknown;
  /** Of `admin`: what is to be done. */
  readonly command?: AdminAction;
}

/** The server's option `queues`: what clients may do with queues, and how much of it. */
export interface QueuesServerOptions<Socket = QueueSocket> {
  /**
   * Whether a client may do this with the queue of that name, whether or not there is one. A throw or a rejection is a
   * no, and goes to `onError`. Who may `watch` sees the jobs that it added; who may `admin`, any. Default: nobody may
   * do anything.
   */
  authorize?:
    | ((socket: Socket, action: QueueAction, queue: string, job?: QueueRequest) => boolean | Promise<boolean>)
    | undefined;
  /** Queues of the store, those of earlier runs included. Default 1,000. */
  queuesMax?: number | undefined;
  /** Queues that one socket may work on. Default 100. */
  workedPerSocketMax?: number | undefined;
  /** Jobs that one socket may watch. Default 1,000. */
  watchesPerSocketMax?: number | undefined;
  /** Requests of one socket that are not answered yet. Default 10,000. */
  requestsPerSocketMax?: number | undefined;
}
