import { RetryLater, type StoreError } from "@holdfast/core";
import { commit } from "./commit.ts";
import type { Deadlines } from "./deadlines.ts";
import { callHandler, type Handling } from "./execution.ts";
import type { RegisteredHandler } from "./handlers.ts";
import type { ReliableHost } from "./host.ts";
import type { ReliableOptions } from "./options.ts";
import type { RequestContext } from "./request.ts";
import { OpenTransaction } from "./transaction.ts";
import { DONE, isFault, type Refusal, refusalOf, retryOf, type Verdicts } from "./verdict.ts";

type Ack = (answer: unknown) => void;

/**
 * Events that have a handler and come from any client, as any event does: the handler's reply is their acknowledgement,
 * or `{ error: { code, message, data } }`. What is done through `tx` is one commit; nothing keeps a client from asking
 * for it twice.
 */
export class PlainCalls {
  readonly #host: ReliableHost;
  readonly #options: Required<Pick<ReliableOptions, "handlerTimeoutMs" | "exposeErrors">>;
  readonly #verdicts: Verdicts;
  readonly #deadlines: Deadlines;
  readonly #running = new Set<Promise<void>>();

  constructor({ host, options, verdicts, deadlines }: RequestContext) {
    this.#host = host;
    this.#options = options;
    this.#verdicts = verdicts;
    this.#deadlines = deadlines;
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Resolves when nothing runs, or the time (ms) is up. */
  async settled(timeoutMs: number): Promise<void> {
    if (!this.isBusy) return;
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.all(this.#running), timeUp]);
    clearTimeout(timer);
  }

  /** @param args with the acknowledgement, if one is asked for */
  call(socket: Handling, event: string, registered: RegisteredHandler, args: readonly unknown[]): void {
    const last = args[args.length - 1];
    const ack = typeof last === "function" ? (last as Ack) : undefined;
    const running = this.#call(socket, event, registered, ack ? args.slice(0, -1) : args, ack);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  async #call(
    socket: Handling,
    event: string,
    registered: RegisteredHandler,
    args: readonly unknown[],
    ack: Ack | undefined,
  ): Promise<void> {
    const about = { socket, event, sequence: undefined, isRepeat: false };
    const tx = new OpenTransaction<unknown>(this.#host.transactionsOf(socket), about);
    let reply: unknown;
    try {
      reply = await this.#inTime(event, registered, callHandler(registered, args, tx));
      // what can't be told must not take effect
      if (tx.hasEffect) this.#verdicts.encode([DONE, reply]);
    } catch (error) {
      tx.drop();
      if (isFault(error)) this.#report(error, socket, event);
      ack?.({ error: this.#refusalOf(error) });
      return;
    }
    try {
      await commit(this.#host.kept?.store, tx.close());
    } catch (error) {
      this.#report(error, socket, event);
      ack?.({ error: { code: (error as StoreError).code, message: "it could not be stored" } });
      return;
    }
    try {
      ack?.(reply);
    } catch (error) {
      this.#report(error, socket, event);
      ack?.({ error: this.#refusalOf(error) });
    }
  }

  #inTime(event: string, { timeoutMs }: RegisteredHandler, reply: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ms = timeoutMs ?? this.#options.handlerTimeoutMs;
      const deadline = this.#deadlines.start(ms, event, { reject });
      reply.then(resolve, reject).finally(() => deadline.stop());
    });
  }

  #refusalOf(error: unknown): Refusal & { retryMs?: number } {
    if (error instanceof RetryLater) return retryOf(error);
    return refusalOf(error, this.#options.exposeErrors);
  }

  #report(error: unknown, { nsp }: Handling, event: string): void {
    const failure = error instanceof Error ? error : new Error(String(error), { cause: error });
    this.#host.onError(failure, { stage: "reliable", namespace: nsp.name, event });
  }
}
