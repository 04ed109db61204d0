// biome-ignore-all lint/suspicious/noExplicitAny: arguments and replies are the application's
import { HoldfastError } from "../errors.ts";
import type { Party } from "../negotiation/index.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { findHandler, plainListeners, type RegisteredHandler } from "./handlers.ts";
import { Rejection } from "./rejection.ts";
import type { OpenTransaction } from "./transaction.ts";

/** A socket whose events can be handled. */
export interface Handling extends Party {
  on(event: string, listener: (...args: any[]) => unknown): unknown;
  rawListeners(event: string): ((...args: any[]) => unknown)[];
  /** Lets an event pass catch-all listeners and middleware. */
  _screen(event: [string, ...unknown[]], done: (error?: Error) => void): void;
  _onerror(error: Error): void;
}

/** How doing an event ends: with the first call of either. */
export interface Ending {
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

/**
 * Does what an event asks for: its handler if there is one, else its listeners, which answer through an acknowledgement
 * as their last argument. Ends with the reply; or with what was thrown, or a coded error: `NO_HANDLER`, `EVENT_REFUSED`
 * (by a middleware of the socket), `HANDLER_TIMEOUT`.
 */
export class Execution {
  readonly #socket: Handling;
  readonly #event: string;
  readonly #tx: OpenTransaction<unknown>;
  readonly #ending: Ending;
  readonly #handler: RegisteredHandler | undefined;
  readonly #deadline: Deadline;
  readonly #ack = (reply?: unknown) => this.#resolve(reply);
  readonly #screened: [string, ...unknown[]];
  #isScreened = false;

  /** Starts it. */
  constructor(
    tx: OpenTransaction<unknown>,
    args: readonly unknown[],
    deadlines: Deadlines,
    timeoutMs: number,
    ending: Ending,
  ) {
    const socket = tx.socket as Handling;
    this.#socket = socket;
    this.#event = tx.event;
    this.#tx = tx;
    this.#ending = ending;
    this.#handler = findHandler(socket, tx.event);
    this.#deadline = deadlines.start(this.#handler?.timeoutMs ?? timeoutMs, tx.event, ending);
    this.#screened = [tx.event, ...args, this.#ack];
    try {
      socket._screen(this.#screened, (error) => this.#onScreened(error));
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #onScreened(error: Error | undefined): void {
    if (this.#isScreened) return;
    this.#isScreened = true;
    if (error) {
      this.#socket._onerror(error);
      this.#reject(refusalOf(error));
      return;
    }
    try {
      this.#run();
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #run(): void {
    // middleware may have changed them
    const args = this.#screened.slice(1);
    const listeners = plainListeners(this.#socket, this.#event);
    if (this.#handler && args[args.length - 1] === this.#ack) args.pop();
    if (!this.#handler && listeners.length === 0) {
      throw new HoldfastError("NO_HANDLER", `nobody handles ${JSON.stringify(this.#event)}`);
    }
    for (const listener of listeners) listener.apply(this.#socket, args);
    if (this.#handler) {
      callHandler(this.#handler, args, this.#tx).then(this.#ack, (error) => this.#reject(error));
    }
  }

  #resolve(reply: unknown): void {
    this.#deadline.stop();
    this.#ending.resolve(reply);
  }

  #reject(error: unknown): void {
    this.#deadline.stop();
    this.#ending.reject(error);
  }
}

/** Calls a handler; whatever it throws rejects. */
export async function callHandler(
  { handler }: RegisteredHandler,
  args: readonly unknown[],
  tx: OpenTransaction<unknown>,
): Promise<unknown> {
  const passed = args.slice();
  // a client that leaves out arguments must not move the transaction
  while (passed.length < handler.length - 1) passed.push(undefined);
  passed.push(tx);
  const reply = await handler.apply(tx.socket, passed);
  if (tx.isPending) await tx.settled();
  return reply;
}

/** What a middleware says to the socket is not for its client, unless it means it to be. */
function refusalOf(error: Error): Error {
  if (error instanceof Rejection) return error;
  return new HoldfastError("EVENT_REFUSED", "a middleware refused the event", { cause: error });
}
