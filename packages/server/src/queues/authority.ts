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
    if (!(await this.allows(socket, action, queue, job))) throw forbidden(action);
  }

  /** Known at once if the application says so at once. Neither throws nor rejects. */
  allows(
    socket: QueueSocket,
    action: QueueAction,
    queue: string,
    job?: QueueRequest,
  ): boolean | Promise<boolean> {
    try {
      const verdict: unknown = this.#authorize?.(socket, action, queue, job);
      if (typeof verdict !== "object" || verdict === null) return verdict === true;
      return Promise.resolve(verdict).then(
        (value: unknown) => value === true,
        (error) => this.#failed(error),
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): false {
    this.#onError(error as Error);
    return false;
  }
}

export function forbidden(action: QueueAction): Refusal {
  return new Refusal("QUEUE_FORBIDDEN", `you may not ${action} here`);
}
