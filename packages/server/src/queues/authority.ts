import { Refusal } from "./answers.ts";
import type { QueueAction, QueueRequest, QueueSocket, QueuesServerOptions } from "./queue-socket.ts";

type Authorize = NonNullable<QueuesServerOptions["authorize"]>;

/** Decides what clients may do with queues: nothing that the application does not allow. */
export class Authority {
  readonly #authorize: Authorize | undefined;
  readonly #onError: (error: Error) => void;

  constructor(authorize: Authorize | undefined, onError: (error: Error) => void) {
    this.#authorize = authorize;
    this.#onError = onError;
  }

  /** Rejects with `QUEUE_FORBIDDEN`. */
  async check(socket: QueueSocket, action: QueueAction, queue: string, job?: QueueRequest): Promise<void> {
    if (!(await this.#isAllowed(socket, action, queue, job))) {
      throw new Refusal("QUEUE_FORBIDDEN", `you may not ${action} here`);
    }
  }

  async #isAllowed(
    socket: QueueSocket,
    action: QueueAction,
    queue: string,
    job: QueueRequest | undefined,
  ): Promise<boolean> {
    try {
      return (await this.#authorize?.(socket, action, queue, job)) === true;
    } catch (error) {
      this.#onError(error as Error);
      return false;
    }
  }
}
